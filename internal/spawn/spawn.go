// Package spawn runs servers in processes of their own, so that tests can kill
// one as an operating system would and benchmarks can weigh one alone. The
// process is the test binary again: its TestMain calls Serve first.
package spawn

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

const (
	// serveVariable makes the test binary the program; its value is the command line.
	serveVariable = "VITALWIRE_TEST_SERVE"
	// constantVariable makes it a bare HTTP server whose only answer has that many bytes.
	constantVariable = "VITALWIRE_TEST_CONSTANT"
	// profileVariable names the file for a CPU profile of the server process.
	profileVariable = "VITALWIRE_TEST_PROFILE"
)

// Serve does not return in a process that Start or Constant began.
func Serve() {
	if os.Getenv(constantVariable)+os.Getenv(serveVariable) != "" {
		go func() { // what the test leaves behind ends with it, however it ends
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
	}
	if size := os.Getenv(constantVariable); size != "" {
		constant(size)
	}
	line := os.Getenv(serveVariable)
	if line == "" {
		return
	}
	stop := profile(os.Getenv(profileVariable))
	status := server.Main(server.Program{Args: strings.Split(line, "\n"), Stdout: os.Stdout, Stderr: os.Stderr, Adapters: all.Adapters()})
	stop()
	os.Exit(status)
}

func profile(name string) (stop func()) {
	if name == "" {
		return func() {}
	}
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}

// constant is the limit of what an HTTP server can answer: the same headers, a
// body of the same size, and no thought.
func constant(size string) {
	n, err := strconv.Atoi(size)
	l, err2 := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || err2 != nil {
		fmt.Fprintln(os.Stderr, err, err2)
		os.Exit(1)
	}
	body := []byte(strings.Repeat("x", n))
	fmt.Printf("FHIR R4 http://%s/fhir\n", l.Addr())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("ETag", `W/"1"`)
		_, _ = w.Write(body)
	}))
	os.Exit(1)
}

// Process is a server in a process of its own.
type Process struct {
	// Base is the FHIR base URL, the same after a restart.
	Base string

	addr string
	env  []string
	args []string
	cmd  *exec.Cmd
	life io.Closer // the process ends when it is closed, at the latest by our death
}

// Start runs the program on a store; it ends with the test at the latest.
func Start(t testing.TB, store string, args ...string) *Process {
	t.Helper()
	p := &Process{addr: "127.0.0.1:0", args: append(args, "--store", store, "--log-level", "error")}
	p.Restart(t)
	t.Cleanup(func() { p.Kill(t) })
	return p
}

// Profiled is Start with a CPU profile, written to the file when Stop ends it.
func Profiled(t testing.TB, store, file string) *Process {
	t.Helper()
	p := &Process{addr: "127.0.0.1:0", args: []string{"--store", store, "--log-level", "error"}}
	if file != "" {
		p.env = []string{profileVariable + "=" + file}
	}
	p.Restart(t)
	t.Cleanup(func() { p.Kill(t) })
	return p
}

// Constant runs a bare HTTP server that answers everything with so many bytes.
func Constant(t testing.TB, size int) *Process {
	t.Helper()
	p := &Process{env: []string{constantVariable + "=" + strconv.Itoa(size)}}
	p.Restart(t)
	t.Cleanup(func() { p.Kill(t) })
	return p
}

// Restart starts the process again, after Kill or Stop, on the same address.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), p.env...)
	if p.args != nil {
		p.cmd.Env = append(p.cmd.Env, serveVariable+"="+strings.Join(append(p.args, "--listen", p.addr), "\n"))
	}
	p.cmd.Stderr = os.Stderr
	life, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.life = life // or the garbage collector would close it
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), "FHIR R4"); ok {
			p.Base, _, _ = strings.Cut(strings.TrimSpace(rest), " ")
			p.addr, _, _ = strings.Cut(strings.TrimPrefix(p.Base, "http://"), "/")
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return
		}
	}
	_ = p.cmd.Wait()
	t.Fatal("the server process did not become ready")
}

// Kill ends the process as kill -9 does, at once and without a farewell.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// Stop ends it as an operator does.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	impatient := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer impatient.Stop()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the server process ended with %v", err)
	}
}

// CPU is the processor time that the process has used; 0 where the system does not say.
func (p *Process) CPU() time.Duration { return CPU(p.cmd.Process.Pid) }

// CPU is the processor time of a process, in steps of 10 ms.
func CPU(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// What follows the name, which may hold anything: state is the first, utime and stime
	// in hundredths of a second the twelfth and thirteenth (proc(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Memory is what the process holds, now and at most so far, in MB; 0 where the
// system does not say.
func (p *Process) Memory() (now, peak float64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kb / 1024
		case "VmHWM":
			peak = kb / 1024
		}
	}
	return now, peak
}
