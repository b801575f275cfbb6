package term

import (
	"fmt"
	"slices"

	"vitalwire/fhir"
)

// inSet checks a coding against one include of its code system.
func (k *checker) inSet(at string, c coding, set *fhir.Element, where string, a *answer, f *found) (verdict, error) {
	version := k.settle(at, c, text(set, "version"), a)
	version = k.versionFor(c.system, version)
	v := k.exactSystem(c.system, version)
	if v == nil {
		if k.membershipOnly {
			return no, nil
		}
		known, name := k.versions(c.system), c.system
		if version != "" && len(known) > 0 {
			name = canonical(c.system, version)
		}
		fresh := a.missing(name)
		if i := unknownSystem(path(at, "system"), c.system, version, known, soNotValidated); fresh || version == "" {
			a.say(i)
		}
		return unknown, nil
	}
	if wrong, ok := k.checkVersion(c.system, v.version); ok {
		wrong.path = path(at, "version")
		a.say(wrong)
	}
	f.lang = v.lang
	k.statusIssue(a, nil, "CodeSystem", v.canonical(), k.vs.Root(), v.system)
	k.use(v)
	f.content = v.content
	in, err := k.selects(at, c, v, set, where, a, f)
	if in == yes {
		f.version = v.version
	}
	return in, err
}

// settle finds the version of the code system that an include and a coding
// agree on, and says so where they do not.
func (k *checker) settle(at string, c coding, ofSet string, a *answer) string {
	version := k.versionFor(c.system, ofSet)
	if c.version == "" {
		return version
	}
	if version != "" && c.version != version && versionMatches(version, c.version) {
		version = c.version
	}
	if version == "" && slices.ContainsFunc(k.versions(c.system), func(have string) bool { return versionMatches(c.version, have) }) {
		version = c.version
	}
	v := k.session.system(c.system, version)
	if v != nil && (v.absent() || v.grammar != nil) {
		return version
	}
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeInvalid, detail: "vs-invalid", path: path(at, "version"),
		id: "VALUESET_VALUE_MISMATCH"}
	said := "the ValueSet include is different to the one in the value"
	switch {
	case v == nil:
		if version != c.version {
			i.text = fmt.Sprintf("The code system '%s' version '%s' in %s ('%s')", c.system, version, said, c.version)
			a.say(i)
		}
		return version
	case v.version == c.version || versionMatches(c.version, v.version):
		return version
	case version == "":
		i.id += "_DEFAULT"
		if v.resource == nil || v.resource.Get("versionNeeded").Text() != "true" {
			i.severity = fhir.Warning
		}
		i.text = fmt.Sprintf("The code system '%s' version '%s' for the versionless include in %s ('%s')", c.system, v.version, said, c.version)
	case version != ofSet:
		i.id += "_CHANGED"
		i.text = fmt.Sprintf("The code system '%s' version '%s' resulting from the version '%s' in %s ('%s')", c.system, version, ofSet, said, c.version)
	default:
		i.text = fmt.Sprintf("The code system '%s' version '%s' in %s ('%s')", c.system, ofSet, said, c.version)
	}
	a.issues.add(i)
	if k.exactSystem(c.system, c.version) == nil {
		known := k.versions(c.system)
		a.missing(canonical(c.system, c.version))
		a.say(unknownSystem(path(at, "system"), c.system, c.version, known, soNotValidated))
	}
	return version
}

