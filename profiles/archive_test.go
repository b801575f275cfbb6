package profiles_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/profiles"
)

type entry struct {
	header tar.Header
	body   string
}

func file(name, body string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body}
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const (
	manifest = `{"name":"test.pkg","version":"1.0.0","fhirVersions":["4.0.1"]}`
	valueSet = `{"resourceType":"ValueSet","id":"v","url":"http://x/v","version":"1","text":{"status":"empty","div":"<div/>"}}`
)

func TestReadPackage_TakesDefinitionsAlone(t *testing.T) {
	p, err := profiles.ReadPackage(context.Background(), bytes.NewReader(archive(t,
		file("package/package.json", manifest),
		file("package/.index.json", `{"files":[{"filename":"../../etc/passwd"}]}`),
		file("package/._v.json", "not json"),
		file("package/v.json", valueSet),
		file("package/broken.json", `{"resourceType":`),
		file("package/patient.json", `{"resourceType":"Patient"}`),
		file("package/other.json", `{"a":1}`),
		file("package/readme.md", "# hello"),
		file("package/example/e.json", `{"resourceType":"ValueSet","url":"http://x/example"}`),
		file("other/v.json", `{"resourceType":"ValueSet","url":"http://x/other"}`),
		file("package/r5.json", `{"resourceType":"StructureDefinition","url":"http://x/r5","fhirVersion":"5.0.0"}`),
	)), "x.tgz", profiles.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	entries := p.Entries()
	if len(entries) != 1 || entries[0].URL != "http://x/v" || entries[0].Package != "test.pkg#1.0.0" {
		t.Errorf("entries: %+v", entries)
	}
	if notes := strings.Join(p.Notes, "; "); len(p.Notes) != 2 || !strings.Contains(notes, "broken.json") || !strings.Contains(notes, "FHIR 5.0.0") {
		t.Errorf("notes: %s", notes)
	}
	if r, ok := profiles.R4().With(p).ValueSet("http://x/v"); !ok || r.Get("text") != nil {
		t.Error("the value set is not there, or with its narrative")
	}
}

func TestReadPackage_Refuses(t *testing.T) {
	good := []entry{file("package/package.json", manifest), file("package/v.json", valueSet)}
	with := func(e ...entry) []byte { return archive(t, append(good, e...)...) }
	small := profiles.DefaultLimits()
	small.Packed, small.Unpacked, small.File, small.Files = 4096, 1<<20, 2048, 5
	bomb := profiles.DefaultLimits()
	bomb.Ratio = 50

	for name, c := range map[string]struct {
		data   []byte
		limits profiles.Limits
		want   string
	}{
		"no gzip":       {[]byte("hello"), small, "not gzip"},
		"cut short":     {with()[:120], small, "damaged"},
		"path out":      {with(file("package/../../etc/x.json", "{}")), small, "leads out"},
		"absolute":      {with(file("/etc/x.json", "{}")), small, "not relative"},
		"backslash":     {with(file(`package\x.json`, "{}")), small, "not relative"},
		"drive":         {with(file("c:/x.json", "{}")), small, "not relative"},
		"symbolic link": {with(entry{tar.Header{Name: "package/l.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""}), small, "neither file nor folder"},
		"hard link":     {with(entry{tar.Header{Name: "package/l.json", Typeflag: tar.TypeLink, Linkname: "package/v.json"}, ""}), small, "neither file nor folder"},
		"device":        {with(entry{tar.Header{Name: "package/d", Typeflag: tar.TypeChar}, ""}), small, "neither file nor folder"},
		"large file":    {with(file("package/big.json", strings.Repeat(" ", 3000))), small, "a file is over"},
		"many files":    {with(file("a", ""), file("b", ""), file("c", ""), file("d", "")), small, "members"},
		"large sum":     {with(file("a", strings.Repeat("x", 2<<20))), small, "files are over"},
		"bomb":          {with(file("a", strings.Repeat("x", 8<<20))), bomb, "times its size"},
		"R5":            {archive(t, file("package/package.json", `{"name":"a","version":"1","fhirVersions":["5.0.0"]}`), good[1]), small, "for FHIR 5.0.0"},
		"STU3":          {archive(t, file("package/package.json", `{"name":"a","version":"1","fhir-version-list":["3.0.2"]}`), good[1]), small, "for FHIR 3.0.2"},
		"two manifests": {with(good[0]), small, "twice"},
		"bad manifest":  {archive(t, file("package/package.json", `[`)), small, "package.json"},
		"bad name":      {archive(t, file("package/package.json", `{"name":"a b"}`), good[1]), small, "cannot be used"},
		"empty":         {archive(t), small, "no R4 definitions"},
	} {
		_, err := profiles.ReadPackage(context.Background(), bytes.NewReader(c.data), "x.tgz", c.limits)
		var known *fhir.Error
		if !errors.As(err, &known) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := profiles.ReadPackage(ctx, bytes.NewReader(with()), "", small); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever the archive holds, reading it ends, does not panic, and what was
// read can be looked up and compiled or refused.
func FuzzReadPackage(f *testing.F) {
	f.Add(archive(f, file("package/package.json", manifest), file("package/v.json", valueSet)))
	f.Add(archive(f, file("package/s.json", `{"resourceType":"StructureDefinition","url":"http://x/s","kind":"resource","type":"Patient","baseDefinition":"http://x/s","derivation":"constraint","differential":{"element":[{"id":"Patient","path":"Patient"}]}}`)))
	f.Add(archive(f, entry{tar.Header{Name: "package/l.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, ""}))
	f.Add([]byte("\x1f\x8b"))
	limits := profiles.Limits{Packed: 1 << 16, Unpacked: 1 << 20, File: 1 << 16, Files: 50, Ratio: 100, Kept: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := profiles.ReadPackage(context.Background(), bytes.NewReader(data), "f.tgz", limits)
		if err != nil {
			return
		}
		set := profiles.R4().With(p)
		for _, e := range p.Entries() {
			if _, ok := set.Lookup(e.Type, e.Canonical()); !ok && e.URL != "" {
				t.Errorf("%s is not found", e.Canonical())
			}
			if e.Type == "StructureDefinition" {
				_, _ = set.Structure(e.Canonical()) // an error is an answer
			}
		}
	})
}
