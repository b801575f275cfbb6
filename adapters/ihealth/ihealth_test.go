package ihealth_test

import (
	"testing"

	"vitalwire/adapters/ihealth"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, ihealth.Adapter) }
