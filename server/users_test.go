package server_test

import (
	"bytes"
	"strings"
	"testing"

	"vitalwire/server"
)

// The first administrator is made by command; a password is printed once or read
// from standard input, and there is none by default.
func TestUsers_Commands(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			user := func(stdin string, args ...string) (int, string) {
				var out bytes.Buffer
				status := server.Main(server.Program{Args: append(append([]string{"user"}, args...), "--store", store), Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out})
				return status, out.String()
			}
			status, out := user("", "add", "Root", "--role", "admin")
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if status != 0 || len(lines[len(lines)-1]) != 27 {
				t.Fatalf("%d %s", status, out)
			}
			for _, c := range []struct {
				stdin, args string
				status      int
				says        string
			}{
				{"", "list", 0, "root\tadmin\tenabled\t\t\n"},
				{"", "add root --role admin", 1, "taken"},
				{"short\n", "add bob --role admin --password-stdin", 1, "12 to 256"},
				{"", "add bob --role admin --password-stdin", 1, "12 to 256"},
				{"cobalt tram 91 lantern\n", "add bob --role patient --password-stdin", 1, "Patient"},
				{"cobalt tram 91 lantern\r\n", "add bob --role patient --fhir-user Patient/1 --display Bob --password-stdin", 0, "added"},
				{"", "add carl --role king", 1, "role"},
				{"", "disable bob", 0, "disabled"},
				{"", "list", 0, "bob\tpatient\tdisabled\tPatient/1\tBob\nroot\t"},
				{"", "enable bob", 0, "enabled"},
				{"", "password bob", 0, "shown again"},
				{"", "password nobody", 1, "no such user"},
				{"", "remove nobody", 1, "no such user"},
				{"", "remove bob", 0, "removed"},
				{"", "list", 0, "root\tadmin\tenabled\t\t\n"},
			} {
				status, out := user(c.stdin, strings.Fields(c.args)...)
				if status == 2 {
					status = 1
				}
				if status != c.status || !strings.Contains(out, c.says) || strings.Contains(out, "cobalt") {
					t.Errorf("%s: %d %s", c.args, status, out)
				}
			}
		})
	}
}
