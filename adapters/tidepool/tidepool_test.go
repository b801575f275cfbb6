package tidepool_test

import (
	"testing"

	"vitalwire/adapters/tidepool"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, tidepool.Adapter) }
