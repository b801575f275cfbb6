// Package guard lets a caller see and change of a store what his auth.Reach allows,
// and nothing else: what is hidden never was. Whoever works on a guarded Store needs
// no check of his own, and cannot forget one.
//
// Searches carry the Reach as search.Query.Sight into the SQL that finds rows. What is
// read by its id, and what is written, is judged in memory by the same clauses. An old
// version is seen by who may see both it and the current one; of what is deleted, the
// last version there was counts as the current one.
package guard

import (
	"context"
	"errors"
	"fmt"

	"vitalwire/auth"
	"vitalwire/auth/mask"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/consents"
	"vitalwire/server/store"
)

// Store is a store as one caller may use it. The server's own records are no part of
// it.
type Store struct {
	inner store.Store
	*guard
}

var _ store.Store = (*Store)(nil)

// guard judges what a caller may see.
type guard struct {
	reach *auth.Reach
	// known are the search parameters that resources are judged by.
	known *search.Registry
	// base is the FHIR base of references to resources of this server.
	base string
	// book has what patients agree to; nil when that binds nobody.
	book *consents.Book
	// witness is told what Consents decide; nil is told nothing.
	witness *consents.Witness
	// mask is what the caller is not shown of resources that he sees; nil for nothing.
	mask *mask.Mask
}

// Noting is the store with a witness of what Consents decide.
func (s *Store) Noting(w *consents.Witness) *Store {
	g := *s.guard
	g.witness = w
	return &Store{s.inner, &g}
}

// New guards a store for a caller. book has what patients agree to; nil enforces no
// Consent. obligations have what of resources is masked for whom; nil masks nothing.
func New(inner store.Store, reach *auth.Reach, known *search.Registry, base string, book *consents.Book, obligations *mask.Rules) *Store {
	g := &guard{reach: reach, known: known, base: base}
	if !reach.Unbound() {
		access := reach.Access()
		g.book, g.mask = book, obligations.For(mask.Caller{Role: string(access.Role), Client: access.Client, Purposes: access.Purposes})
	}
	return &Store{inner, g}
}

// errBooks: no caller works on the server's own books.
var errBooks = errors.New("guard: the server's own books are not open to callers")

// View runs fn on a snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.inner.View(ctx, func(r store.Reader) error { return fn(s.reader(r)) })
}

// Glance runs fn with reads of which each sees the newest moment.
func (s *Store) Glance(ctx context.Context, fn func(store.Reader) error) error {
	return s.inner.Glance(ctx, func(r store.Reader) error { return fn(s.reader(r)) })
}

// Update runs fn in a transaction.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.inner.Update(ctx, func(t store.Tx) error {
		mine := s.tx(t)
		// What the transaction itself does to Consents counts when it is committed.
		if _, err := mine.ruled(); err != nil {
			return err
		}
		return fn(mine)
	})
}

// Apply commits units. Those with a write that must be judged by what is there take a
// transaction of their own; the others share commits.
func (s *Store) Apply(ctx context.Context, units ...store.Unit) []store.Outcome {
	outcomes := make([]store.Outcome, len(units))
	ruling, err := s.present(ctx)
	if err != nil {
		for i := range outcomes {
			outcomes[i] = store.Outcome{Err: err, Failed: -1}
		}
		return outcomes
	}
	var free []store.Unit
	var at []int
	for i, u := range units {
		if s.free(u, ruling) {
			free, at = append(free, u), append(at, i)
			continue
		}
		err = s.Update(ctx, func(t store.Tx) error {
			outcomes[i] = store.Inside(t).Apply(ctx, u)[0]
			return outcomes[i].Err
		})
		if err != nil && outcomes[i].Err == nil {
			outcomes[i] = store.Outcome{Err: err, Failed: -1}
		}
	}
	for i, o := range s.inner.Apply(ctx, free...) {
		outcomes[at[i]] = s.maskedOutcome(o)
	}
	return outcomes
}

// Reindex is the server's own work.
func (s *Store) Reindex(context.Context, store.Reindexing) (store.Reindexed, error) {
	return store.Reindexed{}, errBooks
}

// Follow is the server's own work.
func (s *Store) Follow(store.Learn) {}

// Close does nothing: who opened the store closes it.
func (s *Store) Close() error { return nil }

// Raw is the reader below a guarded one, for what the server must know whoever asks.
// Each use says why.
func Raw(r store.Reader) store.Reader {
	for {
		switch g := r.(type) {
		case *reader:
			r = g.inner
		case *tx:
			r = g.below
		default:
			return r
		}
	}
}

// Sees reports whether the caller of a guarded store may see a version by any of some
// rights.
func (s *Store) Sees(ctx context.Context, v store.Version, rights auth.Right) (bool, error) {
	v.Body = v.Stored()
	ruling, err := s.present(ctx)
	if err != nil {
		return false, err
	}
	view := s.agreed(ruling, v.Key.Type, s.reach.View(v.Key.Type, rights))
	if view.Whole || len(view.Any) == 0 {
		return view.Whole, nil
	}
	return s.judge(view, v)
}

// judge tries a version that is no deletion on a view.
func (g *guard) judge(view search.View, v store.Version) (bool, error) {
	s, err := g.lazy(v)
	if err != nil {
		return false, err
	}
	return view.Sees(s)
}

// subject is a version as clauses judge it, with all its values.
func (g *guard) subject(v store.Version) (*search.Subject, error) {
	s, err := g.lazy(v)
	if err != nil {
		return nil, err
	}
	s.Values, s.From = g.known.Extract(s.From.Resource), nil
	return s, nil
}

// lazy is a version as clauses judge it, whose values are made as they are asked for.
func (g *guard) lazy(v store.Version) (*search.Subject, error) {
	r, err := fhir.ParseResource(v.Body)
	if err != nil {
		return nil, fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	return &search.Subject{Type: v.Key.Type, ID: v.Key.ID, Position: v.Position, From: &search.Source{Registry: g.known, Resource: r, Body: v.Body}}, nil
}
