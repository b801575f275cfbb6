package nightscout_test

import (
	"testing"

	"vitalwire/adapters/nightscout"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, nightscout.Adapter) }
