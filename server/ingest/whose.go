package ingest

import (
	"slices"
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// bedPrefix begins the name under which the books know a bed.
const bedPrefix = "bed "

// bedName is a bed among the names of devices. Blanks at the ends of its parts and
// separators at its end mean nothing; a slash parts the keys of the books.
func bedName(place string) string {
	parts := strings.Split(place, "^")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return bedPrefix + strings.ReplaceAll(strings.TrimRight(strings.Join(parts, "^"), "^"), "/", "%2F")
}

// whose finds the patient of a report's device at a moment. There are three
// witnesses: who wore the device, who lay in the bed it stands at, whom its message
// names by an identifier that a Patient has. Where two of them disagree, nobody is
// believed: ok is false and the facts wait.
func (s *Service) whose(r store.Reader, names []string, report acom.Report, t time.Time) (patient string, ok bool, err error) {
	said, unknown, err := s.witnesses(r, names, report, t)
	if err != nil || len(said) != 1 {
		return "", false, err
	}
	contradicted, err := contradicts(r, said[0], unknown)
	return said[0], !contradicted && err == nil, err
}

// witnesses are the patients that the witnesses of a report name, each once, and the
// identifiers it names that no Patient has.
func (s *Service) witnesses(r store.Reader, names []string, report acom.Report, t time.Time) (said []string, unknown []store.Identifier, err error) {
	hear := func(names ...string) error {
		a, ok, err := associationAt(r, names, t)
		if ok && !slices.Contains(said, a.Patient) {
			said = append(said, a.Patient)
		}
		return err
	}
	if err := hear(names...); err != nil {
		return nil, nil, err
	}
	named := report.Subject
	if b := report.Bedside; b != nil {
		named = b.Subject
		if b.Place != "" {
			if err := hear(bedName(b.Place)); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, id := range s.subjectIDs(named) {
		holders, err := r.Holders("Patient", id)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range holders {
			if p := v.Key.String(); !slices.Contains(said, p) {
				said = append(said, p)
			}
		}
		if len(holders) == 0 {
			unknown = append(unknown, id)
		}
	}
	return said, unknown, nil
}

// contradicts reports whether a message names by an identifier that nobody has, and
// that the patient would have: he has another of the same system.
func contradicts(r store.Reader, patient string, unknown []store.Identifier) (bool, error) {
	if len(unknown) == 0 {
		return false, nil
	}
	key, _ := fhir.ParseKey(patient)
	v, err := r.Read(key)
	if err != nil {
		return false, unlessNotFound(err, nil)
	}
	resource, err := fhir.ParseResource(v.AppendJSON(nil))
	if err != nil {
		return false, err
	}
	for _, has := range resource.Get("identifier").Items() {
		for _, id := range unknown {
			if has.Get("system").Text() == *id.System {
				return true, nil
			}
		}
	}
	return false, nil
}

// subjectIDs are the identifiers of a message's patient whose system is known: that
// of an assigning authority with an OID, UUID or URI, or one that the operator gave
// for its name. A number without a system is no identity.
func (s *Service) subjectIDs(subject *acom.Subject) (list []store.Identifier) {
	if subject == nil {
		return nil
	}
	for _, id := range subject.Identifiers {
		system := s.Authorities[id.Namespace]
		switch {
		case id.Universal == "":
		case id.UniversalType == "ISO":
			system = "urn:oid:" + id.Universal
		case id.UniversalType == "UUID":
			system = "urn:uuid:" + strings.ToLower(id.Universal)
		case id.UniversalType == "URI":
			system = id.Universal
		}
		if system != "" && id.Type != "VN" && id.Type != "AN" { // a visit is no person
			list = append(list, store.Identifier{System: &system, Value: id.Value})
		}
	}
	return list
}
