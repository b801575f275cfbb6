package withings_test

import (
	"testing"

	"vitalwire/adapters/withings"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, withings.Adapter) }
