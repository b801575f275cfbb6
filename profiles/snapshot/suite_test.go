package snapshot_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/profiles/snapshot"
)

// suite is the snapshot-generation folder of FHIR's test cases.
type suite struct {
	files map[string][]byte
	cases []suiteCase
	// known are the definitions a case may refer to, by url.
	known map[string]*fhir.Resource
	// inputs are the inputs of all cases, by url.
	inputs map[string]*fhir.Resource
	set    *profiles.Set
	busy   map[string]bool
}

type suiteCase struct {
	ID       string `xml:"id,attr"`
	Gen      bool   `xml:"gen,attr"`
	Sort     bool   `xml:"sort,attr"`
	Fail     bool   `xml:"fail,attr"`
	Register string `xml:"register,attr"`
	Include  string `xml:"include,attr"`
}

func openSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{files: make(map[string][]byte), known: make(map[string]*fhir.Resource), inputs: make(map[string]*fhir.Resource), set: profiles.R4(), busy: make(map[string]bool)}
	unzipped, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "fhir-test-cases", "snapshot-generation-r4b.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	for members := tar.NewReader(unzipped); ; {
		header, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.files[strings.TrimPrefix(header.Name, "snapshot-generation/")], err = io.ReadAll(members); err != nil {
			t.Fatal(err)
		}
	}
	usCore, err := os.Open(shared.Path(t, "data", "igs", "hl7.fhir.us.core-3.1.1.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer usCore.Close()
	p, err := profiles.ReadPackage(t.Context(), usCore, "", profiles.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s.set = s.set.With(p)
	for name := range s.files {
		if stem, ok := strings.CutSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".xml"), ".json"), "-input"); ok {
			if r, err := s.read(stem + "-input"); err == nil {
				s.inputs[r.Get("url").Text()] = r
			}
		}
	}
	var m struct {
		Tests []suiteCase `xml:"test"`
	}
	if err := xml.Unmarshal(s.files["manifest.xml"], &m); err != nil {
		t.Fatal(err)
	}
	s.cases = m.Tests
	return s
}

// read reads a file of the suite by its name without ending.
func (s *suite) read(name string) (*fhir.Resource, error) {
	if data := s.files[name+".xml"]; data != nil {
		return readXML(data, s.set)
	}
	if data := s.files[name+".json"]; data != nil {
		return fhir.ParseResource(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))
	}
	return nil, fmt.Errorf("the suite has no %s", name)
}

// lookup finds among the registered definitions, then in R4.
func (s *suite) lookup(canonical string) (*fhir.Resource, error) {
	url, _ := definition.Split(canonical)
	r := s.known[url]
	if r == nil {
		if found, err := s.set.Snapshot(canonical); err == nil || s.inputs[url] == nil {
			return found, err
		}
		// The suite runs in sequence, and some of its cases are not here.
		r = s.inputs[url]
		s.known[url] = r
	}
	if r.Get("snapshot").Get("element").Len() > 0 {
		return r, nil
	}
	if s.busy[url] {
		return nil, fmt.Errorf("%s goes in a circle", url)
	}
	s.busy[url] = true
	defer delete(s.busy, url)
	made, err := snapshot.Generate(r, s.lookup)
	if err == nil {
		s.known[url] = made
	}
	return made, err
}

func (s *suite) register(names string) error {
	for _, name := range strings.FieldsFunc(names, func(r rune) bool { return r == ',' }) {
		r, err := s.read(name)
		if err != nil {
			// Some cases build on the outcome of another one.
			if r, err = s.read(strings.TrimSuffix(name, "-expected") + "-input"); err != nil {
				return err
			}
		}
		s.known[r.Get("url").Text()] = r
	}
	return nil
}

// generate makes what a case asks for: a snapshot, or a sorted differential.
func (s *suite) generate(c suiteCase) (*fhir.Resource, error) {
	if err := s.register(c.Register + "," + c.Include); err != nil {
		return nil, err
	}
	in, err := s.read(c.ID + "-input")
	if err != nil {
		return nil, err
	}
	if c.Sort {
		if in, err = snapshot.Sort(in, s.lookup); err != nil {
			return nil, err
		}
	}
	if !c.Gen {
		return in, nil
	}
	return snapshot.Generate(in, s.lookup)
}

// run gives what is wrong with a case, nothing when it is met.
func (s *suite) run(c suiteCase) []string {
	got, err := s.generate(c)
	switch {
	case c.Fail && err != nil:
		return nil
	case c.Fail:
		return []string{"it should be refused"}
	case err != nil:
		return []string{err.Error()}
	}
	want, err := s.read(c.ID + "-expected")
	if err != nil {
		return []string{err.Error()}
	}
	if !c.Gen {
		return compareLists("differential", want, got, "path", "sliceName")
	}
	s.known[got.Get("url").Text()] = got
	return compareSnapshots(want, got)
}

