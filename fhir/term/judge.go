package term

import (
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// A shown is the coding that the answer repeats.
type shown struct{ system, code, version, display string }

// judge checks codings against a value set and writes the answer. One coding of
// a CodeableConcept that is in the value set is enough (R4
// valueset-operation-validate-code, codeableConcept).
func (s *session) judge(k *checker, how asked, codings []coding) (*fhir.Resource, error) {
	a := &answer{}
	k.statusIssue(a, k.vs.Root(), "ValueSet", k.name, k.vs.Root())
	var good, tried shown
	var hasGood bool
	var names []string
	all := no
	for i, c := range codings {
		at := how.root()
		if how == askedConcept {
			at = fmt.Sprintf("%s.coding[%d]", at, i)
		}
		if c.code == "" {
			text := "Coding has no code and cannot be validated"
			if c.system != "" {
				text = fmt.Sprintf("Coding has no code for system %s and cannot be validated", c.system)
			}
			a.say(issue{severity: fhir.Warning, code: fhir.CodeInvalid, detail: "invalid-data", path: at, text: text})
			continue
		}
		f := &found{}
		v, err := k.check(at, c, a, f)
		if err != nil {
			return nil, err
		}
		system := c.system
		if a.implied != "" {
			system = a.implied
		}
		if tried.code == "" || v == yes {
			tried = shown{system: c.system, code: c.code, version: c.version}
		}
		if tried.version == "" {
			tried.version = f.version
		}
		name := "'" + canonical(system, c.version) + "#" + c.code
		if c.display != "" {
			name += " ('" + c.display + "')"
		}
		name += "'"
		names = append(names, name)
		if v == no && !k.internal && how == askedConcept {
			a.issues.add(issue{severity: fhir.Information, code: fhir.CodeCodeInvalid, detail: "this-code-not-in-vs",
				id: notInValueSet, path: at + ".code", text: notIn(name, k.shownName())})
		}
		if all != yes && v != no {
			all = v
		}
		switch {
		case v == yes:
			if c.display != "" && len(f.texts) > 0 && !f.absent {
				s.checkDisplay(a, f, c, at)
			}
			if !hasGood {
				hasGood = true
				good = shown{c.system, c.code, f.version, s.displayOf(f.texts)}
			}
		case !s.membershipOnly && system != "":
			s.explain(a, f, k, &tried, c, system, at)
		}
	}
	if all == no && len(names) > 0 && (!k.internal || !a.issues.failed()) {
		a.issues.add(s.refusal(how, k, strings.Join(names, ", ")))
	}
	return s.write(a, how, all, hasGood, good, tried), nil
}

const notInValueSet = "None_of_the_provided_codes_are_in_the_value_set_one"

func notIn(names, valueSet string) string {
	return fmt.Sprintf("The provided code %s was not found in the value set '%s'", names, valueSet)
}

func (s *session) refusal(how asked, k *checker, names string) issue {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeCodeInvalid, detail: "not-in-vs"}
	if how == askedConcept {
		i.id = "TX_GENERAL_CC_ERROR_MESSAGE"
		i.text = fmt.Sprintf("No valid coding was found for the value set '%s'", k.shownName())
		return i
	}
	i.id, i.path, i.text = notInValueSet, path(how.root(), "code"), notIn(names, k.shownName())
	return i
}

// displayOf is what to show for a code: in the wished language, or at all.
func (s *session) displayOf(ds designations) string {
	if d := ds.preferred(s.wanted()); d != nil {
		return d.value
	}
	if d := ds.preferred(nil); d != nil {
		return d.value
	}
	return ""
}

