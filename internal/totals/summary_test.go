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
			s := newSummary(&out)
			if err := run(t.Context(), s, []string{"./..."}); err != nil {
				s.trouble(err.Error())
			}
			if well := s.finish(); well != c.well {
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
