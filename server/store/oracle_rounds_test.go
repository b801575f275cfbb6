package store_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/server/store"
)

// roundSize is how many questions are thought of at once.
const roundSize = 500

// rounds are the questions of a run. Each round follows from the seed and its
// number alone, so whoever needs one that was thrown away makes it again.
type rounds struct {
	queries int
	until   time.Time // goes on until then, however many queries that are
	seed    uint64
	truth   *oracle

	mu    sync.Mutex
	asked map[int][]question
}

// round gives the n-th questions; none when the run is over.
func (r *rounds) round(n int) []question {
	if n*roundSize >= r.queries && time.Now().After(r.until) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list, ok := r.asked[n]
	if !ok {
		list = r.truth.questions(generator{rand.New(rand.NewPCG(r.seed, uint64(2+n)))}, roundSize)
		delete(r.asked, n-100)
		r.asked[n] = list
	}
	if rest := r.queries - n*roundSize; r.until.IsZero() && rest < roundSize {
		list = list[:rest]
	}
	return list
}

// ask asks a store of that name everything, several questions at a time.
func (r *rounds) ask(t *testing.T, name string) {
	const workers = 3
	database := newDatabase(t, name)
	s := openAt(t, name, database, time.Now, 0)
	r.truth.load(t, s)
	// Every other question goes to one that walks indexes instead of sorting.
	// A third has all that lies between.
	all := [...]store.Store{s, openAt(t, name, database, time.Now, 1), s, openAt(t, name, database, time.Now, 60)}
	var total, some, sighted, brought, wrong atomic.Int64
	for n := 0; ; n++ {
		list := r.round(n)
		if list == nil {
			break
		}
		var work sync.WaitGroup
		for w := range workers {
			work.Go(func() {
				for i := w; i < len(list) && wrong.Load() <= 10; i += workers {
					total.Add(1)
					some.Add(int64(min(len(list[i].want), 1)))
					sighted.Add(int64(min(len(list[i].view), len(list[i].want), 1)))
					brought.Add(int64(min(len(list[i].brings), 1)))
					if !list[i].answered(t, r.seed, all[i%len(all)]) {
						wrong.Add(1)
					}
				}
			})
		}
		work.Wait()
		if wrong.Load() > 10 {
			t.Fatalf("VITALWIRE_SEED=%d, round %d: enough", r.seed, n)
		}
	}
	t.Logf("%d queries, %d of them find something, %d of these not seeing all, %d include something, %d are wrong",
		total.Load(), some.Load(), sighted.Load(), brought.Load(), wrong.Load())
}
