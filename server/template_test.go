package server_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vitalwire/server"
)

func ran(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = server.Main(server.Program{Args: args, Stdout: &stdout, Stderr: &stderr, Context: t.Context()})
	return status, stdout.String(), stderr.String()
}

// The commands say what a template makes of an input, and whether its cases come out.
func TestTemplateCommands(t *testing.T) {
	const folder = "../adapters/template/testdata"
	input := folder + "/acme-thermometer/cases/memory/input.json"
	for _, path := range []string{folder + "/acme-thermometer", folder + "/acme-thermometer/template.json"} {
		status, out, errs := ran(t, "template", "try", path, input)
		if status != 0 || !strings.Contains(out, "found at $.memory[0].value by $.value") || !strings.Contains(out, "no value but unknown") || !strings.Contains(out, `"value": "37.60"`) {
			t.Errorf("%d %s %s", status, out, errs)
		}
	}
	status, out, _ := ran(t, "template", "try", "--json", folder+"/acme-thermometer", input)
	var trial struct{ Version string }
	if err := json.Unmarshal([]byte(out), &trial); status != 0 || err != nil || trial.Version != "1.2.0" {
		t.Errorf("%d %v %s", status, err, out)
	}
	status, _, errs := ran(t, "template", "try", folder+"/acme-thermometer", folder+"/acme-thermometer/cases/no-number/input.json")
	if status != 1 || !strings.Contains(errs, "it is no decimal number") {
		t.Errorf("%d %s", status, errs)
	}
	status, out, _ = ran(t, "template", "test", folder)
	if status != 0 || strings.Count(out, "cases come out") != 4 {
		t.Errorf("%d %s", status, out)
	}
	broken := filepath.Join(t.TempDir(), "acme")
	if err := os.MkdirAll(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "template.json"), []byte(`{"template": "acme", "version": "1", "readings": [{"cod": 1}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs = ran(t, "template", "test", broken)
	if status != 1 || !strings.Contains(out, "$.readings[0].cod: there is no such member") || !strings.Contains(errs, "1 of 1 templates") {
		t.Errorf("%d %s %s", status, out, errs)
	}
}

// The worked example of docs/templates.md works.
func TestTemplateDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```")
	folder := filepath.Join(t.TempDir(), "acme")
	input := filepath.Join(folder, "cases", "first", "input.json")
	if err := os.MkdirAll(filepath.Dir(input), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]string{input: blocks[1], filepath.Join(folder, "template.json"): blocks[3]} {
		if err := os.WriteFile(path, []byte(strings.TrimPrefix(block, "json")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, out, errs := ran(t, "template", "try", folder, input)
	_, want, _ := strings.Cut(out, "(want.json):\n")
	if status != 0 || !strings.Contains(want, `"value": "37.60"`) {
		t.Fatalf("%d %s %s", status, out, errs)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(input), "want.json"), []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs = ran(t, "template", "test", folder); status != 0 || !strings.Contains(out, "1 cases come out") {
		t.Errorf("%d %s %s", status, out, errs)
	}
}
