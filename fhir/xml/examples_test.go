package xml_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"math/big"
	"path"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/xml"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// unpack gives the regular files of a .tgz by name.
func unpack(t testing.TB, tgz []byte) map[string][]byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// canonical is the JSON with members sorted and numbers as written: what
// encoding/json makes of it.
func canonical(t testing.TB, data []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// differ lists the places where two JSON values are not the same.
func differ(at string, a, b any, out []difference) []difference {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}
		names := make([]string, 0, len(a)+len(b))
		for name := range a {
			names = append(names, name)
		}
		for name := range b {
			if _, both := a[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			out = differ(at+"."+name, a[name], b[name], out)
		}
		return out
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			out = differ(fmt.Sprintf("%s[%d]", at, i), a[i], b[i], out)
		}
		return out
	default:
		if a == b {
			return out
		}
	}
	return append(out, difference{at, a, b})
}

// The official examples are there as XML and as JSON. Each XML must read as its
// JSON twin does; where HL7's two files say different things, the table tells.
func TestExamples_EqualTheirTwins(t *testing.T) {
	files := unpack(t, shared.Read(t, "data", "r4", "r4-examples.tgz"))
	kinds := []string{"read", "equal to the twin", "differs only in the twin's own ways"}
	count := make(map[string]int)
	why := make(map[string][]string) // reason -> stems
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Dir(name) != "xml" {
			continue
		}
		stem := strings.TrimSuffix(path.Base(name), ".xml")
		r, err := xml.Parse(files[name], profiles.R4())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		count[kinds[0]]++
		reasons := make(map[string]bool)
		for _, d := range differ("", unlabelled(canonical(t, r.JSON())), unlabelled(canonical(t, files["json/"+stem+".json"])), nil) {
			reason := d.reason()
			if reason == "" {
				t.Errorf("%s %s: %.200q, JSON %.200q", name, d.at, fmt.Sprint(d.a), fmt.Sprint(d.b))
			}
			reasons[reason] = true
		}
		if len(reasons) == 0 {
			count[kinds[1]]++
		} else {
			count[kinds[2]]++
		}
		for reason := range reasons {
			why[reason] = append(why[reason], stem)
		}
	}
	if count[kinds[0]] != 505 {
		t.Errorf("%d XML examples were read, want 505", count[kinds[0]])
	}

	identical, rewritten := 0, 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Dir(name) != "json" {
			continue
		}
		r, err := fhir.ParseResource(files[name])
		if err != nil {
			t.Fatal(err)
		}
		first, err := xml.Append(nil, r, profiles.R4())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		back, err := xml.Parse(first, profiles.R4())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := differ("", canonical(t, back.JSON()), canonical(t, files[name]), nil)
		for _, d := range found {
			t.Errorf("%s after XML %s: %v, was %v", name, d.at, d.a, d.b)
		}
		if len(found) == 0 {
			identical++
		}
		again, err := xml.Append(nil, back, profiles.R4())
		if err == nil && bytes.Equal(first, again) {
			rewritten++
		}
		pretty, err := xml.AppendIndented(nil, r, profiles.R4())
		if err != nil {
			t.Errorf("%s indented: %v", name, err)
			continue
		}
		if r2, err := xml.Parse(pretty, profiles.R4()); err != nil || !r2.Root().Equal(back.Root()) {
			t.Errorf("%s changed when indented: %v", name, err)
		}
	}
	if identical != 507 || rewritten != 507 {
		t.Errorf("JSON -> XML -> JSON: %d of 507, XML bytes stable: %d", identical, rewritten)
	}

	rows := [][]string{
		{"XML examples read", fmt.Sprint(count[kinds[0]]), "of 505"},
		{"XML reads as the JSON twin says", fmt.Sprint(count[kinds[1]]), "the label HTEST aside, which the publication put in meta.tag of the JSON and in meta.security of the XML"},
		{"XML and its JSON twin say different things", fmt.Sprint(count[kinds[2]]), "for the reasons below, none of another kind; a file may have several"},
	}
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		rows = append(rows, []string{"- " + reason, fmt.Sprint(len(why[reason])), strings.Join(why[reason], ", ")})
	}
	rows = append(rows,
		[]string{"JSON -> XML -> JSON the same value, numbers as written", fmt.Sprint(identical), "of 507"},
		[]string{"the XML written from it again the same bytes", fmt.Sprint(rewritten), "of 507"})
	conformance.Table(t, "xml", "XML", "Every official R4 example, read by `fhir/xml` from XML and compared with its JSON twin, and JSON written as XML and read back.",
		[]string{"what", "examples", "which"}, rows)
}

// difference is a place where two JSON values are not the same.
type difference struct {
	at   string
	a, b any
}

// unlabelled takes the label HTEST out of meta: the publication put it in
// meta.tag of the JSON files and in meta.security of the XML files, or in the
// XML alone.
func unlabelled(v any) any {
	meta, _ := v.(map[string]any)["meta"].(map[string]any)
	for _, name := range []string{"tag", "security"} {
		list, _ := meta[name].([]any)
		list = slices.DeleteFunc(list, func(c any) bool { return c.(map[string]any)["code"] == "HTEST" })
		if len(list) == 0 {
			delete(meta, name)
		} else {
			meta[name] = list
		}
	}
	if len(meta) == 0 {
		delete(v.(map[string]any), "meta")
	}
	return v
}

// reason explains a difference that the files have of themselves, "" for any other.
func (d difference) reason() string {
	if a, ok := d.a.(json.Number); ok {
		b, ok := d.b.(json.Number)
		x, okA := new(big.Rat).SetString(string(a))
		y, okB := new(big.Rat).SetString(string(b))
		if ok && okA && okB && x.Cmp(y) == 0 {
			return "the JSON has lost the precision of a decimal (10.00 as 10.0)"
		}
	}
	a, _ := d.a.(string)
	b, _ := d.b.(string)
	if strings.HasSuffix(d.at, ".text.div") && plain(a) == plain(b) {
		return "white space or escapes of a narrative were changed in one of them"
	}
	return ""
}

func plain(div string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("<", " <", ">", "> ").Replace(html.UnescapeString(div))), " ")
}
