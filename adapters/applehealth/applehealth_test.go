package applehealth_test

import (
	"testing"

	"vitalwire/adapters/applehealth"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, applehealth.Adapter) }
