package lint

import (
	"os"
	"path/filepath"
	"testing"

	"vitalwire/internal/shared"
)

// TestModule holds this module to the rules.
func TestModule(t *testing.T) {
	root := shared.Root(t)
	files, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files were found below %s", len(files), root)
	}
	each := func(rule func(*file) []finding) func(*testing.T) []finding {
		return func(*testing.T) []finding {
			var found []finding
			for _, f := range files {
				found = append(found, rule(f)...)
			}
			return found
		}
	}
	rules := []struct {
		name string
		find func(*testing.T) []finding
	}{
		{"imports", each(imports)},
		{"modules", func(t *testing.T) []finding { return goMod(read(t, root, "go.mod"), records(t, root)) }},
		{"length", each(lines)},
		{"package names", each(packageName)},
		{"no init", each(noInit)},
		{"adapters", each(adapterRules)},
		{"adapters read bytes through the cursor", func(*testing.T) []finding { return byteIndexing(files) }},
		{"package comments", func(*testing.T) []finding { return packageComments(files) }},
		{"comments on what is exported", each(exportedComments)},
		{"reminders", each(reminders)},
		{"no machine paths and registries", func(t *testing.T) []finding { return texts(t, root) }},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, f := range rule.find(t) {
				t.Error(f)
			}
		})
	}
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// records is the text of all ADRs.
func records(t *testing.T, root string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "docs", "adr", "0*.md"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no ADR below docs/adr: %v", err)
	}
	var all string
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += string(data)
	}
	return all
}

func texts(t *testing.T, root string) []finding {
	t.Helper()
	var found []finding
	err := walk(root, func(name string) error {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err == nil {
			found = append(found, text(name, data)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
