package polar_test

import (
	"testing"

	"vitalwire/adapters/polar"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, polar.Adapter) }
