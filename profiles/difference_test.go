package profiles_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/profiles/internal/slim"
)

const acceptedFile = "testdata/r4-differences.txt"

// The embedded definitions are those of the R4 publication, element by element.
// Every difference stands in testdata/r4-differences.txt with its reason; one
// that is missing there fails, and so does one that no longer exists.
func TestR4_IsThePublication(t *testing.T) {
	official := publication(t, shared.Read(t, "data", "r4", "hl7.fhir.r4.core-4.0.1.tgz"))
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }

	ours := make(map[string]*fhir.Resource)
	for r, err := range profiles.R4().All("") {
		if err != nil {
			t.Fatal(err)
		}
		key := r.Type() + "/" + r.ID()
		if ours[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		ours[key] = r
		if official[key] == nil {
			report("%s\tonly here", key)
		}
	}
	for key, theirs := range official {
		r := ours[key]
		if r == nil {
			report("%s\tonly in R4", key)
			continue
		}
		slim.Definition(theirs)
		compare(theirs.Root(), r.Root(), "", func(path, what string) { report("%s\t%s\t%s", key, path, what) })
	}
	slices.Sort(found)

	if os.Getenv("VITALWIRE_UPDATE") == "1" {
		writeAccepted(t, found)
	}
	reasons := acceptedDifferences(t)
	for _, line := range found {
		if reasons[line] == "" {
			t.Errorf("not accepted: %s", line)
		}
		delete(reasons, line)
	}
	for line := range reasons {
		t.Errorf("accepted, but not found: %s", line)
	}
}

// publication reads the definitions of the official package.
func publication(t *testing.T, tgz []byte) map[string]*fhir.Resource {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]*fhir.Resource)
	for members := tar.NewReader(unzipped); ; {
		header, err := members.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		typ, _, ok := strings.Cut(strings.TrimPrefix(header.Name, "package/"), "-")
		if !ok || !fhir.IsResourceType(typ) {
			continue
		}
		data, err := io.ReadAll(members)
		if err != nil {
			t.Fatal(err)
		}
		root, err := fhir.ParseElement(data)
		if err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
		id := root.Get("id").Text()
		if !fhir.ValidID(id) {
			root.Set("id", nil) // one of R4's own is too long
		}
		r, err := fhir.AsResource(root)
		if err != nil {
			t.Fatalf("%s: %v", header.Name, err)
		}
		out[r.Type()+"/"+id] = r
	}
}

// identity says by which member the items of a list correspond.
var identity = map[string]string{
	"element": "id", "constraint": "key", "concept": "code", "parameter": "name", "component": "definition",
}

// compare reports where two definitions differ. The order of members is of no
// matter, that of items is.
func compare(want, got *fhir.Element, path string, report func(path, what string)) {
	switch {
	case want.Kind() != got.Kind():
		report(path, "another kind of value: "+show(got)+" for "+show(want))
	case want.Is(fhir.Object):
		for _, m := range want.Members() {
			if other := got.Get(m.Name); other != nil {
				compare(m.Value, other, path+"."+m.Name, report)
			} else {
				report(path+"."+m.Name, "lacks "+show(m.Value))
			}
		}
		for _, m := range got.Members() {
			if want.Get(m.Name) == nil {
				report(path+"."+m.Name, "adds "+show(m.Value))
			}
		}
	case want.Is(fhir.Array):
		compareLists(want, got, path, report)
	case want.Text() != got.Text():
		report(path, change(want.Text(), got.Text()))
	}
}

// change shows two texts without what they begin and end with alike.
func change(want, got string) string {
	start, end := 0, 0
	for start < len(want) && start < len(got) && want[start] == got[start] {
		start++
	}
	for end < min(len(want), len(got))-start && want[len(want)-1-end] == got[len(got)-1-end] {
		end++
	}
	start, end = max(0, start-12), max(0, end-12)
	cut := func(s string) string { return show(fhir.NewString(strings.ToValidUTF8(s[start:len(s)-end], ""))) }
	return cut(got) + " for " + cut(want)
}

func compareLists(want, got *fhir.Element, path string, report func(path, what string)) {
	key := identity[path[strings.LastIndexByte(path, '.')+1:]]
	wantKeys, gotKeys := keys(want, key), keys(got, key)
	if key == "" || wantKeys == nil || gotKeys == nil {
		if want.Len() != got.Len() {
			report(path, show(got)+" for "+show(want))
			return
		}
		for i := range want.Len() {
			compare(want.At(i), got.At(i), fmt.Sprintf("%s[%d]", path, i), report)
		}
		return
	}
	var common []string
	for i, k := range wantKeys {
		at := fmt.Sprintf("%s[%s]", path, k)
		j := slices.Index(gotKeys, k)
		if j < 0 {
			report(at, "lacks "+show(want.At(i)))
			continue
		}
		common = append(common, k)
		compare(want.At(i), got.At(j), at, report)
	}
	same := slices.DeleteFunc(slices.Clone(gotKeys), func(k string) bool { return !slices.Contains(wantKeys, k) })
	if !slices.Equal(common, same) {
		report(path, "another order")
	}
	for j, k := range gotKeys {
		if !slices.Contains(wantKeys, k) {
			report(fmt.Sprintf("%s[%s]", path, k), "adds "+show(got.At(j)))
		}
	}
}

// keys are the identities of a list's items, nil where they are no identities.
func keys(list *fhir.Element, name string) []string {
	var out []string
	for _, item := range list.Items() {
		k := item.Get(name).Text()
		if k == "" || slices.Contains(out, k) {
			return nil
		}
		out = append(out, k)
	}
	return out
}

func show(e *fhir.Element) string {
	text := strings.NewReplacer("\t", `\t`, "\n", `\n`).Replace(string(e.AppendJSON(nil)))
	if len(text) > 200 {
		// What is not shown still counts.
		text = fmt.Sprintf("%s... (%08x)", strings.ToValidUTF8(text[:200], ""), crc32.ChecksumIEEE([]byte(text)))
	}
	return text
}

// acceptedDifferences reads the table: a line "# reason", then its differences.
func acceptedDifferences(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(acceptedFile)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	reason := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if text, ok := strings.CutPrefix(line, "# "); ok {
			reason = text
		} else if line != "" {
			out[line] = reason
		}
	}
	return out
}
