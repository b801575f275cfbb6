package garmin_test

import (
	"testing"

	"vitalwire/adapters/garmin"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, garmin.Adapter) }
