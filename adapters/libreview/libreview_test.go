package libreview_test

import (
	"testing"

	"vitalwire/adapters/libreview"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, libreview.Adapter) }