// selects reports whether an include or exclude selects a coding of its code
// system. For an exclude a is nil: nothing is said about a code that is only
// looked for there.
func (k *checker) selects(at string, c coding, v *view, set *fhir.Element, where string, a *answer, f *found) (verdict, error) {
	concepts, filters := set.Get("concept").Items(), set.Get("filter")
	if err := k.spend(1 + len(concepts)); err != nil {
		return no, err
	}
	if v.absent() {
		return k.selectsAbsent(at, c, v, set, a, f), nil
	}
	i, ok := v.find(c.code)
	if len(concepts) == 0 && filters.Len() == 0 {
		if !ok {
			return k.notThere(at, c, v, a), nil
		}
		if a != nil {
			k.wrongCase(at, c, v, i, a)
			f.texts = v.textsOf(i)
		}
		return k.allowed(at, c, v, i, a, true), nil
	}
	if !ok {
		return k.measured(at, c, v, set, where, a)
	}
	for _, listed := range concepts {
		if text(listed, "code") != c.code {
			continue
		}
		if a != nil {
			f.texts = v.textsOf(i)
			if d := text(listed, "display"); d != "" {
				own := designation{value: d, main: true}
				if t, ok := parseTag(k.vs.Get("language").Text()); ok {
					own.lang = &t
				}
				f.texts = append(f.texts, own)
			}
			f.texts = f.texts.read(listed, nil)
		}
		if in := k.allowed(at, c, v, i, a, false); in != yes {
			continue
		}
		k.deprecatedHere(at, c, listed, a)
		return yes, nil
	}
	if filters.Len() == 0 {
		return no, nil
	}
	if v.grammar != nil {
		pass, err := v.grammarFilters(set, where, k.name)
		if err != nil || !pass(c.code) {
			return no, err
		}
		return yes, nil
	}
	pass, err := k.pass(v, set, where)
	if err != nil || !passAll(pass, i) {
		return no, err
	}
	if a != nil {
		f.texts = v.textsOf(i)
	}
	return k.allowed(at, c, v, i, a, false), nil
}

// measured answers for a code that is not in the table of a fragment and whose
// text may still pass the filters.
func (k *checker) measured(at string, c coding, v *view, set *fhir.Element, where string, a *answer) (verdict, error) {
	if v.measure == nil || v.complete() || set.Get("filter").Len() == 0 {
		return no, nil
	}
	pass, err := v.grammarFilters(set, where, k.name)
	if err != nil || !pass(c.code) {
		return no, err
	}
	return k.notThere(at, c, v, a), nil
}

// notThere answers for a code that its code system does not have. In a fragment
// it may still exist (R4 codesystem-content-mode).
func (k *checker) notThere(at string, c coding, v *view, a *answer) verdict {
	if a == nil {
		return no
	}
	if !k.membershipOnly {
		a.issues.add(unknownCode(v, c.code, path(at, "code")))
	}
	if v.complete() || v.grammar != nil {
		return no
	}
	return yes
}

// unknownCode says that a code system has no such code.
func unknownCode(v *view, code, at string) issue {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeCodeInvalid, detail: "invalid-code", path: at}
	version := ""
	if v.version != "" {
		version = fmt.Sprintf(" version '%s'", v.version)
	}
	if !v.complete() && v.grammar == nil {
		i.severity, i.id = fhir.Warning, "UNKNOWN_CODE_IN_FRAGMENT"
		i.text = fmt.Sprintf("Unknown Code '%s' in the CodeSystem '%s'%s - note that the code system is labeled as a fragment, so the code may be valid in some other fragment",
			code, v.url, version)
		return i
	}
	i.id = "Unknown_Code_in_Version"
	if v.version == "" {
		i.id = "Unknown_Code_in"
	}
	i.text = fmt.Sprintf("Unknown code '%s' in the CodeSystem '%s'%s", code, v.url, version)
	return i
}

// wrongCase tells the right case of a code of a caseless code system.
func (k *checker) wrongCase(at string, c coding, v *view, i int32, a *answer) {
	con := v.conceptAt(i)
	if con == nil || con.code == c.code {
		return
	}
	a.normal = con.code
	a.issues.add(issue{severity: fhir.Information, code: fhir.CodeBusinessRule, detail: "code-rule", id: "CODE_CASE_DIFFERENCE",
		path: path(at, "code"),
		text: fmt.Sprintf("The code '%s' differs from the correct code '%s' by case. Although the code system '%s' is case insensitive, implementers are strongly encouraged to use the correct case anyway",
			c.code, con.code, v.canonical())})
}

