package healthkit_test

import (
	"testing"

	"vitalwire/adapters/healthkit"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, healthkit.Adapter) }
