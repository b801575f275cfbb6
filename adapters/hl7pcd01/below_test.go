package hl7pcd01

import (
	"math/big"
	"testing"
)

// Decimals are compared by value, whatever their zeros: as math/big does.
func TestBelow_ByValue(t *testing.T) {
	texts := []string{"0", "-0", "0.0", "-0.00", "1", "1.0", "1.00", "1.01", "1.1", "0.9", "0.98", "0.980", "-1", "-1.5", "-1.50", "-0.1", "9", "10", "10.5", "99", "100", "123456789012345678901", "123456789012345678902"}
	for _, a := range texts {
		for _, b := range texts {
			x, _ := new(big.Rat).SetString(a)
			y, _ := new(big.Rat).SetString(b)
			if got, want := below(a, b), x.Cmp(y) < 0; got != want {
				t.Errorf("%s < %s: %v", a, b, got)
			}
		}
		if below("", a) || below(a, "") {
			t.Errorf("nothing is compared with %s", a)
		}
	}
}
