package server_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/server"
)

// A server with tokens that somebody tries on his own machine has an administrator,
// whose password is printed once; one that others reach never has.
func TestServe_FirstUser(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want bool
	}{
		{"--auth required", true},
		{"--auth required", false}, // again: there is somebody
		{"--auth off --store sqlite:OTHER", false},
		{"--auth required --behind-proxy --store sqlite:PROXY", false},
		{"--auth required --base-url https://fhir.example.org/fhir --store sqlite:NAME", false},
	} {
		dir := filepath.Dir(secret)
		args := append(strings.Fields(strings.NewReplacer("sqlite:", "sqlite:"+dir+"/").Replace(c.args)), "--listen", free(t))
		if !strings.Contains(c.args, "--store") {
			args = append(args, "--store", "sqlite:"+dir+"/first.db")
		}
		out := serveUntilReady(t, args)
		password := regexp.MustCompile(`password    ([a-z0-9-]{27})\n`).FindStringSubmatch(out)
		if (password != nil) != c.want || strings.Contains(out, "DEVELOPMENT MODE") != c.want {
			t.Errorf("%s: %s", c.args, out)
		}
	}
	_, out, _ := run(nil, "user", "list", "--store", "sqlite:"+filepath.Dir(secret)+"/first.db")
	if out != "admin\tadmin\tenabled\tPractitioner/admin\tAdministrator\n" {
		t.Errorf("users: %q", out)
	}
}

// free is an address that nothing listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// output is a buffer that one writes and another reads.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (s *output) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.Write(b)
}

func (s *output) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.String()
}

// serveUntilReady runs the program until it answers, stops it, and gives what it
// printed.
func serveUntilReady(t *testing.T, args []string) string {
	t.Helper()
	var out output
	done := make(chan int)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		done <- server.Main(server.Program{Args: args, Stdout: &out, Stderr: &bytes.Buffer{}, Context: ctx})
	}()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), "Where next"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v: not ready: %s", args, out.String())
		}
	}
	stop()
	if status := <-done; status != 0 {
		t.Fatalf("%v: %d", args, status)
	}
	return out.String()
}

func TestConfig_Login(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := "--oidc-issuer https://idp.example --oidc-client-id a --oidc-secret-file " + secret
	for args, says := range map[string]string{
		good: "",
		good + " --oidc-role-claim groups --oidc-role a=b=admin": "",
		"--oidc-client-id a": "--oidc-issuer is missing",
		"--oidc-issuer http://idp.example --oidc-client-id a --oidc-secret-file " + secret: "https",
		"--oidc-issuer https://idp.example --oidc-client-id a":                             "--oidc-secret-file is missing",
		"--oidc-issuer https://idp.example --oidc-secret-file " + secret:                   "client id",
		good + " --oidc-role-claim groups":                                                 "go together",
		good + " --oidc-role-claim groups --oidc-role admin":                               "VALUE=ROLE",
		good + " --oidc-role-claim groups --oidc-role a=king":                              "VALUE=ROLE",
		"--frame-origin *":                          "--frame-origin",
		"--frame-origin https://ehr.example/path":   "--frame-origin",
		"--frame-origin https://ehr.example":        "",
		"--trusted-proxy nonsense":                  "--trusted-proxy",
		"--trusted-proxy 10.0.0.1 --rate-limit 2":   "",
		"--trusted-proxy 10.0.0.0/8,192.168.0.0/16": "",
		"--rate-limit -1":                           "rate-limit",
	} {
		status, out, errs := run(nil, append([]string{"config", "check", "--store", "sqlite:" + filepath.Join(t.TempDir(), "x.db")}, strings.Fields(args)...)...)
		if (status == 0) != (says == "") || !strings.Contains(out+errs, says) {
			t.Errorf("%s: %d %s%s", args, status, out, errs)
		}
	}
}
