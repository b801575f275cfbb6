package relational

import (
	"cmp"
	"context"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Follow has the registry learn what other servers changed.
func (s *Store) Follow(learn store.Learn) { s.learn.Store(&learn) }

// Marks are those of the snapshot.
func (r *reader) Marks() (store.Marks, error) {
	if !r.known {
		r.s.marked.Store(true)
	}
	_, err := r.Position()
	return r.marks, err
}

// current has the registry know what the reader sees. The error is the database's
// where it has one.
func (r *reader) current() error {
	learn := r.s.learn.Load()
	if learn == nil || r.marks.Epoch <= r.s.cfg.Search.Epoch() {
		return nil
	}
	if err := (*learn)(r); err != nil {
		return cmp.Or(r.failed, err)
	}
	return nil
}

// behind reports whether the registry knows more than the snapshot: what it says is
// labelled may lack the labels there (search.Registry.Label).
func (r *reader) behind() bool {
	return r.s.learn.Load() != nil && r.marks.Epoch < r.s.cfg.Search.Epoch() && r.s.cfg.Search.Labeller() != nil
}

// fits refuses a query that was understood by other search parameters than those
// that the snapshot is indexed by.
func (r *reader) fits(q *search.Query) error {
	if r.s.learn.Load() == nil || q.Epoch == 0 || q.Epoch == r.marks.Epoch {
		return nil
	}
	return store.Stale()
}

// locked is the head as a writer finds it, whose lock it holds.
type locked struct {
	position, nonce int64
	marks           store.Marks
}

// lockHead takes the head's lock.
func (s *Store) lockHead(ctx context.Context, c *conn) (locked, error) {
	var h locked
	_, err := c.one(ctx, Statement{SQL: s.d.LockHead()}, &h.position, &h.nonce, &h.marks.Epoch, &h.marks.Terms, &h.marks.Consents)
	return h, err
}

// moved are the marks after a batch.
func (b *batch) moved(from store.Marks) store.Marks {
	if b.rules {
		from.Epoch++
	}
	if b.terms {
		from.Terms++
	}
	if b.agreed {
		from.Consents++
	}
	return from
}
