package operation

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// memberMatch is Patient/$member-match (Da Vinci HRex 1.1 §2.2): the one patient here
// who has the demographics and the coverage given, as his member identifier; 422 when
// there is none, or more than one.
var memberMatch = Operation{
	Definition: "http://hl7.org/fhir/us/davinci-hrex/OperationDefinition/member-match",
	Run:        runMemberMatch,
}

// maxMembers bounds the coverages that are looked at.
const maxMembers = 100

func runMemberMatch(ctx context.Context, s *Set, c Call) (Result, error) {
	patient, coverage := c.named("MemberPatient"), c.named("CoverageToMatch")
	if patient.Get("resourceType").Text() != "Patient" || coverage.Get("resourceType").Text() != "Coverage" {
		return Result{}, fhir.Malformed("Parameters.parameter", "MemberPatient must be a Patient and CoverageToMatch a Coverage").WithCode(fhir.CodeInvalid)
	}
	candidates, err := s.coverages(ctx, coverage)
	if err != nil {
		return Result{}, err
	}
	var members []*fhir.Resource
	var card *fhir.Element
	for _, candidate := range candidates {
		key, ok := s.local(candidate.Path("beneficiary", "reference").Text())
		if !ok || key.Type != "Patient" || slices.ContainsFunc(members, func(r *fhir.Resource) bool { return r.Key() == key }) {
			continue
		}
		r, err := s.stored(ctx, key)
		if situation := fhir.SituationOf(err); err != nil && (situation == fhir.SituationNotFound || situation == fhir.SituationDeleted) {
			continue
		}
		if err != nil {
			return Result{}, err
		}
		if samePerson(patient, r.Root()) {
			members, card = append(members, r), candidate
		}
	}
	switch len(members) {
	case 1:
	case 0:
		return Result{}, fhir.Unprocessable("", "no member matches").WithCode(fhir.CodeNotFound)
	default:
		return Result{}, fhir.Unprocessable("", "more than one member matches").WithCode(fhir.CodeMultipleMatches)
	}
	return answer(s.member(members[0], card), nil)
}

// coverages finds the coverages that have an identifier of the one given, or its
// subscriberId: HRex allows no match by demographics alone.
func (s *Set) coverages(ctx context.Context, given *fhir.Element) ([]*fhir.Element, error) {
	var found []*fhir.Element
	n := 0
	add := func(query string, keep func(*fhir.Element) bool) error {
		q, err := s.query("Coverage", query)
		if err != nil {
			return err
		}
		return s.eachMatch(ctx, q, func(v store.Version) error {
			e, err := fhir.ParseElement(v.Body)
			if err != nil {
				return err
			}
			if keep == nil || keep(e) {
				found = append(found, e)
			}
			if n++; len(found) > maxMembers || n > maxLabelled {
				return fhir.TooCostly("too many coverages to look at; give the Coverage's identifier")
			}
			return nil
		})
	}
	for _, id := range given.Get("identifier").Items() {
		if value := id.Get("value").Text(); value != "" {
			token := coding{id.Get("system").Text(), value}.token()
			if err := add("identifier="+url.QueryEscape(token), nil); err != nil {
				return nil, err
			}
		}
	}
	// R4 has no search parameter for subscriberId: within the payor's coverages.
	if id := given.Get("subscriberId").Text(); id != "" {
		for _, payor := range given.Get("payor").Items() {
			query := ""
			if value := payor.Path("identifier", "value").Text(); value != "" {
				query = "payor:identifier=" + url.QueryEscape(coding{payor.Path("identifier", "system").Text(), value}.token())
			} else if text := payor.Get("reference").Text(); text != "" && !strings.HasPrefix(text, "#") {
				query = "payor=" + url.QueryEscape(text)
			} else {
				continue
			}
			if err := add(query, func(e *fhir.Element) bool { return e.Get("subscriberId").Text() == id }); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// samePerson compares family name, first given name, birth date and, when both have
// one, gender.
func samePerson(a, b *fhir.Element) bool {
	if a.Get("birthDate").Text() == "" || a.Get("birthDate").Text() != b.Get("birthDate").Text() {
		return false
	}
	if x, y := a.Get("gender").Text(), b.Get("gender").Text(); x != "" && y != "" && x != y {
		return false
	}
	for _, given := range a.Get("name").Items() {
		for _, known := range b.Get("name").Items() {
			family, first := fold(given.Get("family")), fold(given.Get("given").At(0))
			if family != "" && family == fold(known.Get("family")) && (first == "" || first == fold(known.Get("given").At(0))) {
				return true
			}
		}
	}
	return false
}

func fold(e *fhir.Element) string { return search.Fold(e.Text()) }

// member is the answer: an identifier of the patient of type member number (MB, UMB),
// else the one of the coverage, with that type.
func (s *Set) member(patient *fhir.Resource, coverage *fhir.Element) *fhir.Resource {
	var identifier *fhir.Element
	for _, id := range patient.Get("identifier").Items() {
		for _, c := range id.Get("type").Get("coding").Items() {
			if code := c.Get("code").Text(); (code == "MB" || code == "UMB") && identifier == nil {
				identifier = id.Clone()
			}
		}
	}
	if list := coverage.Get("identifier"); identifier == nil && list.Len() > 0 {
		identifier = list.At(0).Clone()
	}
	if identifier == nil {
		identifier = fhir.NewObject(fhir.S("value", coverage.Get("subscriberId").Text()))
	}
	identifier.Set("type", fhir.NewObject(fhir.M("coding", fhir.NewArray(fhir.NewObject(
		fhir.S("system", "http://hl7.org/fhir/us/davinci-hrex/CodeSystem/hrex-temp"), fhir.S("code", "UMB"))))))
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", fhir.NewArray(
		fhir.NewObject(fhir.S("name", "MemberIdentifier"), fhir.M("valueIdentifier", identifier)),
		fhir.NewObject(fhir.S("name", "MemberId"), fhir.M("valueReference", fhir.NewObject(fhir.S("reference", patient.Key().String()))))))
	return r
}
