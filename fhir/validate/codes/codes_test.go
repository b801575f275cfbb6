package codes_test

import (
	"context"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/validate"
	"vitalwire/fhir/validate/codes"
)

// source answers from a few resources.
type source map[string]string

func (s source) Structure(string) (*definition.Structure, error) { return nil, definition.ErrUnknown }

func (s source) Find(_, canonical string) (*fhir.Resource, bool) {
	text, ok := s[canonical]
	if !ok {
		return nil, false
	}
	r, err := fhir.ParseResource([]byte(text))
	return r, err == nil
}

func (s source) ValueSet(canonical string) (*fhir.Resource, bool)   { return s.Find("", canonical) }
func (s source) CodeSystem(canonical string) (*fhir.Resource, bool) { return s.Find("", canonical) }

var fixture = source{
	"http://s": `{"resourceType":"CodeSystem","url":"http://s","content":"complete","caseSensitive":true,"concept":[{"code":"a","display":"Apple","designation":[{"value":"Apfel"}],
		"concept":[{"code":"b","concept":[{"code":"c","property":[{"code":"kind","valueCode":"x"}]}]}]},{"code":"d"}]}`,
	"http://f":     `{"resourceType":"CodeSystem","url":"http://f","content":"fragment","concept":[{"code":"a"}]}`,
	"http://l":     `{"resourceType":"CodeSystem","url":"http://l","content":"complete","caseSensitive":false,"concept":[{"code":"Abc"}]}`,
	"http://u":     `{"resourceType":"CodeSystem","url":"http://u","content":"supplement","supplements":"http://s"}`,
	"http://all":   `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s"}]}}`,
	"http://list":  `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","concept":[{"code":"a"},{"code":"d"}]},{"system":"http://elsewhere","concept":[{"code":"z"}]}]}}`,
	"http://isa":   `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","filter":[{"property":"concept","op":"is-a","value":"b"}]}]}}`,
	"http://below": `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","filter":[{"property":"concept","op":"descendent-of","value":"b"}]}]}}`,
	"http://prop":  `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","filter":[{"property":"kind","op":"=","value":"x"}]}]}}`,
	"http://odd":   `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","filter":[{"property":"kind","op":"generalizes","value":"x"}]}]}}`,
	"http://minus": `{"resourceType":"ValueSet","compose":{"include":[{"valueSet":["http://all"]}],"exclude":[{"system":"http://s","concept":[{"code":"d"}]}]}}`,
	"http://both":  `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://s","valueSet":["http://list","http://isa"]}]}}`,
	"http://loinc": `{"resourceType":"ValueSet","compose":{"include":[{"system":"http://loinc.org","filter":[{"property":"CLASS","op":"=","value":"x"}]}]}}`,
	"http://self":  `{"resourceType":"ValueSet","compose":{"include":[{"valueSet":["http://self"]}]}}`,
	"http://exp":   `{"resourceType":"ValueSet","expansion":{"contains":[{"system":"http://s","code":"a","contains":[{"system":"http://s","code":"b"}]},{"system":"http://s","code":"n","abstract":true}]}}`,
	"http://lang":  `{"resourceType":"ValueSet","compose":{"include":[{"system":"urn:ietf:bcp:47"}]}}`,
}

func TestInValueSet(t *testing.T) {
	c := codes.New(fixture)
	const (
		yes = validate.Member
		no  = validate.NotMember
		may = validate.Unknown
	)
	for _, q := range []struct {
		set, system, code string
		want              validate.Membership
	}{
		{"http://all", "http://s", "c", yes}, {"http://all", "", "c", yes}, {"http://all", "http://s", "q", no}, {"http://all", "http://t", "c", no},
		{"http://list", "", "z", yes}, {"http://list", "http://elsewhere", "z", yes}, {"http://list", "http://s", "z", no}, {"http://list", "", "b", no},
		{"http://isa", "", "b", yes}, {"http://isa", "", "c", yes}, {"http://isa", "", "a", no}, {"http://below", "", "b", no}, {"http://below", "", "c", yes},
		{"http://prop", "", "c", yes}, {"http://prop", "", "b", no}, {"http://odd", "", "c", may},
		{"http://minus", "", "a", yes}, {"http://minus", "", "d", no}, {"http://both", "http://s", "d", no}, {"http://both", "http://s", "a", no},
		{"http://loinc", "http://loinc.org", "1-8", may}, {"http://loinc", "http://s", "1-8", no}, {"http://none", "", "x", may}, {"http://self", "", "x", may},
		{"http://exp", "", "b", yes}, {"http://exp", "", "n", no}, {"http://exp", "http://t", "b", no},
		{"http://lang", "", "de-CH", yes}, {"http://lang", "", "d_", no},
	} {
		if got := c.InValueSet(context.Background(), q.set, validate.Coding{System: q.system, Code: q.code}).Membership; got != q.want {
			t.Errorf("%s#%s in %s: %v, want %v", q.system, q.code, q.set, got, q.want)
		}
	}
}

func TestInSystem(t *testing.T) {
	c := codes.New(fixture)
	for _, q := range []struct {
		coding validate.Coding
		want   validate.Verdict
	}{
		{validate.Coding{System: "http://s", Code: "a", Display: "apple"}, validate.Verdict{Membership: validate.Member}},
		{validate.Coding{System: "http://s", Code: "a", Display: "Apfel"}, validate.Verdict{Membership: validate.Member}},
		{validate.Coding{System: "http://s", Code: "a", Display: "Pear"}, validate.Verdict{Membership: validate.Member, Display: "Apple"}},
		{validate.Coding{System: "http://s", Code: "A"}, validate.Verdict{Membership: validate.NotMember}},
		{validate.Coding{System: "http://l", Code: "aBC"}, validate.Verdict{Membership: validate.Member}},
		{validate.Coding{System: "http://f", Code: "b"}, validate.Verdict{}},
		{validate.Coding{System: "http://u", Code: "a"}, validate.Verdict{Supplement: true}},
		{validate.Coding{System: "http://loinc.org", Code: "x"}, validate.Verdict{}},
		{validate.Coding{System: "http://s", Version: "9", Code: "x"}, validate.Verdict{}},
		{validate.Coding{System: "http://unitsofmeasure.org", Code: "mm[Hg]"}, validate.Verdict{Membership: validate.Member}},
		{validate.Coding{System: "http://unitsofmeasure.org", Code: "mmHg"}, validate.Verdict{Membership: validate.NotMember}},
		{validate.Coding{System: "http://snomed.info/sct", Code: "271649006"}, validate.Verdict{}},
		{validate.Coding{System: "http://snomed.info/sct", Code: "271649006:363714003=1"}, validate.Verdict{}},
		{validate.Coding{System: "urn:ietf:bcp:13", Code: "text/plain; charset=utf-8"}, validate.Verdict{Membership: validate.Member}},
		{validate.Coding{System: "urn:ietf:bcp:13", Code: "text"}, validate.Verdict{Membership: validate.NotMember}},
	} {
		if got := c.InSystem(context.Background(), q.coding); got != q.want {
			t.Errorf("%+v: %+v, want %+v", q.coding, got, q.want)
		}
	}
}
