package templates_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitalwire/adapters"
	"vitalwire/server/templates"
)

const rules = `{"template": "NAME", "version": "VERSION", "device": {"id": "$.id"}, "time": {"value": "$.t", "zone": "offset"}, "readings": [
 {"name": "pulse", "code": {"mdc": "MDC_PULS_OXIM_PULS_RATE"}, "value": {"from": "$.PATH", "unit": {"ucum": "/min"}}}]}`

// put writes a template, with a case that wants $.hr to be the pulse.
func put(t *testing.T, dir, name, version, path string) {
	t.Helper()
	for file, text := range map[string]string{
		"template.json":            strings.NewReplacer("NAME", name, "VERSION", version, "PATH", path).Replace(rules),
		"cases/one/input.json":     `{"id": "d", "t": "2026-11-20T08:30:00Z", "hr": 61}`,
		"cases/one/want.json":      `[{"value": "61", "unit": "/min"}]`,
		"cases/refused/input.json": `{"t": "2026-11-20T08:30:00Z"}`,
		"cases/refused/want.error": "nothing tells which device it is",
	} {
		full := filepath.Join(dir, name, file)
		if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A template is served under its name, changes while it is, and stays when its new
// version is broken or fails its own cases.
func TestShelf_ABrokenVersionLeavesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "acme", "1", "hr")
	put(t, dir, "hl7pcd01", "1", "hr") // an adapter has this name
	put(t, dir, "quarantine", "1", "hr")
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("no template"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := templates.Open(dir, []adapters.Adapter{{Name: "hl7pcd01"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	state := func() map[string]templates.Status {
		if err := s.Look(); err != nil {
			t.Fatal(err)
		}
		all := map[string]templates.Status{}
		for _, status := range s.List() {
			all[status.Name] = status
		}
		return all
	}
	all := state()
	if a := all["acme"]; a.Version != "1" || a.Cases != 2 || a.Fault != "" || a.Format != "json" {
		t.Errorf("%+v", a)
	}
	for _, name := range []string{"hl7pcd01", "quarantine"} {
		if all[name].Version != "" || !strings.Contains(all[name].Fault, "taken") {
			t.Errorf("%+v", all[name])
		}
	}
	if list := s.Adapters(); len(list) != 1 || list[0].Name != "acme" {
		t.Errorf("%+v", list)
	}
	// Its own case fails: version 1 stays.
	put(t, dir, "acme", "22", "heart")
	if a := state()["acme"]; a.Version != "1" || !strings.Contains(a.Fault, "one: it is refused") {
		t.Errorf("%+v", a)
	}
	if err := os.WriteFile(filepath.Join(dir, "acme", "template.json"), []byte(`{"template": "acme", "verzion": "3"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := state()["acme"]; a.Version != "1" || !strings.Contains(a.Fault, "$.verzion: there is no such member") {
		t.Errorf("%+v", a)
	}
	put(t, dir, "acme", "4444", "hr")
	if a := state()["acme"]; a.Version != "4444" || a.Fault != "" {
		t.Errorf("%+v", a)
	}
	if err := os.RemoveAll(filepath.Join(dir, "acme")); err != nil {
		t.Fatal(err)
	}
	if all = state(); len(s.Adapters()) != 0 || all["acme"].Name != "" || s.Get("acme") != nil {
		t.Errorf("%+v", all)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Look(); err == nil {
		t.Error("a folder that is gone is read")
	}
}
