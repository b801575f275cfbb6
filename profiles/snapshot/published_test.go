package snapshot_test

import (
	"fmt"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/profiles/snapshot"
)

// published are packages as HL7 published them, with snapshots that its own
// tools made. The others at hand were rebuilt with other tools.
var published = []string{
	"hl7.fhir.us.core#3.1.1", "hl7.fhir.us.core#4.0.0", "hl7.fhir.us.core#5.0.1", "hl7.fhir.us.core#6.1.0",
	"hl7.fhir.us.core#7.0.0", "hl7.fhir.us.core#8.0.0", "hl7.fhir.uv.ips#1.1.0", "hl7.fhir.uv.ipa#1.0.0",
	"hl7.terminology.r4#7.0.1", "hl7.fhir.uv.extensions.r4#5.2.0",
}

// A snapshot that is made again from a published differential is the published
// one, in the respects of compareSnapshots.
func TestPublished(t *testing.T) {
	l := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
	if _, err := l.LoadDir(t.Context(), shared.Path(t, "data", "igs")); err != nil {
		t.Fatal(err)
	}
	set := l.Set()
	packages := make(map[string]*profiles.Package)
	for _, p := range set.Packages() {
		packages[p.Key()] = p
	}
	var rows [][]string
	for _, key := range published {
		p := packages[key]
		if p == nil {
			t.Errorf("%s is not there", key)
			continue
		}
		n := again(t, set, p)
		if n.same*100 < 95*n.elements {
			t.Errorf("%s: %d of %d elements", key, n.same, n.elements)
		}
		rows = append(rows, []string{key, fmt.Sprint(n.structures), fmt.Sprint(n.whole), fmt.Sprint(n.elements),
			fmt.Sprintf("%.1f %%", 100*float64(n.same)/float64(n.elements)), strings.Join(n.refused, "; ")})
	}
	conformance.Table(t, "snapshot-published", "Snapshots made again from published profiles",
		"Each profile's snapshot is made from its differential and compared with the published one, in the same respects. "+
			"HL7's publisher changed over the years: up to US Core 5.0.1 a path such as valueQuantity limited the choice to that type, since 6.1.0 it does not, "+
			"and we follow the latter; US Core 8.0.0 repeats constraints of an element in its slices; the extension pack raises the minimum of "+
			"Extension.extension to what its slices demand.",
		[]string{"package", "profiles", "equal", "elements", "equal", "not made"}, rows)
}

type tally struct {
	structures, whole, elements, same int
	refused                           []string
}

// again makes the snapshots of a package again. Elements of a profile that
// cannot be made do not count; the profile does.
func again(t *testing.T, set *profiles.Set, p *profiles.Package) tally {
	t.Helper()
	var n tally
	for _, e := range p.Entries() {
		if e.Type != "StructureDefinition" || e.Derivation != "constraint" {
			continue
		}
		r, err := set.Decode(e.Type, e.Canonical())
		if err != nil {
			t.Error(err)
			continue
		}
		if r.Get("snapshot") == nil || r.Get("differential") == nil {
			continue
		}
		n.structures++
		bare := r.Clone()
		bare.Root().Set("snapshot", nil)
		got, err := snapshot.Generate(bare, set.LookupFor(p))
		if err != nil {
			n.refused = append(n.refused, reason(e.Name, err))
			continue
		}
		wrong := compareSnapshots(r, got)
		if len(wrong) == 0 {
			n.whole++
		}
		n.elements += r.Get("snapshot").Get("element").Len()
		n.same += r.Get("snapshot").Get("element").Len() - len(elementsOf(wrong, r))
	}
	return n
}

// reason is what is missing or wrong, without the way there.
func reason(name string, err error) string {
	text := err.Error()
	if i := strings.Index(text, "StructureDefinition http"); i >= 0 && strings.HasSuffix(text, "not known") {
		url := strings.Fields(text[i:])[1]
		return name + " builds on " + strings.TrimSuffix(url[strings.LastIndexByte(url, '/')+1:], ":") + ", which is not at hand"
	}
	return name + ": " + text
}

// elementsOf are the published elements that differ.
func elementsOf(wrong []string, r *fhir.Resource) map[string]bool {
	out := make(map[string]bool)
	for _, w := range wrong {
		for _, e := range r.Get("snapshot").Get("element").Items() {
			id := e.Get("id").Text()
			if w == "lacks "+id || strings.HasPrefix(w, id+": ") {
				out[id] = true
			}
		}
	}
	return out
}
