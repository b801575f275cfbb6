package relational

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// maxAttempts bounds how often a transaction is tried again after a lost race or
// a lost connection.
const maxAttempts = 8

// precondition tells what the database has no part in, such as a failed
// precondition, from its errors.
func precondition(err error) bool {
	var known *fhir.Error
	var exists *store.Exists
	var own callerError
	return errors.As(err, &known) || errors.As(err, &exists) || errors.As(err, &own)
}

// write runs one writing transaction: it takes the writer's place, locks the
// head, lets run write rows, moves the head and commits. The search parameters that
// run finds are those of the database. It is tried again after a lost race or connection. The batch that run gives says what was written.
func (s *Store) write(ctx context.Context, run func(r *reader) (*batch, error)) error {
	for attempt := 1; ; attempt++ {
		err := s.attempt(ctx, run)
		if err == nil || precondition(err) || attempt == maxAttempts {
			return err
		}
		if fault := s.meaning(err); fault != FaultRace && fault != FaultBroken {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt*attempt) * time.Millisecond):
		}
	}
}

func (s *Store) attempt(ctx context.Context, run func(r *reader) (*batch, error)) error {
	c, err := s.writes.take(ctx)
	if err != nil {
		return err
	}
	defer s.writes.give(c)
	if err := c.control(ctx, s.d.BeginWrite()); err != nil {
		c.broken = true
		return err
	}
	open := true
	defer func() { // also when run panics
		if open {
			s.end(c)
		}
	}()
	head, err := s.lockHead(ctx, c)
	if err != nil {
		return err
	}
	r := &reader{ctx: ctx, s: s, c: c, position: head.position, marks: head.marks, known: true}
	if err := r.current(); err != nil {
		return err
	}
	b, err := run(r)
	if err != nil || b.empty() {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the caller's patience no longer counts: it gets the real outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.CommitTimeout)
	defer cancel()
	nonce := rand.Int64() //nolint:gosec // it tells our commit from another, not friend from foe
	marks := b.moved(head.marks)
	if err := c.exec(ctx, `UPDATE head SET position = $1, nonce = $2, epoch = $3, terms = $4, consents = $5 WHERE one = 1`,
		b.last, nonce, marks.Epoch, marks.Terms, marks.Consents); err != nil {
		return err
	}
	err = c.control(ctx, "COMMIT")
	if err == nil {
		open = false
		s.commits.Add(1)
		return nil
	}
	if fault := s.meaning(err); fault == FaultBroken || fault == FaultTimeout || ctx.Err() != nil {
		open, c.broken = false, true
		return s.confirm(b, nonce, err)
	}
	return err
}

// confirm finds out whether a commit whose answer was lost took place: nil if it
// did, cause if not.
func (s *Store) confirm(b *batch, nonce int64, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.CommitTimeout)
	defer cancel()
	for {
		happened, err := s.happened(ctx, b, nonce)
		switch {
		case err == nil && happened:
			return nil
		case err == nil:
			return cause
		}
		select {
		case <-ctx.Done():
			return fhir.Unavailable("the store was lost during a commit; whether the write is kept is not known").
				WithCause(errors.Join(cause, err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Store) happened(ctx context.Context, b *batch, nonce int64) (bool, error) {
	sc, err := s.cfg.Write.Conn(ctx)
	if err != nil {
		return false, err
	}
	c := newConn(sc, s.cfg.Unprepared)
	defer func() { _ = sc.Close() }()
	if err := c.control(ctx, s.d.BeginWrite()); err != nil {
		return false, err
	}
	defer s.end(c)
	// The lock waits until the lost transaction has ended on the server.
	head, err := s.lockHead(ctx, c)
	if err != nil {
		return false, err
	}
	if head.nonce == nonce {
		return true, nil
	}
	if b.first.Position == 0 {
		return false, nil
	}
	// Another server may have committed after ours: look for what we wrote.
	var n int64
	_, err = c.one(ctx, Statement{SQL: `SELECT count(*) FROM version WHERE pos = $1 AND rtype = $2 AND id = $3`,
		Args: []any{b.first.Position, b.first.Key.Type, b.first.Key.ID}}, &n)
	return n > 0, err
}
