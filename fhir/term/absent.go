package term

import (
	"fmt"

	"vitalwire/fhir"
)

// listedCodes is a code system made of what an include lists, for one whose
// codes are not here.
func listedCodes(v *view, set *fhir.Element) *view {
	s := &system{
		url: v.url, version: text(set, "version"), name: v.name, content: "not-present", byCode: map[string]int32{},
	}
	for _, c := range set.Get("concept").Items() {
		if code := text(c, "code"); code != "" {
			s.put(code, "")
		}
	}
	return &view{system: s}
}

// selectsAbsent answers for a code system whose codes are not here: a code that
// the value set lists is in it and one that it does not list is not; about
// filters and whole systems nothing can be said, so that nothing is called wrong
// (issue 3: unknown with an information issue, never invalid).
func (k *checker) selectsAbsent(at string, c coding, v *view, set *fhir.Element, a *answer, f *found) verdict {
	if concepts := set.Get("concept").Items(); len(concepts) > 0 {
		for _, listed := range concepts {
			if text(listed, "code") != c.code {
				continue
			}
			if a != nil {
				f.absent = true
				if d := text(listed, "display"); d != "" {
					f.texts = designations{{value: d, main: true}}
				}
				f.texts = f.texts.read(listed, nil)
				k.deprecatedHere(at, c, listed, a)
			}
			return yes
		}
		return no
	}
	if a == nil {
		return no
	}
	f.absent = true
	a.missing(v.url)
	a.undecided = true
	a.say(issue{severity: fhir.Information, code: fhir.CodeNotFound, detail: "not-found", id: "CODESYSTEM_CONTENT_NOT_PRESENT",
		path: path(at, "system"),
		text: fmt.Sprintf("No release of %s is known here, so it is unknown whether the code '%s' exists and is in the value set '%s'",
			v.name, c.code, k.shownName())})
	return yes
}
