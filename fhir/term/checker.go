package term

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// A checker tells whether codes are in a value set, without expanding it.
type checker struct {
	*session
	vs                 *fhir.Resource
	name               string // canonical
	internal           bool   // made for a code system, not given by anyone
	compose            *fhir.Element
	includes, excludes []*fhir.Element
	imported           map[string]*checker
	noInactive         bool
	filters            map[*fhir.Element]map[*system][]func(int32) bool
}

// checker prepares a value set and all it imports: what is wrong with its
// definition is found here, before any code is looked at.
func (s *session) checker(vs *fhir.Resource) (*checker, error) {
	k := &checker{
		session: s, vs: vs, name: resourceCanonical(vs), compose: vs.Get("compose"),
		imported: map[string]*checker{}, filters: map[*fhir.Element]map[*system][]func(int32) bool{},
	}
	if err := s.enter(k.name, "validating"); err != nil {
		return nil, err
	}
	defer s.leave()
	if err := s.ofValueSet(k.compose, false); err != nil {
		return nil, err
	}
	if s.headerLanguages == nil {
		if w, ok := parseWishes(vs.Get("language").Text(), false); ok {
			s.headerLanguages = w
		}
	}
	if text(k.compose, "lockedDate") != "" {
		return nil, fail(issue{code: fhir.CodeBusinessRule,
			text: fmt.Sprintf("Cannot process ValueSet %s due to the presence of a lockedDate on the compose", k.name)})
	}
	if err := s.understood(vs, k.compose); err != nil {
		return nil, err
	}
	k.noInactive = text(k.compose, "inactive") == "false"
	k.includes, k.excludes = k.compose.Get("include").Items(), k.compose.Get("exclude").Items()
	for i, set := range k.includes {
		if err := k.prepare(set, fmt.Sprintf("ValueSet.compose.include[%d]", i)); err != nil {
			return nil, err
		}
	}
	for i, set := range k.excludes {
		if err := k.prepare(set, fmt.Sprintf("ValueSet.compose.exclude[%d]", i)); err != nil {
			return nil, err
		}
	}
	// Of several versions of one code system the newest is asked first.
	slices.SortStableFunc(k.includes, func(a, b *fhir.Element) int {
		if text(a, "system") != text(b, "system") || text(a, "version") == "" || text(b, "version") == "" {
			return 0
		}
		return compareVersions(text(b, "version"), text(a, "version"))
	})
	return k, nil
}

func (k *checker) prepare(set *fhir.Element, at string) error {
	for _, u := range set.Get("valueSet").Items() {
		name := k.pin(u.Text())
		if k.imported[name] != nil {
			continue
		}
		vs := k.valueSetFor(name, k.vs)
		if vs == nil {
			return &soft{issue: issue{severity: fhir.ErrorLevel, code: fhir.CodeNotFound, detail: "not-found",
				id:   "Unable_to_resolve_value_Set_",
				text: fmt.Sprintf("A definition for the value Set '%s' could not be found", name)}}
		}
		inner, err := k.session.checker(vs)
		if err != nil {
			return err
		}
		k.imported[name] = inner
	}
	v := k.session.system(text(set, "system"), text(set, "version"))
	if v == nil {
		return nil
	}
	k.use(v)
	if v.absent() {
		return nil
	}
	if v.grammar != nil {
		_, err := v.grammarFilters(set, at, k.name)
		return err
	}
	_, err := k.pass(v, set, at)
	return err
}

// pass are the compiled filters of an include or exclude.
func (k *checker) pass(v *view, set *fhir.Element, at string) ([]func(int32) bool, error) {
	if made, ok := k.filters[set][v.system]; ok {
		return made, nil
	}
	made, err := v.filters(set, at, k.name)
	if err != nil {
		return nil, err
	}
	if k.filters[set] == nil {
		k.filters[set] = map[*system][]func(int32) bool{}
	}
	k.filters[set][v.system] = made
	return made, nil
}

// shownName names the value set in a message.
func (k *checker) shownName() string {
	if k.name != "" {
		return k.name
	}
	return "#" + k.vs.ID()
}

// versionOf is the newest version of a code system that the value set asks for.
func (k *checker) versionOf(system string) string {
	version := ""
	for _, set := range k.includes {
		if v := text(set, "version"); text(set, "system") == system && compareVersions(v, version) > 0 {
			version = v
		}
	}
	return version
}

// statusIssue says that a definition is not for general use. Either the
// resource or the compiled system is given.
func (k *checker) statusIssue(a *answer, e *fhir.Element, kind, name string, by *fhir.Element, sys ...*system) {
	status, standardsStatus, experimental := text(e, "status"), standards(e), text(e, "experimental") == "true"
	for _, s := range sys {
		status, standardsStatus, experimental = s.status, s.standards, s.experimental
	}
	word := statusOf(status, standardsStatus, experimental, by)
	if word == "" {
		return
	}
	a.issues.add(issue{severity: fhir.Information, code: fhir.CodeBusinessRule, detail: "status-check",
		id: "MSG_" + strings.ToUpper(word), text: fmt.Sprintf("Reference to %s %s %s", word, kind, name)})
}

