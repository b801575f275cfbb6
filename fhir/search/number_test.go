package search

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"vitalwire/fhir/path"
	"vitalwire/fhir/ucum"
)

// TestNumber_EncodesAsRationals: what is computed in words is what rational
// arithmetic gives, and sorts as the numbers do.
func TestNumber_EncodesAsRationals(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	units := []string{"1", "%", "/min", "mm[Hg]", "[degF]", "Cel", "kg", "ug", "[lb_av]", "kU/L", "meq/L", "10*3/uL", "a", "[in_i]", "mo", "10*-30", "10*30", "[pi].m"}
	type pair struct {
		value *big.Rat
		code  string
	}
	var seen []pair
	for range 20_000 {
		text := strconv.FormatUint(random.Uint64()>>random.IntN(64), 10)
		if random.IntN(4) == 0 {
			text = "0"
		}
		if random.IntN(2) == 0 {
			text += "." + strings.Repeat("0", random.IntN(6)) + strconv.Itoa(random.IntN(100000))
		}
		if random.IntN(3) == 0 {
			text = "-" + text
		}
		d, _ := path.ParseDecimal(text)
		if n, ok := scanNumber(text); ok && n.encode() != EncodeNumber(d) {
			t.Fatalf("%s is %s, not %s", text, n.encode(), EncodeNumber(d))
		}
		parsed, err := ucum.Parse(units[random.IntN(len(units))])
		if err != nil {
			t.Fatal(err)
		}
		base, err := parsed.ToBase(d.Rat())
		if err != nil {
			continue
		}
		got, ok := newUnit(parsed).count(text)
		if !ok || got != encodeRat(base) {
			t.Fatalf("%s %s is %s, not %s", text, parsed, got, encodeRat(base))
		}
		seen = append(seen, pair{base, got})
		other := seen[random.IntN(len(seen))]
		if by := base.Cmp(other.value); by != strings.Compare(got, other.code) {
			t.Fatalf("%s and %s are ordered %d by value", base, other.value, by)
		}
	}
}
