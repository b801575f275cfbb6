package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The program is run on small modules of each kind of trouble.
func TestRun(t *testing.T) {
	const clause = "package a\nimport \"testing\"\n"
	cases := map[string]struct {
		source string
		well   bool
		says   []string
		not    []string
	}{
		"passes and skips": {
			clause + "func TestA(t *testing.T) { t.Run(\"x\", func(t *testing.T) {}); t.Run(\"y\", func(t *testing.T) { t.Skip(\"no such thing\") }) }\nfunc TestB(t *testing.T) { t.Log(\"quiet\") }\n",
			true, []string{"ok    a ", "skipped 1: no such thing\n2 passed, 0 failed, 1 skipped\n"}, []string{"quiet"},
		},
		"fails": {
			clause + "func TestA(t *testing.T) { t.Run(\"x\", func(t *testing.T) { t.Error(\"loud\\nlines\") }) }\nfunc TestB(t *testing.T) { t.Run(\"z\", func(t *testing.T) {}); t.Error(\"own\") }\n",
			false, []string{"--- FAIL: a TestA/x", "loud\n        lines", "--- FAIL: a TestB", "own", "FAIL  a ", "\n1 passed, 2 failed, 0 skipped\n"}, []string{"=== RUN"},
		},
		"does not build": {
			clause + "func TestA(t *testing.T) { nothing() }\n",
			false, []string{"undefined: nothing", "FAIL  a ", "0 passed, 1 failed, 0 skipped"}, nil,
		},
		"panics": {
			clause + "func TestA(t *testing.T) { panic(\"ouch\") }\n",
			false, []string{"ouch", "FAIL  a ", "0 passed, 1 failed"}, []string{" 0 failed"},
		},
		"exits": {
			clause + "import \"os\"\nfunc TestA(t *testing.T) { os.Exit(3) }\n",
			false, []string{"--- UNFINISHED: a TestA", "0 passed, 1 failed"}, nil,
		},
		"has no test": {"package a\n", false, []string{"1 packages have no tests", "no test ran"}, nil},
		"is no Go":    {"what\n", false, []string{"FAIL"}, []string{" 0 failed"}},
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a_test.go": c.source} {
				if name == "has no test" && file == "a_test.go" {
					file = "a.go"
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var out strings.Builder
			if well := runAll(t.Context(), newSummary(&out), [][]string{{"./..."}}); well != c.well {
				t.Errorf("it says well = %v", well)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(out.String(), not) {
					t.Errorf("it says %q", not)
				}
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}

func TestRun_WrongArguments(t *testing.T) {
	s := newSummary(&strings.Builder{})
	if err := run(t.Context(), s, []string{"-no-such-flag"}); err == nil && s.failures() == 0 {
		t.Error("a go test that does not start is taken for success")
	}
}

func TestGroups(t *testing.T) {
	got := groups([]string{"a", "b", "--", "-race", "c"})
	if len(got) != 2 || !slices.Equal(got[0], []string{"a", "b"}) || !slices.Equal(got[1], []string{"-race", "c"}) {
		t.Errorf("groups = %v", got)
	}
}

// Groups of the same package that run at once are counted each for itself, and one that
// fails spoils no other.
func TestRun_GroupsAtOnce(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	dir := t.TempDir()
	const source = "package a\nimport (\"testing\"; \"time\")\nfunc TestA(t *testing.T) { time.Sleep(50*time.Millisecond); t.Skip(\"why\") }\nfunc TestB(t *testing.T) { t.Error(\"loud\") }\nfunc TestC(t *testing.T) {}\n"
	for file, text := range map[string]string{"go.mod": "module a\n\ngo 1.26\n", "a_test.go": source} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out strings.Builder
	well := runAll(t.Context(), newSummary(&out), [][]string{{"-skip", "B"}, {"-run", "B"}, {"-run", "[AC]"}, {"-run", "[AC]", "."}, {"no/such"}})
	if well {
		t.Error("it says well")
	}
	for _, want := range []string{"--- FAIL: a TestB", "loud", "skipped 3: why\n", "\n3 passed, 2 failed, 3 skipped\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if n := strings.Count(out.String(), "ok    a "); n != 3 {
		t.Errorf("%d packages ended well", n)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
