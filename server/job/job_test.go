package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/sqlite"
)

var quiet = slog.New(slog.DiscardHandler)

// onStores runs a test on a store of each kind.
func onStores(t *testing.T, test func(t *testing.T, s store.Store)) {
	parameters := search.NewRegistry(profiles.R4(), "http://x/fhir")
	t.Run("sqlite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Search: parameters})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s)
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), pgtest.Start(t), postgres.Options{Search: parameters})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s)
	})
}

type perform func(ctx context.Context, q Request, body io.Reader, to http.ResponseWriter) error

// started is a runner that stops with the test.
func started(t *testing.T, s store.Store, limits Limits, p perform) *Runner {
	t.Helper()
	r := New(s, limits, quiet, p)
	r.pulse = 50 * time.Millisecond
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !r.stopping() {
			r.Stop(context.Background())
		}
	})
	return r
}

// await asks until a job is in a state.
func await(t *testing.T, r *Runner, id string, want State) *Job {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		j, err := r.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State == want {
			return j
		}
	}
	t.Fatalf("%s is not %s in time", id, want)
	return nil
}

func submit(t *testing.T, r *Runner, method string, body []byte) *Job {
	t.Helper()
	j, err := r.Submit(t.Context(), Request{Method: method, URL: "/fhir/x", Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// left counts the records there are.
func left(t *testing.T, s store.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(v store.Reader) error {
		for _, c := range []string{jobs, requests, answers} {
			found, err := v.Records(c, "", "", 1000)
			if err != nil {
				return err
			}
			n += len(found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// R4 async §3.1.6: what is sent and what is answered go through the store in
// pieces; a cancelled job leaves nothing behind.
func TestJobs_BodiesInPieces(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Store) {
		r := started(t, s, Limits{}, func(_ context.Context, _ Request, body io.Reader, to http.ResponseWriter) error {
			to.Header().Set("X-A", "b")
			to.WriteHeader(http.StatusCreated)
			_, err := io.Copy(to, body)
			return err
		})
		for _, size := range []int{0, 1, piece - 1, piece, piece + 1, 3*piece + 7} {
			body := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
			j := await(t, r, submit(t, r, "POST", body).ID, Done)
			var got bytes.Buffer
			if err := r.Answer(t.Context(), j.ID, &got); err != nil || !bytes.Equal(got.Bytes(), body) || j.Status != 201 || j.Size != int64(size) || http.Header(j.AnswerHeader).Get("X-A") != "b" {
				t.Errorf("%d bytes: %v, %d bytes, %+v", size, err, got.Len(), j)
			}
			if err := r.Cancel(t.Context(), j.ID); err != nil {
				t.Error(err)
			}
			if _, err := r.Find(t.Context(), j.ID); fhir.SituationOf(err) != fhir.SituationNotFound {
				t.Error(err)
			}
		}
		if n := left(t, s); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

// An answer of any length takes a piece of memory.
func TestJobs_MemoryIsBounded(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Search: search.NewRegistry(profiles.R4(), "http://x/fhir")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	const chunks = 1000 // 64 MB
	var most atomic.Uint64
	r := started(t, s, Limits{}, func(_ context.Context, _ Request, _ io.Reader, to http.ResponseWriter) error {
		for i := range chunks {
			if _, err := to.Write(chunk); err != nil {
				return err
			}
			if i%100 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
		return nil
	})
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	j := await(t, r, submit(t, r, "GET", nil).ID, Done)
	if j.Size != chunks*int64(len(chunk)) {
		t.Errorf("%d bytes", j.Size)
	}
	if grown := int64(most.Load()) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes for an answer of %d", grown, j.Size)
	}
}

func TestJobs_Limits(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Store) {
		hold := make(chan struct{})
		r := started(t, s, Limits{Workers: 1, Queue: 2, Answer: 100}, func(ctx context.Context, q Request, _ io.Reader, to http.ResponseWriter) error {
			if q.Method == "POST" {
				_, err := to.Write(make([]byte, 101))
				return err
			}
			select {
			case <-hold:
			case <-ctx.Done():
				return ctx.Err()
			}
			return nil
		})
		first := submit(t, r, "GET", nil)
		await(t, r, first.ID, Running)
		second, third := submit(t, r, "GET", nil), submit(t, r, "GET", nil)
		if _, err := r.Submit(t.Context(), Request{Method: "GET"}); fhir.SituationOf(err) != fhir.SituationThrottled {
			t.Errorf("a fourth: %v", err)
		}
		if j, err := r.Find(t.Context(), third.ID); err != nil || j.Waiting != 1 || j.State != Queued {
			t.Errorf("%+v %v", j, err)
		}
		if err := r.Cancel(t.Context(), second.ID); err != nil || r.Waiting() != 1 {
			t.Errorf("cancel: %v, %d wait", err, r.Waiting())
		}
		if err := r.Cancel(t.Context(), first.ID); err != nil { // gives its worker back
			t.Error(err)
		}
		await(t, r, third.ID, Running)
		close(hold)
		await(t, r, third.ID, Done)
		long := await(t, r, submit(t, r, "POST", nil).ID, Done)
		var got bytes.Buffer
		if err := r.Answer(t.Context(), long.ID, &got); err != nil || long.Status != 400 || !bytes.Contains(got.Bytes(), []byte("--async-result")) {
			t.Errorf("too long: %+v %v %s", long, err, got.Bytes())
		}
	})
}

// A server that dies leaves its jobs to the next one: what waited and what reads
// is done, of a write at work it is said that nobody knows.
func TestJobs_AfterADeath(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Store) {
		dead := New(s, Limits{Workers: 2}, quiet, func(ctx context.Context, _ Request, _ io.Reader, _ http.ResponseWriter) error {
			<-ctx.Done()
			return ctx.Err()
		})
		dead.pulse = time.Hour // it says no more that it is alive
		if err := dead.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead.workers.Go(dead.work)
		dead.workers.Go(dead.work)
		read, write := submit(t, dead, "GET", nil), submit(t, dead, "POST", []byte("b"))
		await(t, dead, read.ID, Running)
		await(t, dead, write.ID, Running)
		waits := submit(t, dead, "POST", []byte("body"))

		var performed atomic.Int32
		next := started(t, s, Limits{}, func(_ context.Context, q Request, body io.Reader, to http.ResponseWriter) error {
			performed.Add(1)
			data, err := io.ReadAll(body)
			fmt.Fprintf(to, "%s %s", q.Method, data)
			return err
		})
		await(t, next, write.ID, Lost)
		await(t, next, read.ID, Done)
		j := await(t, next, waits.ID, Done)
		var got bytes.Buffer
		if err := next.Answer(t.Context(), j.ID, &got); err != nil || got.String() != "POST body" {
			t.Errorf("%v %s", err, got.Bytes())
		}
		if performed.Load() != 2 {
			t.Errorf("%d were performed", performed.Load())
		}
		// The dead one was only slow: it must not overwrite what the next one said.
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		dead.Stop(gone)
		if j, err := next.Find(t.Context(), read.ID); err != nil || j.State != Done || j.Status != 200 {
			t.Errorf("%+v %v", j, err)
		}
	})
}

// Stop lets what runs end, and what it interrupts is taken up by the next server at once.
func TestJobs_Stop(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Store) {
		slow := func(ctx context.Context, _ Request, _ io.Reader, to http.ResponseWriter) error {
			select {
			case <-time.After(50 * time.Millisecond):
				_, err := io.WriteString(to, "done")
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		r := started(t, s, Limits{}, slow)
		j := submit(t, r, "POST", nil)
		await(t, r, j.ID, Running)
		r.Stop(t.Context())
		if j, err := r.Find(t.Context(), j.ID); err != nil || j.State != Done {
			t.Errorf("%+v %v", j, err)
		}

		stuck := started(t, s, Limits{}, func(ctx context.Context, _ Request, _ io.Reader, _ http.ResponseWriter) error {
			<-ctx.Done()
			return errors.New("interrupted")
		})
		j = submit(t, stuck, "GET", nil)
		await(t, stuck, j.ID, Running)
		now, cancel := context.WithCancel(t.Context())
		cancel()
		stuck.Stop(now)
		next := started(t, s, Limits{}, slow)
		await(t, next, j.ID, Done)
	})
}

// An answer is forgotten when its time is over.
func TestJobs_Expire(t *testing.T) {
	onStores(t, func(t *testing.T, s store.Store) {
		r := started(t, s, Limits{Keep: time.Millisecond, Time: time.Second}, func(_ context.Context, _ Request, _ io.Reader, to http.ResponseWriter) error {
			_, err := to.Write(make([]byte, 2*piece))
			return err
		})
		submit(t, r, "GET", nil)
		for deadline := time.Now().Add(30 * time.Second); left(t, s) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("records are left")
			}
		}
	})
}
