package cms50e_test

import (
	"testing"

	"vitalwire/adapters/cms50e"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, cms50e.Adapter) }
