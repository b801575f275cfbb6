package label

import (
	"cmp"
	"fmt"
	"slices"

	"vitalwire/fhir"
)

// Sets knows value sets: it gives the codes of one by its canonical. ok is false for one
// that is not known, or whose codes cannot be listed.
type Sets func(url string) (list []Coding, ok bool)

// Bounds of a rules file.
const (
	maxFile  = 16 << 20
	maxMarks = 64
	maxCodes = 500_000
	maxCode  = 256 // bytes
)

// Read reads rules, in JSON:
//
//	{"sensitivities": [{
//	  "code": "ETHUD", "system": "of the code; v3-ActCode when absent", "confidentiality": "R",
//	  "codes": [{"systems": ["http://loinc.org"], "codes": ["74013-4"], "prefixes": ["F10"]}],
//	  "valueSets": ["https://profiles.ihe.net/ITI/PCF/ValueSet/SlsSensitiveETHUD"],
//	  "includes": ["OPIOIDUD"]
//	}]}
//
// What a code of included sensitivities is in brings this one, too. The error names the
// element that is wrong. A value set that sets does not know is Missing; nil knows none.
func Read(data []byte, sets Sets) (*Rules, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("a rules file has at most %d bytes, this one has %d", maxFile, len(data))
	}
	file, err := fhir.ParseElement(data)
	if err != nil {
		return nil, err
	}
	d := &reading{sets: sets}
	all, err := d.file(file)
	if err != nil {
		return nil, err
	}
	r := &Rules{systems: map[string]*codes{}, missing: d.missing}
	for i, g := range all {
		r.marks = append(r.marks, g.mark)
		for _, from := range including(all, i) {
			for _, c := range from.codes {
				r.add(c, 1<<i)
			}
		}
	}
	for _, c := range r.systems {
		slices.Sort(c.lengths)
	}
	r.telling.gather(r.systems)
	return r.named(written(all)), nil
}

// given is a sensitivity as the file has it.
type given struct {
	mark
	path     string
	codes    []group
	includes []string
}

// group are codes of some code systems that stand for the same.
type group struct{ systems, codes, prefixes []string }

// reading counts what a file holds.
type reading struct {
	sets    Sets
	codes   int
	missing []string
}

func (d *reading) file(e *fhir.Element) ([]*given, error) {
	if err := only(e, "rules", "sensitivities"); err != nil {
		return nil, err
	}
	list, err := array(e, "", "sensitivities")
	if err != nil {
		return nil, err
	}
	if len(list) > maxMarks {
		return nil, wrong("sensitivities", "at most %d are possible", maxMarks)
	}
	var all []*given
	for i, item := range list {
		g, err := d.sensitivity(item, fmt.Sprintf("sensitivities[%d]", i))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o *given) bool { return o.Code == g.Code }) {
			return nil, wrong(g.path+".code", "%s is there twice", g.Code)
		}
		all = append(all, g)
	}
	for _, g := range all {
		for i, name := range g.includes {
			if !slices.ContainsFunc(all, func(o *given) bool { return o.Code == name }) {
				return nil, wrong(fmt.Sprintf("%s.includes[%d]", g.path, i), "the file has no sensitivity %s", name)
			}
		}
	}
	return all, nil
}

func (d *reading) sensitivity(e *fhir.Element, path string) (*given, error) {
	if err := only(e, path, "code", "system", "confidentiality", "codes", "valueSets", "includes"); err != nil {
		return nil, err
	}
	g := &given{path: path}
	var texts [3]string
	for i, name := range []string{"code", "system", "confidentiality"} {
		v := e.Get(name)
		if v != nil && (!v.Is(fhir.String) || v.Text() == "" || len(v.Text()) > maxCode) {
			return nil, wrong(path+"."+name, "it is a text of up to %d bytes", maxCode)
		}
		texts[i] = v.Text()
	}
	g.Coding = Coding{cmp.Or(texts[1], ActCode), texts[0]}
	if g.Code == "" {
		return nil, wrong(path+".code", "it is missing")
	}
	if g.rank = slices.Index(ranks, texts[2]); g.rank < 0 {
		return nil, wrong(path+".confidentiality", "it is one of U, L, M, N, R and V")
	}
	var err error
	if g.includes, err = texted(e, path, "includes"); err != nil {
		return nil, err
	}
	groups, err := array(e, path, "codes")
	if err != nil {
		return nil, err
	}
	for i, item := range groups {
		at := fmt.Sprintf("%s.codes[%d]", path, i)
		one, err := d.group(item, at)
		if err != nil {
			return nil, err
		}
		g.codes = append(g.codes, one)
	}
	return g, d.valueSets(g, e)
}