// unmet says why we differ from the suite, for each case where we do.
var unmet = map[string]string{
	"t16":                  "inside a slice of an extension that the base made, valueString becomes a slice of value[x] that has one type left; elsewhere (t15) the suite wants no slice then",
	"sushi2":               "the suite's answer names value[x] itself valueCodeableConcept, without the element it is a slice of",
	"ca-patient":           "as sushi2, and with all types allowed on the slice valueString",
	"nl-med":               "the suite writes the elements of Bundle.entry.resource, typed List, under the path List",
	"pat-xver-extension":   "needs the definition of an extension for an R5 element, which is made by rule; we make none",
	"simplifier-1":         "should be refused; we find nothing wrong with it",
	"ccda-problem-section": "CDA: a choice group, an extension of logical models, lowers the maximum of the other members",
	"ihe2":                 "should be refused, perhaps because R5 has no DocumentManifest; for R4 a Resource may have its profile, as the validator's case bundle-ihe-good wants",
	"slice23":              "the slicing that the profile states on a slice is gone in the suite's answer",
}

// The score counts a case as met when all facts of all elements agree (see
// compareSnapshots), or when a differential that must be refused is refused.
func TestSuite(t *testing.T) {
	s := openSuite(t)
	met, refused := 0, 0
	var rows [][]string
	for _, c := range s.cases {
		wrong := s.run(c)
		why := unmet[c.ID]
		switch {
		case len(wrong) == 0 && why != "":
			t.Errorf("%s is met; its explanation is out of date", c.ID)
		case len(wrong) == 0:
			met++
			if c.Fail {
				refused++
			}
		case why == "":
			t.Errorf("%s: %s", c.ID, strings.Join(wrong, "\n\t"))
		default:
			rows = append(rows, []string{c.ID, fmt.Sprintf("%d facts", len(wrong)), why})
		}
	}
	if met*100 < 85*len(s.cases) {
		t.Errorf("%d of %d cases are met, under 85 %%", met, len(s.cases))
	}
	intro := fmt.Sprintf("%d of %d cases of FHIR's snapshot-generation suite (R4B) are met, %d of them by refusing. "+
		"A case is met when the elements and their order agree, and of each element id, path, slice name, cardinality, types with profiles and targets, "+
		"binding, fixed and pattern values, slicing, content reference and the keys of its constraints. What R4B changed in the base definitions does not count "+
		"(listed in the test). The cases that are not met:", met, len(s.cases), refused)
	conformance.Table(t, "snapshot", "Snapshot generation", intro, []string{"case", "differs in", "why"}, rows)
}

// compareLists compares members of the elements of one part, in order.
func compareLists(part string, want, got *fhir.Resource, members ...string) []string {
	var out []string
	w, g := want.Get(part).Get("element").Items(), got.Get(part).Get("element").Items()
	for i := range max(len(w), len(g)) {
		var a, b string
		for _, m := range members {
			if i < len(w) {
				a += w[i].Get(m).Text() + " "
			}
			if i < len(g) {
				b += g[i].Get(m).Text() + " "
			}
		}
		if a != b {
			out = append(out, fmt.Sprintf("element %d: %s, want %s", i, b, a))
		}
	}
	return out
}

// compareSnapshots compares what the score is about: the elements and their
// order, and of each id, path, slice name, cardinality, types with their
// profiles and targets, binding, fixed and pattern values, slicing, and the keys
// of its constraints.
func compareSnapshots(want, got *fhir.Resource) []string {
	var out []string
	wantFacts, wantIDs := facts(want)
	gotFacts, gotIDs := facts(got)
	if !slices.Equal(wantIDs, gotIDs) {
		for _, id := range wantIDs {
			if !slices.Contains(gotIDs, id) {
				out = append(out, "lacks "+id)
			}
		}
		for _, id := range gotIDs {
			if !slices.Contains(wantIDs, id) {
				out = append(out, "adds "+id)
			}
		}
		if len(out) == 0 {
			out = append(out, "another order")
		}
	}
	for _, id := range wantIDs {
		g, ok := gotFacts[id]
		if !ok {
			continue
		}
		for i, fact := range wantFacts[id] {
			if g[i] != fact && !r4b[difference{strings.Join(strings.Split(id, ":")[:1], ""), g[i], fact}] {
				out = append(out, fmt.Sprintf("%s: %s, want %s", id, g[i], fact))
			}
		}
	}
	return out
}

// difference is a fact of an element in R4 and in R4B.
type difference struct{ id, r4, r4b string }

