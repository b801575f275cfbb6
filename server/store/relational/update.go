package relational

import (
	"context"
	"errors"

	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

// Update runs fn in a serializable transaction: it holds the head's lock, so no
// other writer of any server is at work meanwhile.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) (err error) {
	ctx, span := telemetry.Step(ctx, "store transaction")
	defer func() { span.End(err) }()
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	err = s.write(ctx, func(r *reader) (*batch, error) {
		t := &tx{reader: *r, b: newBatch(r.position, s.cfg.Now().UnixMicro())}
		err := fn(t)
		switch {
		case t.failed != nil:
			return nil, t.failed // the database's word decides whether to try again
		case err != nil:
			return nil, callerError{err}
		case t.spoiled != nil:
			return nil, callerError{t.spoiled}
		}
		return t.b, nil
	})
	var own callerError
	if errors.As(err, &own) {
		err = own.error
	}
	return s.fault(ctx, err)
}

// callerError is an error of the closure: it ends the transaction and goes back
// to the caller as it is.
type callerError struct{ error }

func (e callerError) Unwrap() error { return e.error }

// tx is a reader that writes at once, so its reads see what it wrote.
type tx struct {
	reader
	b *batch
	// spoiled is the first failed write: nothing may be committed after it.
	spoiled error
}

// Write performs one write.
func (t *tx) Write(w store.Write) (store.Version, error) {
	out, err := t.put(store.Unit{Writes: []store.Write{w}})
	if err != nil {
		return store.Version{}, err
	}
	return out.Versions[0], nil
}

// WriteAll performs writes in order, with one look-up and one insertion for all.
func (t *tx) WriteAll(writes []store.Write) store.Outcome {
	if len(writes) == 0 {
		return store.Outcome{Failed: -1}
	}
	out, err := t.put(store.Unit{Writes: writes})
	if err != nil && out.Err == nil {
		return store.Outcome{Err: err, Failed: -1}
	}
	return out
}

// PutRecord performs one record write.
func (t *tx) PutRecord(w store.RecordWrite) error {
	_, err := t.put(store.Unit{Records: []store.RecordWrite{w}})
	return err
}

func (t *tx) put(unit store.Unit) (store.Outcome, error) {
	p, err := t.s.prepare(unit)
	if err != nil {
		return store.Outcome{}, t.spoil(err)
	}
	if err := t.s.load(t.ctx, t.c, t.b, []*prepared{p}); err != nil {
		return store.Outcome{}, t.spoil(t.check(err))
	}
	out, err := t.b.unit(p, stored{t.ctx, t.s, t.c})
	if err != nil {
		return out, t.spoil(t.check(err))
	}
	if out.Err != nil {
		return out, t.spoil(out.Err)
	}
	if err := t.s.flush(t.ctx, t.c, t.b); err != nil {
		return out, t.spoil(t.check(err))
	}
	t.b.flushed()
	t.position = t.b.last
	return out, nil
}

func (t *tx) spoil(err error) error {
	if t.spoiled == nil {
		t.spoiled = err
	}
	return err
}
