package snapshot_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/profiles/snapshot"
)

func TestPublished(t *testing.T) {
	l := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
	files, err := filepath.Glob(filepath.Join(shared.Path(t, "data", "igs"), "*.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Load(context.Background(), f, filepath.Base(name)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	set := l.Set()
	kinds := make(map[string]int)
	examples := make(map[string]string)
	for _, p := range set.Packages() {
		same, total, elements, wrongElements := 0, 0, 0, 0
		for _, e := range p.Entries() {
			if e.Type != "StructureDefinition" || e.Derivation != "constraint" {
				continue
			}
			r, ok := set.Find(e.Type, e.Canonical())
			if !ok || r.Get("snapshot") == nil || r.Get("differential") == nil {
				continue
			}
			total++
			elements += r.Get("snapshot").Get("element").Len()
			bare := r.Clone()
			bare.Root().Set("snapshot", nil)
			got, err := snapshot.Generate(bare, set.LookupFor(p))
			if err != nil {
				kinds["error"]++
				examples["error"] = err.Error()
				if os.Getenv("SHOW") != "" {
					t.Log(err)
				}
				continue
			}
			wrong := compareSnapshots(r, got)
			if len(wrong) == 0 {
				same++
			}
			seen := map[string]bool{}
			for _, w := range wrong {
				id, rest, _ := strings.Cut(w, ": ")
				if !seen[id] {
					seen[id] = true
					wrongElements++
				}
				k, _, _ := strings.Cut(rest, " ")
				if rest == "" {
					k, _, _ = strings.Cut(w, " ")
				}
				kinds[k]++
				examples[k] = p.Key() + " " + e.Name + " " + w
				if os.Getenv("SHOW") != "" && regexp.MustCompile(os.Getenv("SHOW")).MatchString(p.Key()+" "+w) {
					t.Log(p.Key() + " " + e.Name + " " + w)
				}
			}
		}
		t.Logf("%s: %d of %d structures, %d of %d elements", p.Key(), same, total, elements-wrongElements, elements)
	}
	var names []string
	for k := range kinds {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		t.Log(fmt.Sprintf("%s %d: %.300s", k, kinds[k], examples[k]))
	}
	_ = fhir.Null
}
