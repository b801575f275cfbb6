package ivy450c_test

import (
	"testing"

	"vitalwire/adapters/ivy450c"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, ivy450c.Adapter) }
