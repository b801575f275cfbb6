package relational

import (
	"context"
	"sync/atomic"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

// request is one Apply call on its way through the committer.
type request struct {
	units    []*prepared
	at       []int // where in outcomes each unit's answer goes
	outcomes []store.Outcome
	writes   int
	bytes    int64 // of bodies
	// taken decides between the committer that commits and the caller that gives up.
	taken atomic.Bool
	done  chan struct{}
}

// Apply commits units, each all or nothing on its own.
func (s *Store) Apply(ctx context.Context, units ...store.Unit) []store.Outcome {
	r := &request{outcomes: make([]store.Outcome, len(units)), done: make(chan struct{})}
	ctx, span := telemetry.Step(ctx, "store commit")
	defer func() {
		span.Count("units", len(units))
		span.Count("writes", r.writes)
		span.End(r.failure())
	}()
	if err := s.enter(); err != nil {
		return r.fail(err)
	}
	defer s.leave()
	for i, unit := range units {
		p, err := s.prepare(unit)
		if err != nil {
			r.outcomes[i] = store.Outcome{Err: err, Failed: -1}
			continue
		}
		r.units, r.at = append(r.units, p), append(r.at, i)
		r.writes += len(unit.Writes) + len(unit.Records)
		for _, w := range unit.Writes {
			r.bytes += int64(len(w.Body))
		}
	}
	if len(r.units) == 0 {
		return r.outcomes
	}
	if ctx.Err() != nil {
		return r.fail(s.fault(ctx, ctx.Err()))
	}
	// What cannot be taken now is refused at once: nothing waits unseen, and memory
	// has a bound. One call alone is always taken.
	defer s.queued.Add(-r.bytes)
	if waiting := s.queued.Add(r.bytes); waiting > s.cfg.QueueBytes && waiting > r.bytes {
		return r.fail(throttled())
	}
	select {
	case s.queue <- r:
	default:
		return r.fail(throttled())
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return r.fail(s.fault(ctx, ctx.Err())) // the committer will pass it by
		}
		<-r.done
	}
	return r.outcomes
}

func throttled() error {
	return fhir.Throttled("the store has more writes waiting than it can take; nothing of this one is kept; try again later")
}

// failure is that of a unit, if one failed.
func (r *request) failure() error {
	for _, outcome := range r.outcomes {
		if outcome.Err != nil {
			return outcome.Err
		}
	}
	return nil
}

// fail answers every unit that has no answer yet.
func (r *request) fail(err error) []store.Outcome {
	for i := range r.outcomes {
		if r.outcomes[i].Err == nil {
			r.outcomes[i] = store.Outcome{Err: err, Failed: -1}
		}
	}
	return r.outcomes
}

// commitLoop is the committer: it commits what is waiting as one group, until
// the queue is closed and empty. While one group is on its way to the disk the
// next one gathers.
func (s *Store) commitLoop() {
	for first := range s.queue {
		s.commitNext(first)
	}
}

func (s *Store) commitNext(first *request) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.CommitTimeout)
	defer cancel()
	// Whoever comes while we wait for the writer's place joins the group.
	if c, err := s.writes.take(ctx); err == nil {
		s.writes.give(c)
	}
	s.commit(ctx, s.gather(first))
}

// gather takes waiting requests up to the size of a group.
func (s *Store) gather(first *request) []*request {
	var group []*request
	writes := 0
	add := func(r *request) {
		if r.taken.CompareAndSwap(false, true) {
			group = append(group, r)
			writes += r.writes
		}
	}
	add(first)
	for writes < s.cfg.Group {
		select {
		case r, open := <-s.queue:
			if !open {
				return group
			}
			add(r)
		default:
			return group
		}
	}
	return group
}

func answer(group []*request, err error) {
	for _, r := range group {
		if err != nil {
			r.fail(err)
		}
		close(r.done)
	}
}

// commit commits a group together. When the database refuses the whole for
// something in it, each request is tried alone, so that one fails, not all.
func (s *Store) commit(ctx context.Context, group []*request) {
	if len(group) == 0 {
		return
	}
	began := time.Now()
	err := s.commitTogether(ctx, group)
	if err == nil {
		s.told(group, began)
	}
	if err != nil && len(group) > 1 && s.meaning(err) == FaultOther && ctx.Err() == nil {
		for _, r := range group {
			alone := []*request{r}
			answer(alone, s.fault(ctx, s.commitTogether(ctx, alone)))
		}
		return
	}
	answer(group, s.fault(ctx, err))
}

func (s *Store) commitTogether(ctx context.Context, group []*request) error {
	var units []*prepared
	for _, r := range group {
		units = append(units, r.units...)
	}
	return s.write(ctx, func(r *reader) (*batch, error) {
		c, b := r.c, newBatch(r.position, s.cfg.Now().UnixMicro())
		if err := s.load(ctx, c, b, units); err != nil {
			return nil, err
		}
		for _, r := range group {
			for i, p := range r.units {
				p, err := s.renewed(p)
				if err != nil {
					return nil, err
				}
				if r.outcomes[r.at[i]], err = b.unit(p, stored{ctx, s, c}); err != nil {
					return nil, err
				}
			}
		}
		return b, s.flush(ctx, c, b)
	})
}

// unit evaluates one unit. The error is the database's; a failed precondition is
// in the outcome.
func (b *batch) unit(p *prepared, find stored) (store.Outcome, error) {
	m := b.mark()
	out := store.Outcome{Versions: make([]store.Version, len(p.unit.Writes)), Failed: -1}
	var err error
	for i := range p.unit.Writes {
		if out.Versions[i], err = b.write(i, p, find); err != nil {
			out.Failed = i
			break
		}
	}
	for i := 0; err == nil && i < len(p.unit.Records); i++ {
		err = b.putRecord(p.unit.Records[i])
	}
	if err == nil {
		return out, nil
	}
	b.back(m)
	if precondition(err) {
		return store.Outcome{Err: err, Failed: out.Failed}, nil
	}
	return store.Outcome{}, err
}
