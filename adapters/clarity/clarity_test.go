package clarity_test

import (
	"testing"

	"vitalwire/adapters/clarity"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, clarity.Adapter) }
