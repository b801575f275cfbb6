package oura_test

import (
	"testing"

	"vitalwire/adapters/oura"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, oura.Adapter) }