// explain says what else is wrong with a coding that is not in the value set:
// its system, its code, its display.
func (s *session) explain(a *answer, f *found, k *checker, tried *shown, c coding, system, at string) {
	if !absolute(system) {
		a.say(issue{severity: fhir.ErrorLevel, code: fhir.CodeInvalid, detail: "invalid-data",
			id: "Terminology_TX_System_Relative", path: path(at, "system"),
			text: "Coding.system must be an absolute reference, not a local reference"})
	}
	version := c.version
	if version == "" {
		version = k.versionOf(system)
	}
	resolved := s.versionFor(system, version)
	v := s.exactSystem(system, resolved)
	if v == nil {
		if wrong, ok := s.notASystem(path(at, "system"), system, ""); ok {
			a.say(wrong)
			return
		}
		known := s.versions(system)
		name := system
		if version != "" && len(known) > 0 {
			name = canonical(system, version)
		}
		if a.missing(name) {
			a.say(unknownSystem(path(at, "system"), system, version, known, soNotValidated))
		}
		return
	}
	if wrong, ok := s.checkVersion(system, v.version); ok {
		wrong.path = path(at, "version")
		a.say(wrong)
	}
	k.statusIssue(a, nil, "CodeSystem", v.canonical(), k.vs.Root(), v.system)
	i, ok := v.find(c.code)
	if !ok {
		if v.absent() {
			return
		}
		a.issues.add(unknownCode(v, c.code, path(at, "code")))
		return
	}
	f.texts = append(f.texts, v.textsOf(i)...)
	if con := v.conceptAt(i); con != nil && con.inactive && !s.membershipOnly {
		a.seeStatus(at, c.code, con)
	}
	tried.display = s.displayOf(f.texts)
	if tried.version == "" {
		tried.version = v.version
	}
	if c.display != "" && len(f.texts) > 0 {
		s.checkOtherDisplay(a, f, v, c, at)
	}
}

// absolute reports whether a uri has a scheme.
func absolute(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, ":")
	return ok && rest != "" && letters(strings.NewReplacer("+", "a", "-", "a", ".", "a").Replace(scheme))
}

// write makes the Parameters of the answer.
func (s *session) write(a *answer, how asked, all verdict, hasGood bool, good, tried shown) *fhir.Resource {
	out := fhir.NewArray()
	add := func(name, typ, text string) {
		if text != "" {
			out.Append(parameter(name, typ, text))
		}
	}
	valid := all == yes && !a.issues.failed()
	add("result", "Boolean", boolText(valid))
	single := how != askedConcept
	switch {
	case good.system != "":
		add("system", "Uri", good.system)
	case all == yes && a.implied != "":
		add("system", "Uri", a.implied)
	case single:
		add("system", "Uri", tried.system)
	}
	for _, name := range a.unknown {
		if all == no || a.undecided && valid {
			add("x-unknown-system", "Canonical", name)
		} else if !valid {
			add("x-caused-by-unknown-system", "Canonical", name)
		}
	}
	add("normalized-code", "Code", a.normal)
	show := tried
	if hasGood {
		show = good
	}
	if hasGood || single {
		add("code", "Code", show.code)
		add("version", "String", show.version)
		if show.code != "" {
			add("display", "String", show.display)
		}
	}
	s.sayStatus(a, add, how, tried)
	add("message", "String", a.message())
	if how == askedConcept {
		out.Append(fhir.NewObject(fhir.S("name", "codeableConcept"), fhir.M("valueCodeableConcept", s.concept)))
	}
	if len(a.issues) > 0 {
		out.Append(fhir.NewObject(fhir.S("name", "issues"), fhir.M("resource", a.issues.outcome().Root())))
	}
	return parametersOf(out)
}

// sayStatus tells that a code is inactive or deprecated.
func (s *session) sayStatus(a *answer, add func(name, typ, text string), how asked, tried shown) {
	i := issue{severity: fhir.Warning, code: fhir.CodeBusinessRule, detail: "code-comment"}
	switch {
	case a.inactive:
		add("inactive", "Boolean", "true")
		if a.status != "inactive" {
			add("status", "Code", a.status)
		}
		status := a.status
		switch {
		case status == "":
			status = "inactive"
		case !slices.Contains([]string{"inactive", "DISCOURAGED"}, status):
			status += " and inactive"
		}
		i.id, i.path = "INACTIVE_CONCEPT_FOUND", a.inactivePath
		if i.path == "" {
			i.path = "code"
		}
		i.text = fmt.Sprintf("The concept '%s' has a status of %s and its use should be reviewed", a.inactiveCode, status)
	case strings.EqualFold(a.status, "deprecated"):
		add("status", "Code", "deprecated")
		i.id, i.path = "DEPRECATED_CONCEPT_FOUND", how.root()
		i.text = fmt.Sprintf("The concept '%s' has a status of %s and its use should be reviewed", tried.code, a.status)
	default:
		return
	}
	a.say(i)
}
