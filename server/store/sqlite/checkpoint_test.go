package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/store/storetest"
)

// TestLogStaysShort writes many times the log's limit while short readers overlap
// all the time and one reader holds its snapshot as long as it may. While that
// one lives the log must grow, then it is cut, and the long reader is told.
func TestLogStaysShort(t *testing.T) {
	const limit = 1 << 20
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "log.db")
	s, err := sqlite.Open(ctx, path, sqlite.Options{Search: storetest.Parameters(), LogLimit: limit, ViewTimeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	size := func() int64 {
		log, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return log.Size()
	}
	write := func(n int) {
		key := fhir.Key{Type: "Basic", ID: fmt.Sprintf("b%d", n)}
		body := []byte(fmt.Sprintf(`{"resourceType":"Basic","id":"b%d","text":{"status":"generated","div":"%s"}}`, n, strings.Repeat(fmt.Sprint(n), 20_000)))
		if out := s.Apply(ctx, store.Unit{Writes: []store.Write{{Op: store.Put, Key: key, Body: body}}}); out[0].Err != nil {
			t.Fatal(out[0].Err)
		}
	}
	write(0)

	long := make(chan error, 1)
	began := make(chan struct{})
	var once sync.Once
	go func() {
		long <- s.View(ctx, func(r store.Reader) error {
			for {
				if _, err := r.Read(fhir.Key{Type: "Basic", ID: "b0"}); err != nil {
					return err
				}
				once.Do(func() { close(began) })
				time.Sleep(10 * time.Millisecond)
			}
		})
	}()
	<-began
	short, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	for range 2 {
		go func() {
			for short.Err() == nil {
				_ = s.View(short, func(r store.Reader) error {
					_, err := r.Read(fhir.Key{Type: "Basic", ID: "b0"})
					time.Sleep(5 * time.Millisecond)
					return err
				})
			}
			ended <- struct{}{}
		}()
	}
	n := 1
	for ; size() <= 8*limit; n++ { // the long reader's snapshot keeps the log
		write(n)
	}
	if err := <-long; fhir.SituationOf(err) != fhir.SituationTimeout {
		t.Errorf("a snapshot held too long ends with %v", err)
	}
	for began := time.Now(); size() > limit; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("the log is still %d bytes", size())
		}
		write(n) // among readers and writes
		n++
	}
	stop()
	<-ended
	<-ended
	if err := s.View(ctx, func(r store.Reader) error {
		_, err := r.Read(fhir.Key{Type: "Basic", ID: fmt.Sprintf("b%d", n-1)})
		return err
	}); err != nil {
		t.Error(err)
	}
}
