package cursor

import (
	"math/big"
	"strings"
	"testing"

	"vitalwire/adapters/acom"
)

// checkDecimal compares a decoded number with mantissa * 10^exponent, computed
// by math/big, and demands exactly -exponent digits after the point.
func checkDecimal(t *testing.T, name string, raw uint32, got acom.Number, mantissa int64, exponent int) {
	t.Helper()
	want := new(big.Rat).SetInt64(mantissa)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
	if exponent >= 0 {
		want.Mul(want, new(big.Rat).SetInt(power))
	} else {
		want.Quo(want, new(big.Rat).SetInt(power))
	}
	value, ok := new(big.Rat).SetString(got.Text)
	if !ok || got.Special != 0 || value.Cmp(want) != 0 {
		t.Fatalf("%s %X: %+v, want %d * 10^%d", name, raw, got, mantissa, exponent)
	}
	_, decimals, _ := strings.Cut(got.Text, ".")
	if len(decimals) != max(0, -exponent) {
		t.Fatalf("%s %X: %q has %d decimals, the exponent is %d", name, raw, got.Text, len(decimals), exponent)
	}
	if strings.ContainsAny(got.Text, "eE+") || strings.HasPrefix(got.Text, "-0") && mantissa == 0 || hasLeadingZero(got.Text) {
		t.Fatalf("%s %X: %q is no plain decimal", name, raw, got.Text)
	}
}

func hasLeadingZero(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return len(s) > 1 && s[0] == '0' && s[1] != '.'
}

// TestSFLOAT_Exhaustive decodes all 65536 values (IEEE 11073-20601 F.8).
func TestSFLOAT_Exhaustive(t *testing.T) {
	specials := map[uint32]acom.Special{0x07FE: acom.PosInfinity, 0x07FF: acom.NaN, 0x0800: acom.NRes,
		0x0801: acom.Reserved, 0x0802: acom.NegInfinity}
	seen := 0
	for raw := range uint32(1 << 16) {
		got := SFLOAT(uint16(raw))
		if special, ok := specials[raw]; ok {
			if seen++; got.Special != special || got.Text != "" {
				t.Errorf("SFLOAT %04X: %+v, want %s", raw, got, special)
			}
			continue
		}
		mantissa, exponent := int64(raw%4096), int(raw/4096)
		if mantissa > 2047 {
			mantissa -= 4096
		}
		if exponent > 7 {
			exponent -= 16
		}
		checkDecimal(t, "SFLOAT", raw, got, mantissa, exponent)
	}
	if seen != len(specials) {
		t.Errorf("%d specials", seen)
	}
}

// TestFLOAT decodes every exponent with the mantissas around every power of two
// and of ten.
func TestFLOAT(t *testing.T) {
	specials := map[uint32]acom.Special{0x007FFFFE: acom.PosInfinity, 0x007FFFFF: acom.NaN, 0x00800000: acom.NRes,
		0x00800001: acom.Reserved, 0x00800002: acom.NegInfinity}
	var mantissas []int64
	around := func(m int64) {
		for _, v := range []int64{m - 2, m - 1, m, m + 1, m + 2} {
			for _, s := range []int64{v, -v} {
				if s >= -1<<23 && s < 1<<23 {
					mantissas = append(mantissas, s)
				}
			}
		}
	}
	for p := int64(1); p <= 1<<23; p *= 2 {
		around(p)
	}
	for p := int64(1); p <= 1e7; p *= 10 {
		around(p)
	}
	seen := map[uint32]bool{}
	for exponent := -128; exponent <= 127; exponent++ {
		for _, mantissa := range mantissas {
			raw := uint32(uint8(int8(exponent)))<<24 | uint32(mantissa)&0xFFFFFF
			got := FLOAT(raw)
			if special, ok := specials[raw]; ok {
				if seen[raw] = true; got.Special != special || got.Text != "" {
					t.Errorf("FLOAT %08X: %+v, want %s", raw, got, special)
				}
				continue
			}
			checkDecimal(t, "FLOAT", raw, got, mantissa, exponent)
		}
	}
	if len(seen) != len(specials) {
		t.Errorf("%d of %d specials were met", len(seen), len(specials))
	}
}
