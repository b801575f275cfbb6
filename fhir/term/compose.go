package term

import (
	"fmt"
	"slices"

	"vitalwire/fhir"
)

// compose reads ValueSet.compose: what is excluded first, so that nothing is
// taken in only to be thrown out (R4 valueset §4.9.5).
func (x *expansion) compose(compose *fhir.Element) error {
	includes, excludes := compose.Get("include").Items(), compose.Get("exclude").Items()
	if err := x.understood(x.source, compose); err != nil {
		return err
	}
	if err := x.survey(includes, excludes); err != nil {
		return err
	}
	acrossVersions := x.acrossVersions(includes, excludes)
	for i, set := range excludes {
		if err := x.exclude(set, fmt.Sprintf("ValueSet.compose.exclude[%d]", i), acrossVersions); err != nil {
			return err
		}
	}
	// Of several versions of one code system the newest comes first.
	order := make([]int, len(includes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := includes[i], includes[j]
		if text(a, "system") != text(b, "system") || text(a, "version") == "" || text(b, "version") == "" {
			return 0
		}
		return compareVersions(text(b, "version"), text(a, "version"))
	})
	for _, i := range order {
		if err := x.include(includes[i], fmt.Sprintf("ValueSet.compose.include[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// survey sees that everything a value set is made of is there, and whether a
// code system is used in several versions.
func (x *expansion) survey(includes, excludes []*fhir.Element) error {
	versions := map[string]string{}
	for _, set := range slices.Concat(includes, excludes) {
		for _, u := range set.Get("valueSet").Items() {
			if x.valueSetFor(x.pin(u.Text()), x.source) == nil {
				return importNotFound(x.pin(u.Text()))
			}
		}
		system := text(set, "system")
		if system == "" {
			continue
		}
		if before, ok := versions[system]; ok && before != text(set, "version") {
			x.byVersion = true
		}
		versions[system] = text(set, "version")
		v := x.system(system, text(set, "version"))
		if v == nil {
			continue
		}
		if wrong, ok := x.checkVersion(system, v.version); ok {
			return refuse(wrong)
		}
		if !v.complete() && v.grammar == nil && !v.absent() && (!x.listsSuffice || !listing(set)) {
			x.unclosed = true
			x.reason("This extension is based on a fragment of the code system " + system)
			x.note("used-"+v.content, "Uri", v.canonical())
		}
	}
	return nil
}

func (x *expansion) reason(why string) {
	if !slices.Contains(x.reasons, why) {
		x.reasons = append(x.reasons, why)
	}
}

func importNotFound(name string) error {
	url, version := splitCanonical(name)
	i := issue{code: fhir.CodeNotFound, detail: "not-found", id: "VS_EXP_IMPORT_UNK",
		text: fmt.Sprintf("Unable to find included value set '%s'", url)}
	if version != "" {
		i.id = "VS_EXP_IMPORT_UNK_PINNED"
		i.text = fmt.Sprintf("Unable to find included value set '%s' version '%s'", url, version)
	}
	return fail(i)
}

// acrossVersions is the case of a value set that takes one version of a code
// system and leaves out another: then the codes are meant, whatever the version.
func (x *expansion) acrossVersions(includes, excludes []*fhir.Element) bool {
	if x.versionsMatch.given || len(includes) == 0 || len(excludes) == 0 {
		return false
	}
	system := text(includes[0], "system")
	for _, set := range slices.Concat(includes, excludes) {
		if text(set, "system") != system || text(set, "version") == "" {
			return false
		}
	}
	for _, in := range includes {
		for _, out := range excludes {
			if text(in, "version") == text(out, "version") {
				return false
			}
		}
	}
	x.anyVers = true
	x.note("versionsMatch", "Boolean", "true")
	return true
}

// imports expands the value sets that an include or exclude refers to.
func (x *expansion) imports(set *fhir.Element) ([]*expansion, error) {
	var out []*expansion
	for _, u := range set.Get("valueSet").Items() {
		name := x.pin(u.Text())
		vs := x.valueSetFor(name, x.source)
		if vs == nil {
			return nil, importNotFound(name)
		}
		inner, err := x.expand(vs, false)
		if err != nil {
			return nil, err
		}
		x.status(vs.Root(), "", x.source.Root())
		if u.Text() != "" && u.Text()[0] != '#' {
			x.note("used-valueset", "Uri", resourceCanonical(vs))
		}
		for _, p := range inner.parameters {
			if text(p, "name") != "displayLanguage" {
				x.noteElement(p)
			}
		}
		x.unclosed = x.unclosed || inner.unclosed
		for _, why := range inner.reasons {
			x.reason(why)
		}
		out = append(out, inner)
	}
	return out, nil
}

func inAll(sets []*expansion, system, code string) bool {
	for _, set := range sets {
		if !set.has(system, code) {
			return false
		}
	}
	return true
}

// listing reports whether an include or exclude names its codes one by one.
func listing(set *fhir.Element) bool {
	return set.Get("concept").Len() > 0 && set.Get("filter").Len() == 0
}

// set finds the code system of an include or exclude.
func (x *expansion) set(set *fhir.Element) (*view, error) {
	name, version := text(set, "system"), x.versionFor(text(set, "system"), text(set, "version"))
	v := x.exactSystem(name, version)
	if v == nil && x.listsSuffice && listing(set) {
		v = listedCodes(&view{system: &system{url: name, name: name}}, set)
	} else if v != nil && v.absent() && listing(set) {
		v = listedCodes(v, set)
	} else if v == nil || v.absent() {
		return nil, fail(unknownSystem("", name, version, x.versions(name), soNotExpanded))
	}
	x.use(v)
	x.note("used-codesystem", "Uri", v.canonical())
	if word := statusOf(v.status, v.standards, v.experimental, x.source.Root()); word != "" {
		x.note("warning-"+word, "Uri", v.canonical())
	}
	return v, nil
}

// include takes in what an include selects: the codes of the system that pass
// its list or filters, and that are in all of its value sets.
func (x *expansion) include(set *fhir.Element, path string) error {
	concepts, filters := set.Get("concept").Items(), set.Get("filter")
	if set.Get("valueSet").Len() > 0 || len(concepts) > 0 || filters.Len() > 1 {
		x.flat = true
	}
	if text(set, "system") == "" {
		return x.includeImports(set)
	}
	v, err := x.set(set)
	if err != nil {
		return err
	}
	imported, err := x.imports(set)
	if err != nil {
		return err
	}
	switch {
	case len(concepts) > 0:
		for _, c := range concepts {
			if err := x.listed(v, c, imported); err != nil {
				return err
			}
		}
		if filters.Len() == 0 {
			return nil
		}
	case v.grammar != nil && len(v.concepts) == 0:
		if common := x.common(v); common != nil {
			x.grammatical(v)
			return x.commonCodes(v, set, common, path, imported)
		}
		return fail(issue{code: fhir.CodeNotSupported, id: "CODESYSTEM_NOT_ENUMERABLE",
			text: fmt.Sprintf("The code system '%s' has a grammar, and cannot be enumerated directly", v.url)})
	case filters.Len() == 0 && len(x.words) == 0:
		return x.whole(v, imported)
	}
	pass, err := v.filters(set, path, x.name)
	if err != nil {
		return err
	}
	return x.filtered(v, pass, imported)
}

// grammatical marks the expansion as one of a code system without end.
func (x *expansion) grammatical(v *view) {
	x.unclosed = true
	x.reason(fmt.Sprintf("The code System '%s' has a grammar and so has infinite members", v.url))
}

func (x *expansion) includeImports(set *fhir.Element) error {
	imported, err := x.imports(set)
	if err != nil || len(imported) == 0 {
		return err
	}
	x.byVersion = x.byVersion || imported[0].byVersion
	for _, n := range imported[0].list {
		if err := x.spend(1); err != nil {
			return err
		}
		if !inAll(imported[1:], n.system, n.code) || x.left(n.system, n.version, n.code) || x.inactive && n.inactive {
			continue
		}
		if err := x.full(); err != nil {
			return err
		}
		c := *n
		c.children = nil
		x.add(&c, nil)
	}
	return nil
}

// whole takes in a whole code system, as a tree where that is wanted.
func (x *expansion) whole(v *view, imported []*expansion) error {
	seen := make(map[int32]bool, len(v.concepts))
	var walk func(at int32, parent *entry) error
	walk = func(at int32, parent *entry) error {
		if seen[at] {
			x.flat = true // a concept with two parents has no one place in a tree
			return nil
		}
		seen[at] = true
		if err := x.spend(1); err != nil {
			return err
		}
		c, here := &v.concepts[at], parent
		if !(x.excludeNotForUI.value && c.abstract) && !(x.activeOnly.value && c.inactive) {
			n, err := x.code(v, at, nil, parent, imported)
			if err != nil {
				return err
			}
			here = n
		}
		for _, child := range c.children {
			if err := walk(child, here); err != nil {
				return err
			}
		}
		return nil
	}
	for _, root := range v.roots {
		if err := walk(root, nil); err != nil {
			return err
		}
	}
	return nil
}

// listed takes in one concept of an include's list; a code the system does not
// have is left out.
func (x *expansion) listed(v *view, c *fhir.Element, imported []*expansion) error {
	if err := x.spend(1); err != nil {
		return err
	}
	at, ok := v.find(text(c, "code"))
	if ok && at == byGrammar {
		at = v.once(text(c, "code"))
	}
	if !ok || x.activeOnly.value && v.concepts[at].inactive {
		return nil
	}
	_, err := x.code(v, at, c, nil, imported)
	return err
}

// filtered takes in the concepts that pass all filters.
func (x *expansion) filtered(v *view, pass []func(int32) bool, imported []*expansion) error {
	for i := range v.concepts {
		if err := x.spend(1); err != nil {
			return err
		}
		at := int32(i)
		c := &v.concepts[at]
		if x.activeOnly.value && c.inactive || !passAll(pass, at) {
			continue
		}
		var parent *entry
		if len(pass) > 0 {
			for _, p := range c.parents {
				if parent = x.byKey[x.key(v.url, v.version, v.concepts[p].code)]; parent != nil {
					break
				}
			}
		}
		if _, err := x.code(v, at, nil, parent, imported); err != nil {
			return err
		}
	}
	return nil
}

// exclude notes what an exclude takes out.
func (x *expansion) exclude(set *fhir.Element, path string, codes bool) error {
	if set.Get("valueSet").Len() > 0 || set.Get("concept").Len() > 0 || set.Get("filter").Len() > 1 {
		x.flat = true
	}
	imported, err := x.imports(set)
	if err != nil {
		return err
	}
	system := text(set, "system")
	if system == "" {
		if len(imported) == 0 {
			return nil
		}
		for _, n := range imported[0].list {
			if inAll(imported[1:], n.system, n.code) {
				x.excluded[x.key(n.system, n.version, n.code)] = true
			}
		}
		return nil
	}
	v, err := x.set(set)
	if err != nil {
		return err
	}
	out := func(at int32) {
		if c := &v.concepts[at]; inAll(imported, v.url, c.code) {
			x.excluded[x.key(v.url, v.version, c.code)] = true
		}
	}
	concepts, filters := set.Get("concept").Items(), set.Get("filter")
	if len(concepts) == 0 && filters.Len() == 0 && len(imported) == 0 && !codes {
		k := key{system: system}
		if x.byVersion {
			k.version = text(set, "version")
		}
		x.noSystems[k] = true
		return nil
	}
	for _, c := range concepts {
		if at, ok := v.find(text(c, "code")); ok {
			if at == byGrammar {
				at = v.once(text(c, "code"))
			}
			out(at)
		}
	}
	if len(concepts) > 0 && filters.Len() == 0 {
		return nil
	}
	pass, err := v.filters(set, path, x.name)
	if err != nil {
		return err
	}
	for at := range v.concepts {
		if err := x.spend(1); err != nil {
			return err
		}
		if passAll(pass, int32(at)) {
			out(int32(at))
		}
	}
	return nil
}

// common is the value set that stands for a grammar's codes where a list is
// wanted: the common units of UCUM, the common languages.
func (x *expansion) common(v *view) *fhir.Resource {
	switch v.url {
	case ucumSystem:
		return x.valueSetFor(ucumCommon, nil)
	case languageSystem:
		return x.valueSetFor(commonLanguages, nil)
	}
	return nil
}

// commonCodes takes in the listed codes of a grammar that pass the filters.
func (x *expansion) commonCodes(v *view, set *fhir.Element, common *fhir.Resource, path string, imported []*expansion) error {
	pass, err := v.grammarFilters(set, path, x.name)
	if err != nil {
		return err
	}
	for _, include := range common.Root().Path("compose").Get("include").Items() {
		if text(include, "system") != v.url {
			continue
		}
		for _, c := range include.Get("concept").Items() {
			if code := text(c, "code"); !pass(code) {
				continue
			}
			if err := x.listed(v, c, imported); err != nil {
				return err
			}
		}
	}
	return nil
}
