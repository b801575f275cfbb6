package pgtest

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
)

// Bouncer gives the URL of a database by way of a pgbouncer of its own, in
// transaction mode with fewer server connections than a store has: each
// transaction may meet another session. Without pgbouncer the test is skipped;
// with VITALWIRE_REQUIRE_POSTGRES=1 it fails.
func Bouncer(t testing.TB, database string) string {
	t.Helper()
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		if bin = "/usr/sbin/pgbouncer"; !isFile(bin) {
			if os.Getenv("VITALWIRE_REQUIRE_POSTGRES") == "1" {
				t.Fatal("no pgbouncer is installed")
			}
			t.Skip("no pgbouncer is installed: the postgres store was not tested behind one")
		}
	}
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "vitalwire-bouncer-") //nolint:usetesting // not t.TempDir, which only root may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := "[databases]\n* = host=" + u.Hostname() + " port=" + u.Port() + " user=" + u.User.Username() + `
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ` + strconv.Itoa(port) + `
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`
	if err := os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-q", filepath.Join(dir, "pgbouncer.ini")}
	if os.Geteuid() == 0 { // it refuses to run as root
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"postgres", "nobody"} {
			if _, err := user.Lookup(name); err == nil {
				args = append([]string{"-u", name}, args...)
				break
			}
		}
	}
	cmd := exec.Command(bin, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	u.Host = "127.0.0.1:" + strconv.Itoa(port)
	if err := await(u, dir); err != nil {
		t.Fatalf("pgbouncer: %v\n%s", err, said.String())
	}
	return u.String()
}
