package fitbit_test

import (
	"testing"

	"vitalwire/adapters/fitbit"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, fitbit.Adapter) }