// allowed decides whether a code that is selected may be used: abstract and
// inactive ones may not everywhere. whole is true for an include of all codes.
func (k *checker) allowed(at string, c coding, v *view, i int32, a *answer, whole bool) verdict {
	con := v.conceptAt(i)
	if con == nil {
		return yes
	}
	switch {
	case k.noAbstract && con.abstract:
		if a != nil && !k.membershipOnly {
			a.issues.add(issue{severity: fhir.ErrorLevel, code: fhir.CodeBusinessRule, detail: "code-rule",
				id: "ABSTRACT_CODE_NOT_ALLOWED", path: path(at, "code"),
				text: fmt.Sprintf("Code '%s#%s' is abstract, and not allowed in this context", v.url, c.code)})
		}
		return no
	case (k.noInactive || k.activeOnly.value && whole) && con.inactive:
		if a != nil {
			if whole {
				a.issues.add(issue{severity: fhir.ErrorLevel, code: fhir.CodeBusinessRule, detail: "code-rule",
					id: "STATUS_CODE_WARNING_CODE", path: path(at, "code"),
					text: fmt.Sprintf("The concept '%s' is valid but is not active", c.code)})
			}
			if !k.membershipOnly {
				a.seeStatus(at, c.code, con)
			}
		}
		return no
	}
	if a != nil {
		a.seeStatus(at, c.code, con)
	}
	return yes
}

// deprecatedHere says that the value set keeps a code only for old data.
func (k *checker) deprecatedHere(at string, c coding, listed *fhir.Element, a *answer) {
	if a == nil {
		return
	}
	status := standards(listed)
	if status != "withdrawn" && status != "deprecated" {
		if status = ""; extension(listed, deprecatedExtension) != nil {
			status = "deprecated"
		}
	}
	if status == "" {
		return
	}
	a.issues.add(issue{severity: fhir.Warning, code: fhir.CodeBusinessRule, detail: "code-comment", id: "CONCEPT_DEPRECATED_IN_VALUESET",
		path: path(at, "code"),
		text: fmt.Sprintf("The presence of the concept '%s' in the system '%s' in the value set %s is marked with a status of %s and its use should be reviewed",
			c.code, c.system, k.shownName(), status)})
}

// checkStored checks a coding against the expansion of a value set that has no
// definition.
func (k *checker) checkStored(at string, c coding, a *answer, f *found) (verdict, error) {
	hit, err := k.inExpansion(k.vs.Path("expansion", "contains"), c)
	if err != nil || hit == nil {
		return no, err
	}
	f.version = text(hit, "version")
	if v := k.session.system(c.system, f.version); v != nil {
		f.version, f.lang = v.version, v.lang
		if i, ok := v.find(c.code); ok {
			f.texts = v.textsOf(i)
			return k.allowed(at, c, v, i, a, false), nil
		}
	}
	if d := text(hit, "display"); d != "" {
		f.texts = append(f.texts, designation{value: d, main: true})
	}
	return yes, nil
}

func (k *checker) inExpansion(list *fhir.Element, c coding) (*fhir.Element, error) {
	for _, e := range list.Items() {
		if err := k.spend(1); err != nil {
			return nil, err
		}
		if text(e, "code") == c.code && text(e, "system") == c.system &&
			(c.version == "" || text(e, "version") == "" || text(e, "version") == c.version) {
			return e, nil
		}
		if hit, err := k.inExpansion(e.Get("contains"), c); hit != nil || err != nil {
			return hit, err
		}
	}
	return nil, nil
}

// infer finds the systems that a code without one can be of (parameter
// inferSystem).
func (k *checker) infer(code string) ([]string, error) {
	var out []string
	add := func(system string) {
		if !slices.Contains(out, system) {
			out = append(out, system)
		}
	}
	for _, set := range k.includes {
		if err := k.spend(1); err != nil {
			return nil, err
		}
		system := text(set, "system")
		if system == "" {
			for _, u := range set.Get("valueSet").Items() {
				if inner := k.imported[k.pin(u.Text())]; inner != nil {
					systems, err := inner.infer(code)
					if err != nil {
						return nil, err
					}
					for _, s := range systems {
						add(s)
					}
				}
			}
			continue
		}
		if concepts := set.Get("concept").Items(); len(concepts) > 0 {
			if slices.ContainsFunc(concepts, func(e *fhir.Element) bool { return text(e, "code") == code }) {
				add(system)
			}
			continue
		}
		if v := k.session.system(system, text(set, "version")); v != nil {
			if _, ok := v.find(code); ok {
				add(system)
			}
		}
	}
	if len(out) < 2 {
		return out, nil
	}
	// Several systems have the code: those count from which it is in the set.
	var in []string
	for _, system := range out {
		v, err := k.check("", coding{system: system, code: code}, &answer{}, &found{})
		if err != nil {
			return nil, err
		}
		if v == yes {
			in = append(in, system)
		}
	}
	if len(in) > 0 {
		return in, nil
	}
	return out, nil
}
