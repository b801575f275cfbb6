package healthconnect_test

import (
	"testing"

	"vitalwire/adapters/healthconnect"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, healthconnect.Adapter) }
