package dexcom_test

import (
	"testing"

	"vitalwire/adapters/dexcom"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, dexcom.Adapter) }
