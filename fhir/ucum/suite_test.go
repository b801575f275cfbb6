package ucum_test

import (
	"encoding/xml"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"vitalwire/fhir/ucum"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
)

type suiteCase struct {
	ID      string `xml:"id,attr"`
	Unit    string `xml:"unit,attr"`
	Valid   string `xml:"valid,attr"`
	Display string `xml:"display,attr"`
	Value   string `xml:"value,attr"`
	Src     string `xml:"srcUnit,attr"`
	Dst     string `xml:"dstUnit,attr"`
	Outcome string `xml:"outcome,attr"`
	V1      string `xml:"v1,attr"`
	U1      string `xml:"u1,attr"`
	V2      string `xml:"v2,attr"`
	U2      string `xml:"u2,attr"`
	VRes    string `xml:"vRes,attr"`
	URes    string `xml:"uRes,attr"`
}

// TestSuite runs the functional tests of Ucum-java.
func TestSuite(t *testing.T) {
	var doc struct {
		Validation     []suiteCase `xml:"validation>case"`
		Display        []suiteCase `xml:"displayNameGeneration>case"`
		Conversion     []suiteCase `xml:"conversion>case"`
		Multiplication []suiteCase `xml:"multiplication>case"`
		Division       []suiteCase `xml:"division>case"`
	}
	if err := xml.Unmarshal(shared.Read(t, "data", "ucum", "UcumFunctionalTests.xml"), &doc); err != nil {
		t.Fatal(err)
	}
	var rows, failed [][]string
	all, good := 0, 0
	group := func(name string, cases []suiteCase, run func(suiteCase) error) {
		passed := 0
		for _, c := range cases {
			if err := run(c); err != nil {
				failed = append(failed, []string{name + " " + c.ID, "fails", err.Error()})
			} else {
				passed++
			}
		}
		all, good = all+len(cases), good+passed
		rows = append(rows, []string{name, fmt.Sprintf("%d of %d", passed, len(cases)), ""})
	}
	group("validation", doc.Validation, func(c suiteCase) error {
		if _, err := ucum.Parse(c.Unit); (err == nil) != (c.Valid == "true") {
			return fmt.Errorf("%s should be valid=%s: %v", c.Unit, c.Valid, err)
		}
		return nil
	})
	group("display names", doc.Display, func(c suiteCase) error {
		if got, err := ucum.Display(c.Unit); got != c.Display {
			return fmt.Errorf("%s is %q, not %q (%v)", c.Unit, got, c.Display, err)
		}
		return nil
	})
	group("conversion", doc.Conversion, func(c suiteCase) error {
		from, err1 := ucum.Parse(c.Src)
		to, err2 := ucum.Parse(c.Dst)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("%v %v", err1, err2)
		}
		got, err := ucum.Convert(rat(c.Value), from, to)
		if err != nil {
			return err
		}
		return same(got, c.Outcome)
	})
	compute := func(op func(a, b ucum.Unit) (ucum.Unit, error), num func(z, a, b *big.Rat) *big.Rat) func(suiteCase) error {
		return func(c suiteCase) error {
			u1, err1 := ucum.Parse(c.U1)
			u2, err2 := ucum.Parse(c.U2)
			want, err3 := ucum.Parse(c.URes)
			if err1 != nil || err2 != nil || err3 != nil {
				return fmt.Errorf("%v %v %v", err1, err2, err3)
			}
			u, err := op(u1, u2)
			if err != nil {
				return err
			}
			got, err := ucum.Convert(num(new(big.Rat), rat(c.V1), rat(c.V2)), u, want)
			if err != nil {
				return err
			}
			return same(got, c.VRes)
		}
	}
	group("multiplication", doc.Multiplication, compute(ucum.Unit.Mul, (*big.Rat).Mul))
	group("division", doc.Division, compute(ucum.Unit.Div, (*big.Rat).Quo))
	rows = append(rows, []string{"all", fmt.Sprintf("%d of %d (%.1f %%)", good, all, 100*float64(good)/float64(all)), ""})
	conformance.Table(t, "ucum", "UCUM", "The functional tests of Ucum-java (`fhir/ucum`), on UCUM 2.2. Outcomes are compared at the digits they are written with.",
		[]string{"group", "passed", "why not"}, append(rows, failed...))
	if good*100 < all*97 {
		t.Errorf("%d of %d pass", good, all)
	}
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

// same compares at the significant digits of want, which the suite rounds to
// the digits of the input.
func same(got *big.Rat, want string) error {
	mantissa, _, _ := strings.Cut(strings.ToLower(want), "e")
	digits := len(strings.TrimLeft(strings.ReplaceAll(mantissa, ".", ""), "0"))
	w := rat(want)
	diff := new(big.Rat).Sub(got, w)
	// Half a unit of the last significant digit of want.
	limit := new(big.Rat).Abs(w)
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)-1), nil))
	order := new(big.Rat).SetInt64(1)
	ten := big.NewRat(10, 1)
	for limit.Cmp(order) < 0 {
		order.Quo(order, ten)
	}
	for new(big.Rat).Mul(order, ten).Cmp(limit) <= 0 {
		order.Mul(order, ten)
	}
	limit.Quo(order, scale)
	limit.Quo(limit, big.NewRat(2, 1))
	if diff.Abs(diff).Cmp(limit) > 0 {
		return fmt.Errorf("%s, not %s", got.FloatString(30), want)
	}
	return nil
}
