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

	"vitalwire/adapters/acom"
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
}

func loadGuide(t testing.TB) *guide {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "igs", "hl7.fhir.uv.phd-2.0.0-rebuilt.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{profiles: map[string]*fhir.Element{}, sets: map[string]*fhir.Element{}}
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
		root := &node{children: map[string]*node{}, slices: map[string]*node{}}
		for _, def := range profile.Path("differential", "element").Items() {
			root.at(strings.Split(def.Get("id").Text(), ".")).def = def
		}
		g.walk(root.children[r.Type()], r.Root(), r.Type(), &broken)
	}
	if g.profiles[canonical] == nil {
		broken = append(broken, "no profile "+canonical)
	}
	return broken
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

// variety are measurements of every kind in every condition.
func variety() []acom.Report {
	statuses := []acom.Status{0, acom.Invalid, acom.NotAvailable, acom.Questionable | acom.TestData, acom.EarlyIndication | acom.MsmtOngoing}
	kinds := []acom.Measurement{
		temperature(num("37.60", 268192)), temperature(num("1", 262144)), temperature(special2(acom.NaN, 268192)), temperature(acom.Value{Absent: acom.AbsentError}), temperature(acom.Value{}),
		bloodPressure(num("86", 266016)), bloodPressure(special2(acom.NRes, 266016)), bloodPressure(num("11.3", 265987)), bloodPressure(num("5", 9)),
		{Kind: acom.Compound, Type: 8454267, Components: []acom.Component{{Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872}}}, {Type: 8454252, Value: acom.Value{Text: "run"}}}},
		{Kind: acom.Compound, Type: 8454267, Components: []acom.Component{{Type: 8410608, Value: bits(1)}}},
		{Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872}}},
		{Kind: acom.CodedEnumeration, Type: 8417864, Value: acom.Value{Coded: []acom.Code{8417872, 8417869}}},
		{Kind: acom.BitsEnumeration, Type: 150604, Value: bits(0, 15)}, {Kind: acom.BitsEnumeration, Type: 150604, Value: acom.Value{Bits: &acom.Bits{Width: 16}}},
		{Kind: acom.BitsEnumeration, Type: 8400000, Value: bits(3)},
		{Kind: acom.StringEvent, Type: 8454252, Value: acom.Value{Text: "run"}},
		{Kind: acom.RTSA, Type: 131329, Value: acom.Value{Unit: 266418, Samples: &acom.Samples{Period: "0.004", LowerAbsolute: acom.Number{Text: "-3.3"}, UpperAbsolute: acom.Number{Text: "3.3"}, UpperScaled: 4095, Raw: []int64{1, 2}}}},
		{Kind: acom.Numeric, Type: 160208, Value: num("110", 264274)}, {Kind: acom.Numeric, Type: 150456, Supplemental: []acom.Code{150580, 150588}, Value: num("98", 262688)},
		{Kind: acom.Numeric, Type: 160212, Quality: &acom.Number{Text: "90"}, Value: num("110", 264274), Duration: "60"},
	}
	unreliable := acom.Time{Wall: &acom.Wall{Year: 2026, Month: 1, Day: 1}, Unreliable: true}
	times := []acom.Time{{}, wall("2026-03-01 09:50:00"), offset(wall("2026-03-01 09:50:00"), 60), {Wall: &acom.Wall{Year: 2026}}, {Ticks: &acom.Ticks{Micros: 5000, Resolution: 125}}, unreliable,
		{Wall: wall("2026-03-01 09:50:00").Wall, Earlier: true}}
	clocks := []*acom.Clock{nil, clock("2026-03-01 09:54:00", "2026-03-01T10:00:00-05:00"), {Device: unreliable, Gateway: "2026-03-01T10:00:00-05:00"},
		{Device: acom.Time{Ticks: &acom.Ticks{Micros: 7000, Resolution: 125}}, Gateway: "2026-03-01T10:00:00-05:00"}, {Device: offset(wall("2026-03-01 09:50:00"), 60), Gateway: "2026-03-01T10:00:00-05:00"}}
	var all []acom.Report
	for _, k := range clocks {
		r := acom.Report{Clock: k, Device: acom.Device{TimeSync: 532224}}
		for _, s := range statuses {
			for _, when := range times {
				for _, m := range kinds {
					m.Status, m.Time = s, when
					r.Measurements = append(r.Measurements, m)
				}
			}
		}
		all = append(all, r)
	}
	return all
}

