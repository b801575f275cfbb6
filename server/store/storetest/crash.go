package storetest

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// kills is how often the crash part kills a writing process.
const kills = 20

// crashWriters is how many goroutines write in the child.
const crashWriters = 8

// Each writer of the child makes units numbered 1, 2, 3 ...: two new patients, a
// next version of a shared one, and a record with the number. A unit that was
// answered is printed as "writer number"; what is there after the kill must be
// all that was printed, and of no unit a half.

// testCrash kills a child that writes, again and again, and looks what is there.
func testCrash(t *testing.T, s *suite) {
	database := s.b.New(t)
	acknowledged := make([]int, crashWriters)
	for n := range kills {
		runChild(t, database, time.Duration(20+rand.IntN(150))*time.Millisecond, acknowledged)
		checkCrash(t, s.b, database, n, acknowledged)
	}
	total := 0
	for _, n := range acknowledged {
		total += n
	}
	if total < kills {
		t.Fatalf("only %d units were written in %d runs: nothing was tried", total, kills)
	}
	t.Logf("%d units acknowledged before %d kills, all there and whole", total, kills)
}

// runChild starts the child and kills it some time after its first answer.
func runChild(t *testing.T, database string, after time.Duration, acknowledged []int) {
	t.Helper()
	top, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.Command(os.Args[0], "-test.run", "^"+top+"$", "-test.timeout", "60s")
	cmd.Env = append(os.Environ(), childVariable+"="+database)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var timer *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if timer == nil {
			timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		var writer, number int
		if n, _ := fmt.Sscanf(lines.Text(), "ack %d %d.", &writer, &number); n == 2 && strings.HasSuffix(lines.Text(), ".") {
			acknowledged[writer] = max(acknowledged[writer], number)
		}
	}
	err = cmd.Wait()
	if timer == nil || err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child was not killed while writing: %v", err)
	}
}

// checkCrash opens what the killed child left.
func checkCrash(t *testing.T, b Backend, database string, run int, acknowledged []int) {
	t.Helper()
	ctx := context.Background()
	s, err := b.Open(ctx, database, nil)
	if err != nil {
		t.Fatalf("after kill %d: %v", run, err)
	}
	defer func() { _ = s.Close() }()
	if err := s.View(ctx, func(r store.Reader) error {
		for w := range crashWriters {
			last, err := crashNumber(r, w)
			if err != nil {
				return err
			}
			if last < acknowledged[w] {
				t.Fatalf("after kill %d: writer %d was told of unit %d, there are %d", run, w, acknowledged[w], last)
			}
			acknowledged[w] = last // the child goes on from here
			if last == 0 {
				continue
			}
			for _, half := range []string{"a", "b"} {
				if v, err := r.Read(key("Patient", fmt.Sprintf("%s-%d-%d", half, w, last))); err != nil || v.VersionID != 1 {
					t.Fatalf("after kill %d: unit %d of writer %d lacks %s: %v", run, last, w, half, err)
				}
				if _, err := r.Read(key("Patient", fmt.Sprintf("%s-%d-%d", half, w, last+1))); fhir.SituationOf(err) != fhir.SituationNotFound {
					t.Fatalf("after kill %d: half of unit %d of writer %d is there: %v", run, last+1, w, err)
				}
			}
			n, err := countVersions(r, key("Patient", fmt.Sprintf("shared-%d", w)))
			if err != nil || n != int64(last) {
				t.Fatalf("after kill %d: %d versions of the shared one for %d units of writer %d: %v", run, n, last, w, err)
			}
			q := parse(t, "Patient", fmt.Sprintf("identifier=urn:crash|%d&_count=0", w))
			result, err := r.Search(q)
			if err != nil || result.Total != int64(last) {
				t.Fatalf("after kill %d: the index finds %d of %d units of writer %d: %v", run, result.Total, last, w, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func crashNumber(r store.Reader, writer int) (int, error) {
	value, ok, err := r.Record("crash", strconv.Itoa(writer))
	if err != nil || !ok {
		return 0, err
	}
	return strconv.Atoi(string(value))
}

// child writes until it is killed.
func child(b Backend, database string) {
	ctx := context.Background()
	s, err := b.Open(ctx, database, nil)
	if err != nil {
		panic(err)
	}
	var mu sync.Mutex
	var writers sync.WaitGroup
	for w := range crashWriters {
		writers.Go(func() {
			var last int
			if err := s.View(ctx, func(r store.Reader) (err error) {
				last, err = crashNumber(r, w)
				return err
			}); err != nil {
				panic(err)
			}
			for n := last + 1; ; n++ {
				out := s.Apply(ctx, store.Unit{
					Writes: []store.Write{
						put(withIdentifier(fmt.Sprintf("a-%d-%d", w, n), "urn:crash", strconv.Itoa(w))),
						put(patient(fmt.Sprintf("shared-%d", w), "")),
						put(patient(fmt.Sprintf("b-%d-%d", w, n), "")),
					},
					Records: []store.RecordWrite{{Collection: "crash", Key: strconv.Itoa(w), Value: []byte(strconv.Itoa(n))}},
				})
				if out[0].Err != nil {
					panic(out[0].Err)
				}
				mu.Lock()
				fmt.Printf("ack %d %d.\n", w, n)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
}
