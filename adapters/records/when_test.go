package records

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"vitalwire/adapters/acom"
)

// The form of a time in one expression, as a second opinion.
var form = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d{2}:?\d{2})?$`)

func byForm(text string) (w acom.Wall, offset string, ok bool) {
	p := form.FindStringSubmatch(text)
	if p == nil {
		return w, "", false
	}
	return acom.Wall{Year: small(p[1]), Month: small(p[2]), Day: small(p[3]), Hour: small(p[4]), Minute: small(p[5]), Second: small(p[6]), Fraction: p[7]}, p[8], true
}

var (
	dateForm = regexp.MustCompile(`^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[ T,]+(.+))?$`)
	timeForm = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?)?$`)
)

// Times and dates are taken apart as their forms say, whatever is typed.
func TestISO_AsItsForm(t *testing.T) {
	for _, seed := range []string{"2026-03-01T08:15", "2026-03-01 08:15:30", "2026-03-01T08:15:30.123456789Z", "2026-03-01T08:15:30.5 +01:00", "2026-03-01T08:15-0800", "2026-03-01T08:15 Z", "2026-03-01T08:15:30.1234567890Z", "2026-03-01T08:15:30."} {
		mutants(seed, "0123456789-+:.TZ \t", func(text string) {
			w, offset, ok := rfc3339(text)
			wantW, wantOffset, want := byForm(text)
			if ok != want || ok && (w != wantW || offset != wantOffset) {
				t.Fatalf("%q: %v %q %v, not %v %q %v", text, w, offset, ok, wantW, wantOffset, want)
			}
		})
	}
	for _, seed := range []string{"06-24-2026 08:15 AM", "24/06/2026, 08:15", "2026.6.1T1:00", "1-1-1 ,,", "24/06/2026"} {
		mutants(seed, "0123456789-/.T, \n", func(text string) {
			p, ok := numericDate(text)
			if want := dateForm.FindStringSubmatch(text); ok != (want != nil) || ok && !slices.Equal(p[:], want[1:]) {
				t.Fatalf("%q: %q %v, not %q", text, p, ok, want)
			}
		})
	}
	for _, seed := range []string{"8:15", "11:30:15 PM", "11:30:15.123456789am", "1:00 a.m.", "1:00:00 p.m"} {
		mutants(seed, "0123456789:. AaPpMm\n", func(text string) {
			p, ok := timeOfDay(text)
			if want := timeForm.FindStringSubmatch(text); ok != (want != nil) || ok && !slices.Equal(p[:], want[1:]) {
				t.Fatalf("%q: %q %v, not %q", text, p, ok, want)
			}
		})
	}
}

// mutants are a text with up to three letters added, left out or changed.
func mutants(seed, letters string, try func(text string)) {
	g := rand.New(rand.NewPCG(1, 2))
	for n := range 10_000 {
		text := []byte(seed)
		for range n % 4 {
			switch i := g.IntN(len(text) + 1); {
			case g.IntN(3) == 0 || i == len(text):
				text = append(text[:i:i], append([]byte{letters[g.IntN(len(letters))]}, text[i:]...)...)
			case g.IntN(2) == 0:
				text = append(text[:i:i], text[i+1:]...)
			default:
				text[i] = letters[g.IntN(len(letters))]
			}
		}
		try(string(text))
	}
}
