package openmhealth_test

import (
	"testing"

	"vitalwire/adapters/openmhealth"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, openmhealth.Adapter) }