// r4b are the differences between R4 (4.0.1) and R4B (4.3.0), which the suite
// was made with, that its cases inherit unchanged.
var r4b = map[difference]bool{
	{"Observation.subject", "types Reference[][Device Group Location Patient]",
		"types Reference[][Device Group Location Medication Organization Patient Practitioner Procedure Substance]"}: true,
	{"Contract.term.action.performerType", "binding example http://hl7.org/fhir/ValueSet/provenance-agent-type",
		"binding example http://hl7.org/fhir/ValueSet/provenance-participant-type"}: true,
	{"Contract.term.action.performerRole", "binding example http://hl7.org/fhir/ValueSet/provenance-agent-role",
		"binding example http://hl7.org/fhir/ValueSet/provenance-participant-role"}: true,
	{"Questionnaire.item", "constraints ele-1 que-1 que-10 que-11 que-12 que-13 que-3 que-4 que-5 que-6 que-8 que-9",
		"constraints ele-1 que-10 que-11 que-12 que-13 que-1a que-1b que-1c que-3 que-4 que-5 que-6 que-8 que-9"}: true,
	{"ExplanationOfBenefit.priority", "binding example http://terminology.hl7.org/CodeSystem/processpriority",
		"binding example http://hl7.org/fhir/ValueSet/process-priority"}: true,
	{"Patient.address.extension", "card 0..1", "card 0..*"}: true, // the root of the extension geolocation
}

// oneOnly are types of Extension.value[x] and constraints that only one of R4
// and R4B has.
var oneOnly = map[string]bool{"CodeableReference": true, "RatioRange": true, "Meta": true, "dom-r4b": true}

// facts are what is compared of each element, by id.
func facts(r *fhir.Resource) (map[string][]string, []string) {
	out := make(map[string][]string)
	var ids []string
	for _, e := range r.Get("snapshot").Get("element").Items() {
		id := e.Get("id").Text()
		ids = append(ids, id)
		out[id] = []string{
			"path " + e.Get("path").Text(),
			"slice " + e.Get("sliceName").Text(),
			"card " + e.Get("min").Text() + ".." + e.Get("max").Text(),
			"types " + typeFacts(e),
			"binding " + e.Path("binding", "strength").Text() + " " + version(e.Path("binding", "valueSet").Text()),
			"values " + valueFacts(e),
			"slicing " + slicingFacts(e.Get("slicing")),
			"constraints " + constraintFacts(e),
			"content " + fragment(e.Get("contentReference").Text()),
		}
	}
	return out, ids
}

// version takes the version of R4 or R4B off a canonical: the suite is made
// with R4B.
func version(canonical string) string {
	return strings.TrimSuffix(strings.TrimSuffix(canonical, "|4.0.1"), "|4.3.0")
}

func fragment(ref string) string {
	_, id, _ := strings.Cut(ref, "#")
	return id
}

func typeFacts(e *fhir.Element) string {
	var out []string
	for _, t := range e.Get("type").Items() {
		if oneOnly[t.Get("code").Text()] {
			continue
		}
		out = append(out, fmt.Sprintf("%s%s%s", t.Get("code").Text(), texts(t.Get("profile")), texts(t.Get("targetProfile"))))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func texts(list *fhir.Element) []string {
	var out []string
	for _, item := range list.Items() {
		text := version(item.Text())
		out = append(out, text[strings.LastIndexByte(text, '/')+1:])
	}
	slices.Sort(out)
	return out
}

func valueFacts(e *fhir.Element) string {
	var out []string
	for _, m := range e.Members() {
		if strings.HasPrefix(m.Name, "fixed") || strings.HasPrefix(m.Name, "pattern") {
			out = append(out, m.Name+canonicalJSON(m.Value))
		}
	}
	return strings.Join(out, " ")
}

func slicingFacts(s *fhir.Element) string {
	if s == nil {
		return "none"
	}
	var out []string
	for _, d := range s.Get("discriminator").Items() {
		out = append(out, d.Get("type").Text()+":"+d.Get("path").Text())
	}
	ordered := s.Get("ordered").Text() == "true"
	return fmt.Sprintf("%v ordered=%v %s", out, ordered, s.Get("rules").Text())
}

func constraintFacts(e *fhir.Element) string {
	var out []string
	for _, c := range e.Get("constraint").Items() {
		if key := c.Get("key").Text(); !oneOnly[key] {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// canonicalJSON is JSON with the members in the order of their names.
func canonicalJSON(e *fhir.Element) string {
	if !e.Is(fhir.Object) && !e.Is(fhir.Array) {
		return string(e.AppendJSON(nil))
	}
	var parts []string
	for _, m := range e.Members() {
		parts = append(parts, m.Name+":"+canonicalJSON(m.Value))
	}
	if e.Is(fhir.Object) {
		slices.Sort(parts)
	}
	return "{" + strings.Join(parts, ",") + "}"
}
