package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vitalwire/internal/shared"
)

// TestREADME types the console blocks of README.md, on both stores: each command
// must print what README prints, where "..." stands for anything.
func TestREADME(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI must have curl")
		}
		t.Skip("no curl is installed: README's commands were not tested")
	}
	data, err := os.ReadFile(filepath.Join(shared.Root(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			replace := strings.NewReplacer("127.0.0.1:8080", start(t, open(t)).Addr, "/tmp/", t.TempDir()+"/")
			commands := 0
			for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
				for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
					command, want, _ := strings.Cut(step, "\n")
					got, err := exec.CommandContext(t.Context(), "bash", "-c", replace.Replace(command)).Output()
					if err != nil {
						t.Fatalf("%s: %v", command, err)
					}
					pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(replace.Replace(want))), `\.\.\.`, ".*")
					if !regexp.MustCompile("^" + pattern + "$").MatchString(strings.TrimSpace(string(got))) {
						t.Errorf("$ %s\ngot:\n%s\nwant:\n%s", command, got, want)
					}
					commands++
				}
			}
			if commands < 6 {
				t.Errorf("README has only %d commands", commands)
			}
		})
	}
}
