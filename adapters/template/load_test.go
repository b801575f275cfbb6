package template_test

import (
	"os"
	"path/filepath"
	"testing"

	"vitalwire/adapters/template"
)

// Every folder of testdata is a template whose cases come out.
func TestTemplates_Cases(t *testing.T) {
	for _, tpl := range loaded(t) {
		if tpl.Cases() == 0 {
			t.Errorf("%s has no cases", tpl.Name)
		}
	}
}

// loaded are the templates of testdata.
func loaded(t testing.TB) (list []*template.Template) {
	t.Helper()
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if filepath.Base(folder) == "fuzz" {
			continue
		}
		tpl, err := template.Load(os.DirFS(folder), filepath.Base(folder))
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		list = append(list, tpl)
	}
	return list
}
