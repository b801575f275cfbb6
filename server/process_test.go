package server_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

// serveVariable makes the test binary the program itself: its value is the
// command line. So tests can kill a server as an operating system would.
const serveVariable = "VITALWIRE_TEST_SERVE"

func TestMain(m *testing.M) {
	if line := os.Getenv(serveVariable); line != "" {
		os.Exit(server.Main(server.Program{Args: strings.Split(line, "\n"), Stdout: os.Stdout, Stderr: os.Stderr, Adapters: all.Adapters()}))
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	addr string // the same after a restart
	base string
	args []string
	cmd  *exec.Cmd
}

// spawn starts a server process that ends with the test at the latest.
func spawn(t testing.TB, store string, args ...string) *process {
	t.Helper()
	p := &process{addr: "127.0.0.1:0", args: append(args, "--store", store, "--log-level", "error")}
	p.start(t)
	t.Cleanup(func() { p.kill(t) })
	return p
}

func (p *process) start(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serveVariable+"="+strings.Join(append(p.args, "--listen", p.addr), "\n"))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "FHIR R4"); ok {
			p.base, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
			p.addr, _, _ = strings.Cut(strings.TrimPrefix(p.base, "http://"), "/")
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return
		}
	}
	_ = p.cmd.Wait()
	t.Fatal("the server process did not become ready")
}

// kill ends the process as kill -9 does, at once and without a farewell.
func (p *process) kill(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// patient is a client that gives up soon: a killed server never answers.
var patient = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// notSent is the answer of a server that was not there.
const notSent = "not sent"

// exchange sends a request; status is 0 when no answer came.
func exchange(method, url, body string, headers ...string) (status int, header http.Header, answer string) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, ""
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := patient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil, notSent
	}
	if err != nil {
		return 0, nil, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, ""
	}
	return response.StatusCode, response.Header, string(data)
}