func (d *reading) group(e *fhir.Element, path string) (g group, err error) {
	if err := only(e, path, "systems", "codes", "prefixes"); err != nil {
		return g, err
	}
	for name, to := range map[string]*[]string{"systems": &g.systems, "codes": &g.codes, "prefixes": &g.prefixes} {
		if *to, err = texted(e, path, name); err != nil {
			return g, err
		}
	}
	switch {
	case len(g.systems) == 0:
		return g, wrong(path+".systems", "a code system is missing")
	case len(g.codes)+len(g.prefixes) == 0:
		return g, wrong(path, "it has neither codes nor prefixes")
	}
	return g, d.count(path, len(g.systems)*(len(g.codes)+len(g.prefixes)))
}

func (d *reading) count(path string, n int) error {
	if d.codes += n; d.codes > maxCodes {
		return wrong(path, "rules name at most %d codes", maxCodes)
	}
	return nil
}

// valueSets adds the codes of value sets.
func (d *reading) valueSets(g *given, e *fhir.Element) error {
	urls, err := texted(e, g.path, "valueSets")
	if err != nil {
		return err
	}
	for i, url := range urls {
		var list []Coding
		known := false
		if d.sets != nil {
			list, known = d.sets(url)
		}
		if !known {
			if !slices.Contains(d.missing, url) {
				d.missing = append(d.missing, url)
			}
			continue
		}
		if err := d.count(fmt.Sprintf("%s.valueSets[%d]", g.path, i), len(list)); err != nil {
			return err
		}
		bySystem := map[string][]string{}
		var systems []string
		for _, c := range list {
			if bySystem[c.System] == nil {
				systems = append(systems, c.System)
			}
			bySystem[c.System] = append(bySystem[c.System], c.Code)
		}
		slices.Sort(systems)
		for _, system := range systems {
			slices.Sort(bySystem[system])
			g.codes = append(g.codes, group{systems: []string{system}, codes: slices.Compact(bySystem[system])})
		}
	}
	return nil
}

// including are a sensitivity and all that it includes.
func including(all []*given, i int) []*given {
	list := []*given{all[i]}
	for n := 0; n < len(list); n++ {
		for _, name := range list[n].includes {
			to := all[slices.IndexFunc(all, func(o *given) bool { return o.Code == name })]
			if !slices.Contains(list, to) {
				list = append(list, to)
			}
		}
	}
	return list
}

// add makes codes bring marks.
func (r *Rules) add(g group, bits uint64) {
	for _, system := range g.systems {
		c := r.systems[system]
		if c == nil {
			c = &codes{exact: map[string]uint64{}, prefix: map[string]uint64{}}
			r.systems[system] = c
		}
		for _, code := range g.codes {
			c.exact[code] |= bits
		}
		for _, p := range g.prefixes {
			if c.prefix[p] |= bits; !slices.Contains(c.lengths, len(p)) {
				c.lengths = append(c.lengths, len(p))
			}
		}
	}
}

// written is the file of sensitivities, with codes in the place of value sets.
func written(all []*given) *fhir.Element {
	texts := func(list []string) *fhir.Element {
		a := fhir.NewArray()
		for _, s := range list {
			a.Append(fhir.NewString(s))
		}
		return a
	}
	sensitivities := fhir.NewArray()
	for _, g := range all {
		groups := fhir.NewArray()
		for _, c := range g.codes {
			groups.Append(fhir.NewObject(fhir.M("systems", texts(c.systems)), fhir.M("codes", texts(c.codes)), fhir.M("prefixes", texts(c.prefixes))))
		}
		sensitivities.Append(fhir.NewObject(fhir.S("code", g.Code), fhir.S("system", g.System), fhir.S("confidentiality", ranks[g.rank]),
			fhir.M("codes", groups), fhir.M("includes", texts(g.includes))))
	}
	return fhir.NewObject(fhir.M("sensitivities", sensitivities))
}

func wrong(path, format string, args ...any) error {
	return fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...))
}

// only refuses members of other names, which may be misspelt ones.
func only(e *fhir.Element, path string, names ...string) error {
	if !e.Is(fhir.Object) {
		return wrong(path, "it is not an object")
	}
	for _, m := range e.Members() {
		if !slices.Contains(names, m.Name) {
			return wrong(path, "%.64q is not known", m.Name)
		}
	}
	return nil
}

// array are the items of a list, which may be absent.
func array(e *fhir.Element, path, name string) ([]*fhir.Element, error) {
	v := e.Get(name)
	if v == nil {
		return nil, nil
	}
	if !v.Is(fhir.Array) {
		return nil, wrong(path+"."+name, "it is not a list")
	}
	return v.Items(), nil
}

// texted are the texts of a list.
func texted(e *fhir.Element, path, name string) ([]string, error) {
	list, err := array(e, path, name)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	for i, item := range list {
		if texts[i] = item.Text(); !item.Is(fhir.String) || texts[i] == "" || len(texts[i]) > maxCode {
			return nil, wrong(fmt.Sprintf("%s.%s[%d]", path, name, i), "it is a text of 1 to %d bytes", maxCode)
		}
	}
	return texts, nil
}
