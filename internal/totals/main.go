// Command totals runs go test, once for each group of arguments and for two of them
// at a time, in their order, and prints a short log: one line for a package, the whole output of what failed, the slowest
// tests, and the reasons for what was skipped. Its last line is the sum: N passed,
// N failed, N skipped. It exits 1 when anything failed.
//
//	go run ./internal/totals GROUP [-- GROUP]...
//
// A test with subtests is counted by its subtests.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// atOnce is how many groups run: the tests of one package often leave a processor idle.
const atOnce = 2

func main() {
	// An interrupt ends go test, and then what it said so far is summed up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	well := runAll(ctx, newSummary(os.Stdout), groups(os.Args[1:]))
	stop()
	if !well {
		os.Exit(1)
	}
}

// runAll runs the groups, and says whether all is well.
func runAll(ctx context.Context, s *summary, groups [][]string) bool {
	next := make(chan []string)
	go func() {
		defer close(next)
		for _, group := range groups {
			next <- group
		}
	}()
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for group := range next {
				one := s.beside()
				if err := run(ctx, one, group); err != nil {
					one.trouble(fmt.Sprintf("go test %v: %v", group, err))
				}
				s.add(one)
			}
		})
	}
	running.Wait()
	return s.finish()
}

// groups splits at "--".
func groups(args []string) [][]string {
	var out [][]string
	var group []string
	for _, arg := range args {
		if arg == "--" {
			out, group = append(out, group), nil
			continue
		}
		group = append(group, arg)
	}
	return append(out, group)
}

// run has go test report to the summary. A go test that fails without a word
// about a package is an error; other failures are in the summary already.
func run(ctx context.Context, s *summary, group []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, group...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	before := s.failures()
	readErr := read(s, out)
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && s.failures() > before && readErr == nil {
		return nil
	}
	return errors.Join(readErr, err)
}

func read(s *summary, from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		s.line(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		_, _ = io.Copy(io.Discard, from)
		return err
	}
	return nil
}
