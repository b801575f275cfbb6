package omron_test

import (
	"testing"

	"vitalwire/adapters/omron"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, omron.Adapter) }
