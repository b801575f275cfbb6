package server_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"vitalwire/server"
)

// node runs a script of testdata/clients with one variable set, and gives what it
// printed. It needs Node.js and `make clients`; CI must have both.
func node(t *testing.T, variable string, args ...string) string {
	t.Helper()
	missing := ""
	if _, err := exec.LookPath("node"); err != nil {
		missing = "Node.js is not installed"
	} else if _, err := os.Stat("testdata/clients/node_modules"); err != nil {
		missing = "the npm packages of server/testdata/clients are not installed (make clients)"
	}
	if missing != "" {
		if os.Getenv("CI") == "true" && os.Getenv("VITALWIRE_TEST_NO_NPM") == "" {
			t.Fatal(missing)
		}
		t.Skip("not tested: " + missing)
	}
	command := exec.CommandContext(t.Context(), "node", args...)
	command.Dir = "testdata/clients"
	command.Env = append(os.Environ(), variable)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("node %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Clients that nobody here wrote can do what they promise to, on both stores.
func TestClients(t *testing.T) {
	for name, open := range stores {
		for _, client := range []string{"fhir-kit-client", "fhirclient"} {
			t.Run(name+" "+client, func(t *testing.T) {
				s := startWith(t, server.Config{Store: open(t)}, nil)
				out := node(t, "FHIR_BASE="+s.Base, "--test", "--test-reporter=tap", client+".js")
				for line := range strings.Lines(out) {
					if strings.HasPrefix(line, "# pass ") || strings.HasPrefix(line, "# fail ") {
						t.Log(strings.TrimSpace(line))
					}
				}
			})
		}
	}
}
