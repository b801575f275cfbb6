package server_test

import (
	"bytes"
	"strings"
	"testing"

	"os"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

func run(environ []string, args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	status = server.Main(server.Program{
		Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr,
		Adapters: all.Adapters(), Recordings: os.DirFS("../examples/frames"),
	})
	return status, stdout.String(), stderr.String()
}

func TestMain_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		args    string
		environ string
		status  int
		says    string
	}{
		{"--lisen x", "", 2, `did you mean "--listen"`},
		{"srve", "", 2, `did you mean "serve"`},
		{"", "VITALWIRE_STOR=x", 2, "did you mean VITALWIRE_STORE?"},
		{"--log-level loud", "", 2, "must be one of"},
		{"--listen 0.0.0.0:0", "", 1, "Set --auth required"},
		{"--listen [::]:0", "", 1, "Set --auth required"},
		{"--listen example.org:0", "", 1, "Set --auth required"},
		{"--listen 0.0.0.0:0 --auth required", "", 1, "tokens would travel in the clear"},
		{"token --scope patient/*.rs", "", 1, "cannot be granted"},
		{"token --scope system/*.rs --life 48h", "", 1, "--life"},
		{"--listen 127.0.0.1", "", 1, "--listen 127.0.0.1"},
		{"--listen 127.0.0.1:0 --store mysql://x", "", 1, "--store must be"},
		{"--listen 127.0.0.1:0 --zone Mars/X", "", 1, "--zone"},
		{"--listen 127.0.0.1:0 --base-url ftp://x", "", 1, "--base-url"},
		{"--listen 127.0.0.1:0 --store postgres://x:secret@127.0.0.1:1/none?sslmode=disable", "", 1, "--store: "},
		{"--listen 127.0.0.1:0 --store postgres://x:%zz@127.0.0.1:1/none", "", 1, "--store: "},
		{"--listen 127.0.0.1:0 --store sqlite:main_test.go", "", 1, "--store: "},
		{"--listen 127.0.0.1:0 --store sqlite:testdata", "", 1, "--store: "},
		{"health --listen 127.0.0.1:1", "", 1, "refused"},
	} {
		environ := []string{"HOME=/", "VITALWIRE_REQUIRE_SHARED=1"}
		if c.environ != "" {
			environ = append(environ, c.environ)
		}
		status, out, errs := run(environ, strings.Fields(c.args)...)
		if strings.Contains(errs, "secret") {
			t.Errorf("%s shows the password: %q", c.args, errs)
		}
		if status != c.status || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%s %s: %d %q %q", c.environ, c.args, status, out, errs)
		}
	}
}

func TestMain_HelpExplainsEachFlagAndItsVariable(t *testing.T) {
	status, out, _ := run(nil, "--help")
	if status != 0 {
		t.Fatal(status)
	}
	for _, want := range []string{"--listen", "VITALWIRE_LISTEN", "--store", "VITALWIRE_STORE", "--base-url", "--zone", "--max-body", "--log-level", "demo", "health"} {
		if !strings.Contains(out, want) {
			t.Errorf("help lacks %s", want)
		}
	}
}

// The demo plays every recording through the server's HTTP face; its lines are
// what a newcomer sees first.
func TestDemo(t *testing.T) {
	status, out, errs := run(nil, "demo", "--exit", "--listen", "127.0.0.1:0")
	if status != 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{
		"pulse 66                            202: 0 new, 0 known, 1 waiting",
		"worn by  maria                                                            201, released 2",
		"nothing new              200: 0 new, 2 known, 0 waiting",
		"its context: fasting                                             201: 1 new",
		"400 adapter blegatt, byte 3",
		"/ingest/quarantine",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo does not print %q:\n%s", want, out)
		}
	}
}