// check decides whether a coding is in the value set.
func (k *checker) check(at string, c coding, a *answer, f *found) (verdict, error) {
	if c.system == "" {
		if !k.inferSystem {
			a.say(noSystem(at))
			return no, nil
		}
		systems, err := k.infer(c.code)
		if err != nil {
			return no, err
		}
		if len(systems) != 1 {
			k.notInferred(a, c.code, systems)
			return no, nil
		}
		c.system = systems[0]
		a.implied = c.system
	}
	if k.compose == nil {
		return k.checkStored(at, c, a, f)
	}
	result, err := k.included(at, c, a, f)
	if err != nil || result != yes {
		return result, err
	}
	for i, set := range k.excludes {
		out, err := k.leftOut(at, c, set, fmt.Sprintf("ValueSet.compose.exclude[%d]", i), a, f)
		if err != nil {
			return no, err
		}
		if out {
			return no, nil
		}
	}
	return yes, nil
}

func (k *checker) notInferred(a *answer, code string, systems []string) {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeNotFound, detail: "cannot-infer", path: "code",
		id:   "UNABLE_TO_INFER_CODESYSTEM",
		text: fmt.Sprintf("The System URI could not be determined for the code '%s' in the ValueSet '%s'", code, k.shownName())}
	if len(systems) > 1 {
		i.id = "Unable_to_resolve_system__value_set_has_multiple_matches"
		i.text += ": value set expansion has multiple matches: [" + strings.Join(systems, ", ") + "]"
	}
	a.say(i)
}

// included goes through the includes until one has the coding.
func (k *checker) included(at string, c coding, a *answer, f *found) (verdict, error) {
	only := ""
	if c.version == "" {
		only = k.applicable(c)
	}
	result := no
	for i, set := range k.includes {
		if err := k.spend(1); err != nil {
			return no, err
		}
		system := text(set, "system")
		switch {
		case system == "":
			result = yes
		case system == c.system && (only == "" || text(set, "version") == only) && k.fits(set, c.version):
			var err error
			result, err = k.inSet(at, c, set, fmt.Sprintf("ValueSet.compose.include[%d]", i), a, f)
			if err != nil || result == unknown {
				return result, err
			}
		default:
			result = no
		}
		for _, u := range set.Get("valueSet").Items() {
			inner := k.imported[k.pin(u.Text())]
			if inner == nil {
				return no, nil
			}
			k.statusIssue(a, inner.vs.Root(), "ValueSet", inner.name, k.vs.Root())
			if result == yes {
				var err error
				if result, err = inner.check(at, c, a, f); err != nil {
					return no, err
				}
			}
		}
		if result == yes {
			return yes, nil
		}
	}
	return result, nil
}

// fits reports whether an include is the one for a version: any is, unless
// another include names just that version.
func (k *checker) fits(set *fhir.Element, version string) bool {
	if version == "" || text(set, "version") == version {
		return true
	}
	return !slices.ContainsFunc(k.includes, func(o *fhir.Element) bool { return text(o, "version") == version })
}

// applicable picks the version to check a coding without one against, where the
// value set has several: the newest that has the code with that display.
func (k *checker) applicable(c coding) string {
	var versions []string
	for _, set := range k.includes {
		if v := text(set, "version"); text(set, "system") == c.system && v != "" && !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	if len(versions) < 2 {
		return ""
	}
	newestFirst(versions)
	var have []string
	for _, version := range versions {
		v := k.session.system(c.system, version)
		if v == nil {
			continue
		}
		if at, ok := v.find(c.code); ok && (c.display == "" || slices.ContainsFunc(v.textsOf(at), func(d designation) bool {
			return d.value == c.display
		})) {
			have = append(have, version)
		}
	}
	switch len(have) {
	case len(versions):
		return ""
	case 0:
		return versions[0]
	}
	return have[0]
}

// leftOut reports whether an exclude takes the coding out.
func (k *checker) leftOut(at string, c coding, set *fhir.Element, where string, a *answer, f *found) (bool, error) {
	system := text(set, "system")
	if system != "" {
		v := k.session.system(system, text(set, "version"))
		if v == nil {
			return false, nil
		}
		k.statusIssue(a, nil, "CodeSystem", v.canonical(), k.vs.Root(), v.system)
		if system != c.system {
			return false, nil
		}
		in, err := k.selects(at, c, v, set, where, nil, f)
		if err != nil || in != yes {
			return false, err
		}
	}
	for _, u := range set.Get("valueSet").Items() {
		inner := k.imported[k.pin(u.Text())]
		if inner == nil {
			return false, nil
		}
		k.statusIssue(a, inner.vs.Root(), "ValueSet", inner.name, k.vs.Root())
		in, err := inner.check(at, c, &answer{}, &found{})
		if err != nil || in != yes {
			return false, err
		}
	}
	return system != "" || set.Get("valueSet").Len() > 0, nil
}
