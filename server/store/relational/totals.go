package relational

import (
	"hash/maphash"
	"sync"
)

// totals remembers exact totals, each with the stamp (table tally) of its type: as long
// as a snapshot sees that stamp nothing of the type has changed, and the total is the
// same. So a page that shows totals is counted once, not for each who looks, while other
// types may change as they like.
type totals struct {
	mu    sync.Mutex
	seeds [2]maphash.Seed
	found map[totalKey]counting
}

// totalKey is the hash of a statement with its parameters, by two secret seeds: nobody
// can make two statements that have the same, and none will by chance.
type totalKey [2]uint64

// counting is a total in a state of its type.
type counting struct{ stamp, n int64 }

// totalsKept bounds what is remembered.
const totalsKept = 8192

func newTotals() *totals {
	return &totals{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, found: map[totalKey]counting{}}
}

func (t *totals) key(typ int64, st Statement) (k totalKey) {
	for i, seed := range t.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		maphash.WriteComparable(&h, typ)
		maphash.WriteComparable(&h, st.SQL) // with its length, as each parameter has its type
		for _, arg := range st.Args {
			maphash.WriteComparable(&h, arg)
		}
		k[i] = h.Sum64()
	}
	return k
}

// get gives a total, if it was counted in that state.
func (t *totals) get(key totalKey, stamp int64) (int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.found[key]
	return c.n, ok && c.stamp == stamp
}

func (t *totals) put(key totalKey, c counting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.found) >= totalsKept {
		clear(t.found)
	}
	t.found[key] = c
}

// once gives the number that a statement counts, of what a search of the plan's type
// finds now. All that it depends on is in its text, its parameters, and the items of
// the type: chains, hierarchies and value sets are resolved before.
func (p *plan) once(r *reader, st Statement) (n int64, err error) {
	if p.pinned {
		_, err := r.c.one(r.ctx, st, &n)
		return n, r.check(err)
	}
	typ := typeKey(p.query.Type)
	var stamp int64
	if _, err := r.c.one(r.ctx, Statement{SQL: "SELECT t.stamp FROM tally t WHERE t.type = $1", Args: []any{typ}}, &stamp); err != nil {
		return 0, r.check(err)
	}
	key := r.s.totals.key(typ, st)
	if n, ok := r.s.totals.get(key, stamp); ok {
		return n, nil
	}
	if _, err := r.c.one(r.ctx, st, &n); err != nil {
		return 0, r.check(err)
	}
	r.s.totals.put(key, counting{stamp, n})
	return n, nil
}