func TestOutput_FollowsItsProfiles(t *testing.T) {
	g := loadGuide(t)
	resources := map[string]*fhir.Resource{}
	for i, r := range variety() {
		for name, change := range map[string]func(c *Context){"": func(*Context) {}, " no gateway": func(c *Context) { c.Gateway, c.GatewayID = fhir.Key{}, "" },
			" named gateway": func(c *Context) { c.Gateway = fhir.Key{} }, " receipt not known": func(c *Context) { c.ReceivedKnown = false }} {
			if name != "" && i > 1 {
				continue // the context matters alike for every clock
			}
			c := someContext
			change(&c)
			list, err := Observations(r, c)
			if err != nil {
				t.Fatal(err)
			}
			for j, o := range list {
				o.Link(func(string) (fhir.Key, bool) { return fhir.Key{Type: "Observation", ID: "x"}, true })
				resources[fmt.Sprintf("report %d, %d%s", i, j, name)] = o.Resource
			}
		}
	}
	for name, d := range map[string]acom.Device{"bare": {SystemID: cuff}, "address": {Address: "001C05007825"},
		"full": {SystemID: cuff, Manufacturer: "m", Model: "o", Battery: "80", ContinuaVersion: "6.0", Specializations: []acom.Specialization{{Type: 528391, Version: 1}},
			Production: []acom.Production{{Type: 531974, Text: "1"}, {Type: 531972, Text: "s"}, {Type: 531978, Text: "gmdn"}}, TimeSync: 532234}} {
		r, err := SensorDevice(d, "")
		if err != nil {
			t.Fatal(err)
		}
		resources["sensor "+name] = r
	}
	gateway, err := GatewayDevice("ECDE3D4E58532D31")
	if err != nil {
		t.Fatal(err)
	}
	resources["gateway"] = gateway
	seen := map[string]int{}
	for name, r := range resources {
		broken := invariants(r)
		for _, p := range r.Path("meta", "profile").Items() {
			seen[p.Text()]++
			broken = append(broken, g.check(r, p.Text())...)
		}
		if len(broken) > 0 {
			t.Fatalf("%s: %s\n%s", name, strings.Join(broken, "\n"), r.Root().AppendIndented(nil, ""))
		}
	}
	for canonical, p := range g.profiles {
		typ := p.Get("type").Text()
		if (typ == "Observation" || typ == "Device") && seen[canonical] == 0 {
			t.Errorf("no output claims %s", canonical)
		}
	}
}

// The checker must be able to say no.
func TestChecker_FindsFaults(t *testing.T) {
	g := loadGuide(t)
	for name, spoil := range map[string]func(root *fhir.Element){
		"no category": func(r *fhir.Element) { r.Set("category", nil) },
		"no gateway":  func(r *fhir.Element) { r.Set("extension", nil) },
		"no device":   func(r *fhir.Element) { r.Set("device", nil) },
		"no time":     func(r *fhir.Element) { r.Set("effectiveDateTime", nil) },
		"unit of MDC": func(r *fhir.Element) {
			r.Get("valueQuantity").Set("system", fhir.NewString("urn:iso:std:iso:11073:10101"))
		},
		"a string":        func(r *fhir.Element) { r.Set("valueQuantity", nil); r.Set("valueString", fhir.NewString("x")) },
		"two identifiers": func(r *fhir.Element) { r.Get("identifier").Append(r.Get("identifier").At(0).Clone()) },
		"other interpretation": func(r *fhir.Element) {
			r.Get("interpretation").At(0).Get("coding").At(0).Set("system", fhir.NewString("http://x"))
		},
	} {
		m := temperature(num("37.60", 268192))
		m.Status = acom.Questionable
		o := one(t, m, someContext).Resource
		if broken := g.check(o, o.Path("meta", "profile").At(0).Text()); len(broken) > 0 {
			t.Fatal(broken)
		}
		spoil(o.Root())
		if broken := g.check(o, o.Path("meta", "profile").At(0).Text()); len(broken) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
