package mapping

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
)

// A small checker of the guide's profiles: cardinality, fixed and pattern values,
// slices, and bindings that a list or a partition decides, from the differentials
// of the guide's package. Full validation is fhir/validate's.

// node is an element definition with its children and slices.
type node struct {
	def      *fhir.Element
	children map[string]*node // by element name
	slices   map[string]*node // by slice name
}

func (n *node) at(path []string) *node {
	for _, segment := range path {
		name, slice, sliced := strings.Cut(segment, ":")
		if n.children[name] == nil {
			n.children[name] = &node{children: map[string]*node{}, slices: map[string]*node{}}
		}
		n = n.children[name]
		if sliced {
			if n.slices[slice] == nil {
				n.slices[slice] = &node{children: map[string]*node{}, slices: map[string]*node{}}
			}
			n = n.slices[slice]
		}
	}
	return n
}

// guide is the content of the package: profiles and value sets by canonical.
type guide struct {
	profiles map[string]*fhir.Element
	sets     map[string]*fhir.Element
	trees    map[string]*node
}

func loadGuide(t testing.TB) *guide {
	t.Helper()
	return loadPackage(t, "hl7.fhir.uv.phd-2.0.0-rebuilt.tgz")
}

func loadPackage(t testing.TB, file string) *guide {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "igs", file)))
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{profiles: map[string]*fhir.Element{}, sets: map[string]*fhir.Element{}, trees: map[string]*node{}}
	for files := tar.NewReader(packed); ; {
		header, err := files.Next()
		if err == io.EOF {
			return g
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(header.Name, "/example/") || !strings.HasSuffix(header.Name, ".json") {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		e := parse(t, data)
		switch e.Get("resourceType").Text() {
		case "StructureDefinition":
			g.profiles[e.Get("url").Text()] = e
		case "ValueSet":
			g.sets[e.Get("url").Text()] = e
		}
	}
}

// check lists what the resource breaks of the profile and those it derives from.
func (g *guide) check(r *fhir.Resource, canonical string) []string {
	var broken []string
	for profile := g.profiles[canonical]; profile != nil; profile = g.profiles[profile.Get("baseDefinition").Text()] {
		g.walk(g.tree(profile).children[r.Type()], r.Root(), r.Type(), &broken)
	}
	if g.profiles[canonical] == nil {
		broken = append(broken, "no profile "+canonical)
	}
	return broken
}

// tree is the profile's differential as a tree.
func (g *guide) tree(profile *fhir.Element) *node {
	url := profile.Get("url").Text()
	if g.trees[url] == nil {
		root := &node{children: map[string]*node{}, slices: map[string]*node{}}
		for _, def := range profile.Path("differential", "element").Items() {
			root.at(strings.Split(def.Get("id").Text(), ".")).def = def
		}
		g.trees[url] = root
	}
	return g.trees[url]
}

func (g *guide) walk(n *node, e *fhir.Element, path string, broken *[]string) {
	for name, child := range n.children {
		found := occurrences(e, name)
		g.judge(child, found, path+"."+name, broken)
		for slice, s := range child.slices {
			var members []*fhir.Element
			for _, item := range found {
				if g.belongs(child, s, item) {
					members = append(members, item.value)
				}
			}
			g.judgeValues(s, members, path+"."+name+":"+slice, broken)
		}
	}
}

// occurrence is an element found, by the name it was found under.
type occurrence struct {
	name  string
	value *fhir.Element
}

// occurrences finds the items of an element; value[x] under any of its names. A
// primitive that holds only an extension is there too.
func occurrences(e *fhir.Element, name string) []occurrence {
	var found []occurrence
	stem, choice := strings.CutSuffix(name, "[x]")
	for _, m := range e.Members() {
		plain := strings.TrimPrefix(m.Name, "_")
		if plain == name || choice && strings.HasPrefix(plain, stem) && len(plain) > len(stem) && plain[len(stem)] < 'a' {
			for _, item := range m.Value.Items() {
				found = append(found, occurrence{m.Name, item})
			}
		}
	}
	return found
}

func (g *guide) judge(n *node, found []occurrence, path string, broken *[]string) {
	var values []*fhir.Element
	for _, f := range found {
		values = append(values, f.value)
		if n.def == nil || !strings.HasSuffix(path, "[x]") {
			continue
		}
		stem := strings.TrimSuffix(path[strings.LastIndex(path, ".")+1:], "[x]")
		var types []string
		for _, typ := range n.def.Get("type").Items() {
			code := typ.Get("code").Text()
			types = append(types, stem+strings.ToUpper(code[:1])+code[1:])
		}
		if len(types) > 0 && !slices.Contains(types, strings.TrimPrefix(f.name, "_")) {
			*broken = append(*broken, fmt.Sprintf("%s is %s, not one of %v", path, f.name, types))
		}
	}
	g.judgeValues(n, values, path, broken)
}

func (g *guide) judgeValues(n *node, values []*fhir.Element, path string, broken *[]string) {
	if n.def != nil {
		low, high := 0, math.MaxInt
		if m := n.def.Get("min"); m != nil {
			low, _ = strconv.Atoi(m.Text())
		}
		if m := n.def.Get("max").Text(); m != "" && m != "*" {
			high, _ = strconv.Atoi(m)
		}
		if len(values) < low || len(values) > high {
			*broken = append(*broken, fmt.Sprintf("%s: %d of %d..%s", path, len(values), low, n.def.Get("max").Text()))
		}
	}
	for _, v := range values {
		if n.def != nil {
			if why := g.value(n.def, v); why != "" {
				*broken = append(*broken, path+": "+why)
			}
		}
		g.walk(n, v, path, broken)
	}
}

// value checks fixed, pattern and required binding of one value.
func (g *guide) value(def, v *fhir.Element) string {
	for _, m := range def.Members() {
		switch {
		case strings.HasPrefix(m.Name, "fixed") && !v.Equal(m.Value):
			return fmt.Sprintf("%s, fixed is %s", v.AppendJSON(nil), m.Value.AppendJSON(nil))
		case strings.HasPrefix(m.Name, "pattern") && !matches(v, m.Value):
			return fmt.Sprintf("%s, pattern is %s", v.AppendJSON(nil), m.Value.AppendJSON(nil))
		}
	}
	if b := def.Get("binding"); b != nil && b.Get("strength").Text() == "required" && !g.bound(b, v) {
		return fmt.Sprintf("%s is not of %s", v.AppendJSON(nil), b.Get("valueSet").Text())
	}
	return ""
}

// matches reports whether v has all the pattern says.
func matches(v, pattern *fhir.Element) bool {
	switch pattern.Kind() {
	case fhir.Object:
		for _, m := range pattern.Members() {
			if !matches(v.Get(m.Name), m.Value) {
				return false
			}
		}
		return true
	case fhir.Array:
		for _, want := range pattern.Items() {
			if !slices.ContainsFunc(v.Items(), func(item *fhir.Element) bool { return matches(item, want) }) {
				return false
			}
		}
		return true
	}
	return v != nil && v.Text() == pattern.Text()
}

// bound reports whether a coding of v lies in the value set, which may list codes
// or take MDC partitions. Value sets of elsewhere are not judged.
func (g *guide) bound(binding, v *fhir.Element) bool {
	set := g.sets[strings.Split(binding.Get("valueSet").Text(), "|")[0]]
	if set == nil {
		return true
	}
	codings := v.Get("coding").Items()
	if v.Get("coding") == nil {
		codings = []*fhir.Element{v}
	}
	for _, c := range codings {
		for _, include := range set.Path("compose").Get("include").Items() {
			if include.Get("system").Text() != c.Get("system").Text() {
				continue
			}
			code := c.Get("code").Text()
			if include.Get("concept") == nil && include.Get("filter") == nil {
				return true
			}
			for _, listed := range include.Get("concept").Items() {
				if listed.Get("code").Text() == code {
					return true
				}
			}
			if f := include.Path("filter"); f != nil {
				f = f.At(0)
				n, _ := strconv.Atoi(code)
				if f.Get("property").Text() != "partition" || slices.Contains(strings.Split(f.Get("value").Text(), ","), strconv.Itoa(n>>16)) {
					return true
				}
			}
		}
	}
	return false
}

// belongs reports whether an item is of the slice: by its type's name, by its
// extension's url, or by what the discriminators' elements fix.
func (g *guide) belongs(whole, slice *node, item occurrence) bool {
	if profile := slice.def.Get("type").At(0).Get("profile"); profile != nil {
		return item.value.Get("url").Text() == strings.Split(profile.At(0).Text(), "|")[0]
	}
	if name := slice.def.Get("sliceName").Text(); strings.HasPrefix(name, "value") || strings.HasPrefix(name, "effective") {
		return item.name == name
	}
	for _, d := range whole.def.Path("slicing").Get("discriminator").Items() {
		n, values := slice, []*fhir.Element{item.value}
		if path := d.Get("path").Text(); path != "$this" {
			for _, step := range strings.Split(path, ".") {
				if n = n.children[step]; n == nil {
					break
				}
				var next []*fhir.Element
				for _, v := range values {
					next = append(next, v.Get(step).Items()...)
				}
				values = next
			}
		}
		if n == nil || n.def == nil {
			continue
		}
		if !slices.ContainsFunc(values, func(v *fhir.Element) bool { return g.value(n.def, v) == "" }) {
			return false
		}
	}
	return true
}

// invariants are the constraints of the base resource that our output could break.
func invariants(r *fhir.Resource) []string {
	var broken []string
	value := func(e *fhir.Element) int { return len(occurrences(e, "value[x]")) }
	root := r.Root()
	if r.Type() != "Observation" {
		return nil
	}
	if value(root) > 0 && root.Get("dataAbsentReason") != nil {
		broken = append(broken, "obs-6: a value and a reason for none")
	}
	for _, e := range append([]*fhir.Element{root}, root.Get("component").Items()...) {
		if value(e) > 1 {
			broken = append(broken, "two values")
		}
	}
	if value(root) == 0 && root.Get("dataAbsentReason") == nil && root.Get("component") == nil {
		broken = append(broken, "vs-2: no value, no reason, no component")
	}
	for _, c := range root.Get("component").Items() {
		if (value(c) == 1) == (c.Get("dataAbsentReason") != nil) {
			broken = append(broken, "vs-3: a component needs a value or a reason")
		}
		for _, own := range c.Path("code").Get("coding").Items() {
			for _, whole := range root.Path("code").Get("coding").Items() {
				if value(root) > 0 && own.Get("code").Text() == whole.Get("code").Text() {
					broken = append(broken, "obs-7: a component has the code and the value is at the top")
				}
			}
		}
	}
	for _, name := range []string{"status", "code"} {
		if root.Get(name) == nil {
			broken = append(broken, name+" is missing")
		}
	}
	return broken
}
