// Package shared finds the folder of test material that may lie beside the
// project. Only tests import it; the product never reads that folder.
package shared

import (
	"os"
	"path/filepath"
	"testing"
)

// Path gives the path of something in the shared folder. Where the folder is
// absent the test is skipped, unless VITALWIRE_REQUIRE_SHARED=1 makes that a
// failure; a missing file inside a present folder always fails.
func Path(t testing.TB, parts ...string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(Root(t)), "shared")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("VITALWIRE_REQUIRE_SHARED") == "1" {
			t.Fatalf("shared material is required and absent: %v", err)
		}
		t.Skip("shared material is absent")
	}
	path := filepath.Join(append([]string{dir}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("shared material: %v", err)
	}
	return path
}

// Read gives the content of a file in the shared folder.
func Read(t testing.TB, parts ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(t, parts...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Root is the folder that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
