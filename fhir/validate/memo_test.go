package validate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir/validate"
	"vitalwire/profiles"
)

// parity is a Codes that knows even codes of systems ending in "even", and counts.
type parity struct{ asked map[string]int }

func (p parity) say(valueSet string, c validate.Coding) validate.Verdict {
	p.asked[fmt.Sprint(valueSet, c)]++
	if strings.HasSuffix(c.System, "even") == strings.ContainsAny(c.Code[len(c.Code)-1:], "02468") {
		return validate.Verdict{Membership: validate.Member}
	}
	return validate.Verdict{Membership: validate.NotMember}
}

func (p parity) InValueSet(_ context.Context, valueSet string, c validate.Coding) validate.Verdict {
	return p.say(valueSet, c)
}

func (p parity) InSystem(_ context.Context, c validate.Coding) validate.Verdict { return p.say("", c) }

// However many codings a Bundle has, each has its own answer; the terminology is
// asked of most only once.
func TestBundle_RememberedCodesAreRight(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"collection","entry":[`)
	const n, codes = 6000, 700
	want := 0
	for i := range n {
		code, system := i%codes, "urn:odd"
		if i/codes%2 == 0 {
			system = "urn:even"
		}
		if (code%2 == 0) != (system == "urn:even") {
			want++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"http://a.b/Basic/b%d","resource":{"resourceType":"Basic","id":"b%d","code":{"coding":[{"system":"%s","code":"c%d"}]}}}`, i, i, system, code)
	}
	b.WriteString(`]}`)
	known := parity{map[string]int{}}
	v := validate.New(profiles.R4(), known)
	got, places := 0, map[string]bool{}
	for _, is := range v.Element(t.Context(), element(t, b.String()), nil, validate.Options{ErrorsOnly: true, MaxIssues: n}) {
		if strings.Contains(is.Text, "is not in the code system") {
			got++
			places[is.Expression] = true
		}
	}
	if got != want || len(places) != want {
		t.Errorf("%d codes at %d places are wrong, want %d", got, len(places), want)
	}
	asked := 0
	for _, times := range known.asked {
		asked += times
	}
	if asked > n {
		t.Errorf("%d questions for %d codings", asked, n)
	}
}
