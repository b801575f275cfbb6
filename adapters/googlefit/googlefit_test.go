package googlefit_test

import (
	"testing"

	"vitalwire/adapters/googlefit"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, googlefit.Adapter) }
