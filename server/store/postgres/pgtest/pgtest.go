// Package pgtest gives tests a PostgreSQL server of their own: started from the
// binaries installed on the machine in a temporary folder, gone when the test
// process ends, however it ends. Only tests import it.
package pgtest

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"
)

// server is the one server of this process. A test process cannot pass a handle
// between its tests, so this is the one variable that changes.
var server struct {
	once sync.Once
	url  *url.URL
	err  error
	next int
	mu   sync.Mutex
	life io.WriteCloser // the server stops when it is closed, at the latest by our death
}

// errAbsent says that no server can be had on this machine.
var errAbsent = errors.New("no PostgreSQL is installed")

// Start gives the URL of a fresh, empty database, on a server that the tests of
// this process share. It is dropped when the test ends. VITALWIRE_TEST_POSTGRES
// names an existing server to use instead. Where there is no PostgreSQL the test
// is skipped; with VITALWIRE_REQUIRE_POSTGRES=1 it fails.
func Start(t testing.TB) string {
	t.Helper()
	server.once.Do(func() { server.url, server.life, server.err = launch() })
	if errors.Is(server.err, errAbsent) && os.Getenv("VITALWIRE_REQUIRE_POSTGRES") != "1" {
		t.Skip("no PostgreSQL is installed: the postgres store was not tested")
	}
	if server.err != nil {
		t.Fatalf("PostgreSQL: %v", server.err)
	}
	server.mu.Lock()
	server.next++
	name := fmt.Sprintf("vitalwire_%d_%d", os.Getpid(), server.next)
	server.mu.Unlock()
	run(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { run(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u := *server.url
	u.Path = "/" + name
	return u.String()
}

// Own gives the URL of a database on a server of its own, and what restarts that
// server: after a signal to it, "QUIT" for a crash, "INT" for a quick stop.
func Own(t testing.TB) (database string, restart func(signal string)) {
	t.Helper()
	if os.Getenv("VITALWIRE_TEST_POSTGRES") != "" {
		t.Skip("VITALWIRE_TEST_POSTGRES is not ours to restart")
	}
	u, life, err := launch()
	if errors.Is(err, errAbsent) && os.Getenv("VITALWIRE_REQUIRE_POSTGRES") != "1" {
		t.Skip("no PostgreSQL is installed: its restart was not tested")
	}
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	t.Cleanup(func() { _ = life.Close() })
	return u.String(), func(signal string) {
		if _, err := io.WriteString(life, signal+"\n"); err != nil {
			t.Errorf("restart: %v", err)
		}
	}
}

func run(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", server.url.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func launch() (*url.URL, io.WriteCloser, error) {
	if given := os.Getenv("VITALWIRE_TEST_POSTGRES"); given != "" {
		u, err := url.Parse(given)
		return u, nil, err
	}
	bin, err := findBinaries()
	if err != nil {
		return nil, nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "vitalwire-pg-")
	if err != nil {
		return nil, nil, err
	}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, nil, err
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	life, err := supervise(bin, dir, port, account)
	if err != nil {
		return nil, nil, err
	}
	u := &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path: "/postgres", RawQuery: "sslmode=disable"}
	return u, life, await(u, dir)
}

// script makes a cluster, serves it until its standard input ends - which the
// kernel sees to when the test process dies - and leaves nothing behind. A line
// of input is a signal for the server, which is then started again.
const script = `
trap '' INT TERM HUP
"$1/initdb" -D "$2/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$2/log" 2>&1 || exit 1
serve() {
	"$1/postgres" -D "$2/data" -c listen_addresses=127.0.0.1 -c port="$3" -c unix_socket_directories='' \
		-c max_connections=200 -c shared_buffers=256MB -c fsync=on -c max_wal_size=2GB >>"$2/log" 2>&1 </dev/null &
	pid=$!
}
serve "$@"
while read -r signal; do
	kill -"$signal" $pid
	wait $pid
	serve "$@"
done
kill -QUIT $pid
wait $pid
rm -rf "$2"
`

func supervise(bin, dir string, port int, account *syscall.Credential) (io.WriteCloser, error) {
	cmd := exec.Command("/bin/sh", "-c", script, "sh", bin, dir, strconv.Itoa(port))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	// Its own group: a Ctrl-C of the test must not reach it before the end of input.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	// The write end stays open, unread and unclosed, as long as this process lives.
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return life, cmd.Start() // who drops life lets the garbage collector close it
}

func await(u *url.URL, dir string) error {
	deadline := time.Now().Add(60 * time.Second)
	for {
		db, err := sql.Open("postgres", u.String())
		if err != nil {
			return err
		}
		err = db.Ping()
		_ = db.Close()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server did not come up: %w\n%s", err, tail(filepath.Join(dir, "log")))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, 4096))
	return string(text)
}

// findBinaries finds the folder of initdb and postgres; of several the newest version.
func findBinaries() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(dirs, func(a, b string) int { return major(b) - major(a) })
	for _, name := range []string{"initdb", "postgres"} {
		if path, err := exec.LookPath(name); err == nil {
			if real, err := filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(real))
			}
		}
	}
	for _, dir := range dirs {
		if isFile(filepath.Join(dir, "initdb")) && isFile(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", errAbsent
}

func major(dir string) int {
	n, _ := strconv.Atoi(strings.Split(filepath.Base(filepath.Dir(dir)), ".")[0])
	return n
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// unprivileged is whom the server runs as: nil for ourselves, but PostgreSQL
// refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("this is root, and there is no user postgres or nobody to run PostgreSQL as")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}
