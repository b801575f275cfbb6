// Package bench measures Vitalwire beside yardsticks in one run (make bench; the
// method is in docs/performance.md). Every measure that is a ratio takes both of
// its sides on the same machine within the same minutes.
package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// Scale is how much is measured.
type Scale struct {
	Creates  int           // Observations created one by one
	Clients  int           // concurrent clients of creates and reads
	For      time.Duration // of everything that goes by time
	Patients int           // Synthea patients, re-based
	Largest  int           // entries of the largest patient bundle used; 0: all 45
	Newest   int           // Observations of the one patient with very many
	Frames   int           // device frames at most; 0: as many as there is time for
	Agreeing int           // patients with Consents
	Profiles string        // folder for CPU profiles; "" for none
}

// row is a line of the table.
type row struct{ measure, store, ours, yardstick, ratio, must string }

// Table collects rows and notes.
type Table struct {
	rows  []row
	notes []string
}

// rate adds a measure beside its yardstick, both in things per second.
func (t *Table) rate(measure, store, thing string, ours, yardstick float64, of, must string) {
	t.rows = append(t.rows, row{measure, store, fmt.Sprintf("%.0f %s/s", ours, thing),
		fmt.Sprintf("%.0f/s %s", yardstick, of), fmt.Sprintf("%.0f %%", 100*ours/yardstick), must})
}

// value adds a measure that stands alone.
func (t *Table) value(measure, store, ours, must string) {
	t.rows = append(t.rows, row{measure, store, ours, "", "", must})
}

func (t *Table) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// Print writes the table as Markdown.
func (t *Table) Print(to io.Writer) {
	fmt.Fprintln(to, "| measure | store | Vitalwire | yardstick | ratio | must reach |\n|---|---|---|---|---|---|")
	for _, r := range t.rows {
		fmt.Fprintf(to, "| %s | %s | %s | %s | %s | %s |\n", r.measure, r.store, r.ours, r.yardstick, r.ratio, r.must)
	}
	for _, n := range t.notes {
		fmt.Fprintln(to, "\n"+n)
	}
}

// samples are the times that requests took.
type samples []time.Duration

// at gives a quantile; 0 of none.
func (s samples) at(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

func (s samples) String() string {
	return fmt.Sprintf("p50 %s, p99 %s, max %s", short(s.at(0.5)), short(s.at(0.99)), short(s.at(1)))
}

func short(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

// loop is a closed loop: each client does the next thing when the last is done,
// until n were done or the time is up (0: none). It gives the sorted times of
// all and things per second.
func loop(b testing.TB, clients, n int, limit time.Duration, do func(random *rand.Rand, i int) error) (samples, float64) {
	b.Helper()
	var mu sync.Mutex
	next := 0
	var all samples
	began := time.Now()
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(c), 3))
			var own samples
			defer func() {
				mu.Lock()
				all = append(all, own...)
				mu.Unlock()
			}()
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if n > 0 && i >= n || limit > 0 && time.Since(began) > limit {
					return
				}
				at := time.Now()
				if err := do(random, i); err != nil {
					b.Errorf("request %d: %v", i, err)
					return
				}
				own = append(own, time.Since(at))
			}
		})
	}
	running.Wait()
	took := time.Since(began).Seconds()
	slices.Sort(all)
	return all, float64(len(all)) / took
}
