package server_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
	"vitalwire/server"
)

// TestTransaction_Synthea loads the 45 Synthea patients, after their hospitals and
// practitioners, as transactions (R4 http §3.1.0.11).
func TestTransaction_Synthea(t *testing.T) {
	bundles := unpack(t, shared.Read(t, "data", "synthea", "synthea-2.7.0-patients.tgz"))
	// Those of hospitals and practitioners come first by name: the others refer to them.
	names := slices.Sorted(maps.Keys(bundles))
	if len(names) != 47 {
		t.Fatalf("%d bundles, want 47", len(names))
	}
	var list [][]byte
	for _, name := range names {
		list = append(list, bundles[name])
	}
	loadAll(t, list, func(c *server.Config) { c.MaxBody = 16 << 20 })
}

// loadAll posts bundles and reads every resource back: it is what was sent, digit
// by digit, but for its id and the links, which lead to what they led to.
func loadAll(t *testing.T, bundles [][]byte, change func(*server.Config)) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			base := start(t, open(t), change).Base
			locations := make([][]string, len(bundles))
			for i, bundle := range bundles {
				for _, answer := range postBundle(t, base, bundle) {
					locations[i] = append(locations[i], strings.Split(answer.Path("response", "location").Text(), "/_history")[0])
				}
			}
			stored := everything(t, base)
			n := 0
			for i, bundle := range bundles {
				sent, err := fhir.ParseResource(bundle)
				if err != nil {
					t.Fatal(err)
				}
				n += checkStored(t, stored, sent, locations[i])
			}
			t.Logf("%d resources read back", n)
			if n != len(stored) {
				t.Errorf("%d resources are stored, %d were sent", len(stored), n)
			}
		})
	}
}

// everything reads the current version of every resource from the history of the
// system, by its key.
func everything(t *testing.T, base string) map[string]*fhir.Element {
	t.Helper()
	stored := map[string]*fhir.Element{}
	for next := base + "/_history?_count=1000"; next != ""; {
		page, err := send(t, http.MethodGet, next, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range page.Get("entry").Items() {
			key := strings.TrimPrefix(entry.Get("fullUrl").Text(), base+"/")
			if stored[key] == nil {
				stored[key] = entry.Get("resource")
			}
		}
		next = ""
		for _, link := range page.Get("link").Items() {
			if link.Get("relation").Text() == "next" {
				next = link.Get("url").Text()
			}
		}
	}
	return stored
}

// checkStored compares what was sent with what is stored, and counts it.
func checkStored(t *testing.T, stored map[string]*fhir.Element, sent *fhir.Resource, locations []string) int {
	t.Helper()
	entries := sent.Get("entry").Items()
	if len(locations) != len(entries) {
		t.Fatalf("%d answers to %d entries", len(locations), len(entries))
	}
	became := map[string]string{}
	for i, entry := range entries {
		if url := entry.Get("fullUrl").Text(); url != "" {
			became[url] = locations[i]
		}
	}
	for i, entry := range entries {
		was, is := entry.Get("resource"), stored[locations[i]]
		if is == nil {
			t.Fatalf("%s is not stored", locations[i])
		}
		c := comparison{t: t, at: locations[i], became: became, stored: stored}
		c.object(was, is, true)
	}
	return len(entries)
}

type comparison struct {
	t      *testing.T
	at     string
	became map[string]string
	stored map[string]*fhir.Element
}

func (c comparison) object(was, is *fhir.Element, top bool) {
	for _, m := range was.Members() {
		if top && (m.Name == "id" || m.Name == "meta") {
			continue
		}
		c.value(m.Name, m.Value, is.Get(m.Name))
	}
	if top {
		if got := is.Get("resourceType").Text() + "/" + is.Get("id").Text(); got != c.at {
			c.t.Errorf("%s: is %s", c.at, got)
		}
		for _, label := range []string{"profile", "tag", "security"} {
			if a, b := was.Path("meta", label), is.Path("meta", label); a.Len() != b.Len() || a != nil && !a.Equal(b) {
				c.t.Errorf("%s: meta.%s differs", c.at, label)
			}
		}
		return
	}
	if was.Len() != is.Len() {
		c.t.Errorf("%s: %d members, sent %d", c.at, is.Len(), was.Len())
	}
}

func (c comparison) value(name string, was, is *fhir.Element) {
	switch {
	case was.Kind() != is.Kind():
		c.t.Errorf("%s: %s is a %s, sent a %s", c.at, name, is.Kind(), was.Kind())
	case was.Is(fhir.Object):
		c.object(was, is, false)
	case was.Is(fhir.Array):
		if was.Len() != is.Len() {
			c.t.Errorf("%s: %s has %d items, sent %d", c.at, name, is.Len(), was.Len())
			return
		}
		for i := range was.Members() {
			c.value(name, was.At(i), is.At(i))
		}
	case was.Text() == is.Text():
		if name == "reference" && c.became[was.Text()] != "" {
			c.t.Errorf("%s: the link %s was not replaced", c.at, was.Text())
		}
	case c.became[was.Text()] == is.Text() && is.Text() != "":
	case name == "reference" && strings.Contains(was.Text(), "?identifier="):
		// A conditional reference became one to who has that identifier.
		_, wanted, _ := strings.Cut(was.Text(), "?identifier=")
		for _, id := range c.stored[is.Text()].Get("identifier").Items() {
			if id.Get("system").Text()+"|"+id.Get("value").Text() == wanted {
				return
			}
		}
		c.t.Errorf("%s: %s became %s, which does not have that identifier", c.at, was.Text(), is.Text())
	default:
		c.t.Errorf("%s: %s is %.100q, sent %.100q", c.at, name, is.Text(), was.Text())
	}
}

// unpack gives the files of a .tgz by their base names.
func unpack(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(header.Name, ".json") {
			if files[path.Base(header.Name)], err = io.ReadAll(archive); err != nil {
				t.Fatal(err)
			}
		}
	}
}
