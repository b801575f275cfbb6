package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// The books of replays.
const (
	replays  = "replay"       // id -> Replay
	findings = "replay-found" // id/frame -> Reread
)

// The states of a replay.
const (
	Running   = "running"
	Done      = "done"
	Cancelled = "cancelled"
	Failed    = "failed"
)

// Replay reads stored frames again, with the adapters and templates as they are now. As a
// dry run it says what would become of them; applied it writes that: new versions of the
// same Observations, never a second one. It goes on where it was after a crash.
type Replay struct {
	ID     string `json:"id"`
	Frames Frames `json:"select"`
	// Dry is a run that writes nothing; Of is the dry run that was looked at before
	// another was applied.
	Dry bool   `json:"dryRun"`
	Of  string `json:"of,omitempty"`
	// EnteredInError marks Observations so that their frame does not give any more; else
	// they stay.
	EnteredInError bool   `json:"enteredInError,omitempty"`
	State          string `json:"state"`
	Started        string `json:"started"`
	Ended          string `json:"ended,omitempty"`
	// Trouble says why it failed.
	Trouble string `json:"trouble,omitempty"`
	// After is the frame that was read last.
	After string `json:"after,omitempty"`
	// Counts are frames read, refused now, and that differ; and readings by what became, or
	// would, of them.
	Counts map[string]int `json:"counts"`
	// Readers are what reads the frames now, by adapter.
	Readers map[string]string `json:"readers"`
}

// The counts of a Replay beside the states of readings.
const (
	framesRead    = "frames"
	framesRefused = "refused"
	framesDiffer  = "differ"
)

// mostFindings bounds what is kept of one replay, frame by frame; its counts have all.
const mostFindings = 10_000

// replayers wakes what performs replays.
type replayers struct {
	once sync.Once
	wake chan struct{}
}

func (p *replayers) called() chan struct{} {
	p.once.Do(func() { p.wake = make(chan struct{}, 1) })
	return p.wake
}

// Dry begins a dry run over the frames that are selected. Errors: Malformed for a
// selection that makes no sense, Conflict while another replay runs.
func (s *Service) Dry(ctx context.Context, q Frames) (Replay, error) {
	if q.Adapter != "" {
		if _, err := s.adapter(q.Adapter); err != nil {
			return Replay{}, err
		}
	}
	if err := q.check(); err != nil {
		return Replay{}, err
	}
	return s.begin(ctx, Replay{Frames: q, Dry: true})
}

// Reapply begins to write what a dry run said. Errors: NotFound, Conflict when that one is
// not done, or another runs, or an adapter has changed since: then it says something else.
func (s *Service) Reapply(ctx context.Context, id string, enteredInError bool) (Replay, error) {
	dry, err := s.ReplayOf(ctx, id)
	if err != nil {
		return dry, err
	}
	if !dry.Dry || dry.State != Done {
		return dry, fhir.Conflict("only a dry run that is done can be applied; this is %s", dry.State)
	}
	return s.begin(ctx, Replay{Frames: dry.Frames, Of: id, EnteredInError: enteredInError, Readers: dry.Readers})
}

func (s *Service) begin(ctx context.Context, run Replay) (Replay, error) {
	id, err := interaction.NewID()
	if err != nil {
		return run, err
	}
	run.ID, run.State, run.Started, run.Counts = id, Running, s.Now().UTC().Format(instantLayout), map[string]int{}
	if run.Readers == nil {
		run.Readers = map[string]string{}
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		list, err := allReplays(tx)
		if err != nil {
			return err
		}
		for _, other := range list {
			if other.State == Running {
				return fhir.Conflict("replay %s runs; it can be cancelled", other.ID)
			}
		}
		for _, old := range list[:max(0, len(list)-mostReplays+1)] {
			if err := forget(tx, old.ID); err != nil {
				return err
			}
		}
		return putJSON(tx, replays, id, run)
	})
	if err == nil {
		s.replaying.call()
	}
	return run, err
}

// mostReplays is how many replays are kept to be looked at.
const mostReplays = 20

// forget removes a replay that is long done.
func forget(tx store.Tx, id string) error {
	for {
		records, err := tx.Records(findings, id+"/", "", 1000)
		if err != nil {
			return err
		}
		for _, record := range records {
			if err := tx.PutRecord(store.RecordWrite{Collection: findings, Key: record.Key}); err != nil {
				return err
			}
		}
		if len(records) < 1000 {
			return tx.PutRecord(store.RecordWrite{Collection: replays, Key: id})
		}
	}
}

// allReplays are the replays that are kept, the oldest first.
func allReplays(r store.Reader) (list []Replay, err error) {
	records, err := r.Records(replays, "", "", 1000)
	for _, record := range records {
		var run Replay
		if err := json.Unmarshal(record.Value, &run); err != nil {
			return nil, err
		}
		at := len(list)
		for at > 0 && list[at-1].Started > run.Started {
			at--
		}
		list = append(list[:at], append([]Replay{run}, list[at:]...)...)
	}
	return list, err
}

// Replays lists those that are kept, the oldest first.
func (s *Service) Replays(ctx context.Context) (list []Replay, err error) {
	list = []Replay{}
	err = s.Store.View(ctx, func(r store.Reader) (err error) {
		list, err = allReplays(r)
		return err
	})
	return list, err
}

// ReplayOf gives one. Errors: NotFound.
func (s *Service) ReplayOf(ctx context.Context, id string) (run Replay, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		_, ok, err := readRecord(r, replays, id, &run)
		if err == nil && !ok {
			err = fhir.NotFound(fhir.Key{Type: "replay", ID: id})
		}
		return err
	})
	return run, err
}

// Findings lists what became, or would, of the frames of a replay that are not as they
// were; after is the last frame seen, "" to begin.
func (s *Service) Findings(ctx context.Context, id, after string, limit int) (list []Reread, err error) {
	list = []Reread{}
	err = s.Store.View(ctx, func(r store.Reader) error {
		list = list[:0]
		if after != "" {
			after = id + "/" + after
		}
		records, err := r.Records(findings, id+"/", after, limit)
		for _, record := range records {
			var one Reread
			if err := json.Unmarshal(record.Value, &one); err != nil {
				return err
			}
			list = append(list, one)
		}
		return err
	})
	return list, err
}

// CancelReplay ends one between two frames. What it wrote stays. Errors: NotFound,
// Conflict when it does not run.
func (s *Service) CancelReplay(ctx context.Context, id string) (run Replay, err error) {
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		run = Replay{}
		_, ok, err := readRecord(tx, replays, id, &run)
		switch {
		case err != nil:
			return err
		case !ok:
			return fhir.NotFound(fhir.Key{Type: "replay", ID: id})
		case run.State != Running:
			return fhir.Conflict("it is %s", run.State)
		}
		run.State, run.Ended = Cancelled, s.Now().UTC().Format(instantLayout)
		return putJSON(tx, replays, id, run)
	})
	return run, err
}

func (p *replayers) call() {
	select {
	case p.called() <- struct{}{}:
	default:
	}
}

// KeepReplaying performs replays until ctx ends, those first that a crash cut off. One of
// several servers on a store performs each.
func (s *Service) KeepReplaying(ctx context.Context) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		var list []Replay
		err := s.Store.View(ctx, func(r store.Reader) (err error) {
			list, err = allReplays(r)
			return err
		})
		for _, run := range list {
			if run.State == Running && err == nil {
				err = s.perform(ctx, run.ID)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("a replay could not go on; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.replaying.called():
		}
	}
}

// stride is how many frames are read between two notes of where a replay is.
const stride = 50

// perform reads frames until a replay is over, here or by others.
func (s *Service) perform(ctx context.Context, id string) error {
	for {
		var run Replay
		var was []byte
		var list []store.Record
		err := s.Store.View(ctx, func(r store.Reader) (err error) {
			run, list = Replay{}, nil
			if was, _, err = readRecord(r, replays, id, &run); err == nil && run.State == Running {
				list, err = r.Records(frames, "", run.Frames.begin(run.After), stride)
			}
			return err
		})
		if err != nil || run.State != Running {
			return err
		}
		over := len(list) < stride
		for _, record := range list {
			if run.Frames.over(record.Key) {
				over = true
				break
			}
			var entry kept
			if err := json.Unmarshal(record.Value, &entry); err != nil {
				return err
			}
			run.After = record.Key
			if !run.Frames.has(entry) {
				continue
			}
			if was, err = s.readAgain(ctx, &run, was, record.Key); err != nil || run.State != Running {
				return s.fail(ctx, run, was, err)
			}
		}
		if over {
			run.State, run.Ended = Done, s.Now().UTC().Format(instantLayout)
		}
		if taken, err := s.note(ctx, run, was); err != nil || taken || over {
			return err
		}
	}
}

// fail ends a replay that meets what it cannot get over; the store being away is no such thing.
func (s *Service) fail(ctx context.Context, run Replay, was []byte, err error) error {
	var conflict *stale
	if errors.As(err, &conflict) {
		run.State, run.Ended, run.Trouble = Failed, s.Now().UTC().Format(instantLayout), conflict.Error()
		_, err = s.note(ctx, run, was)
	}
	return err
}

// stale says that a frame is not read as it was in the dry run.
type stale struct{ was, by string }

func (e *stale) Error() string {
	return fmt.Sprintf("frames are read by %s now, and were by %s before: make another dry run", e.by, e.was)
}

// note writes where a replay is; taken is true when others have changed it: it was
// cancelled, or another server performs it.
func (s *Service) note(ctx context.Context, run Replay, was []byte) (taken bool, err error) {
	data, err := json.Marshal(run)
	if err != nil || bytes.Equal(data, was) {
		return false, err
	}
	err = s.Store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: replays, Key: run.ID, Value: data, IfValue: was}}})[0].Err
	if errors.Is(err, fhir.Conflict("")) {
		return true, nil
	}
	return false, err
}

// readAgain reads one frame of a replay. What is written, what is found and where the
// replay is are one commit: a crash repeats nothing and leaves nothing out. run.State is
// no longer Running when others have taken it over.
func (s *Service) readAgain(ctx context.Context, run *Replay, was []byte, key string) ([]byte, error) {
	for range attempts {
		p := newPlan()
		var found Reread
		err := s.Store.View(ctx, func(r store.Reader) error {
			p = newPlan()
			var entry kept
			data, ok, err := readRecord(r, frames, key, &entry)
			if err != nil || !ok {
				return err
			}
			found, err = s.reread(ctx, r, p, store.Record{Key: key, Value: data}, entry, run.EnteredInError)
			return err
		})
		if err != nil {
			return was, err
		}
		if run.Dry {
			p.unit = store.Unit{}
		}
		next, err := run.with(found)
		if err != nil {
			return was, err
		}
		differs := found.Refused != "" || len(found.Differences) > 0
		if len(p.unit.Writes)+len(p.unit.Records) == 0 && !differs {
			*run = next
			return was, nil
		}
		if differs && next.Counts[framesDiffer] <= mostFindings {
			if err := p.put(findings, run.ID+"/"+key, found, nil); err != nil {
				return was, err
			}
			p.unit.Records[len(p.unit.Records)-1].IfAbsent = false
		}
		if err := p.put(replays, run.ID, next, was); err != nil {
			return was, err
		}
		value := p.unit.Records[len(p.unit.Records)-1].Value
		if _, again, err := s.execute(ctx, p); err != nil || !again {
			*run = next
			return value, err
		}
		now, err := s.ReplayOf(ctx, run.ID)
		if err != nil {
			return was, err
		}
		if now.State != Running || now.After > run.After {
			run.State = now.State
			if now.State == Running { // another server performs it
				run.State = Cancelled
			}
			return was, nil
		}
	}
	return was, fhir.Conflict("frame %s was being written by others", key)
}

// with is the replay after a frame. An error says that it is read otherwise than the
// frames before it, or than in the dry run.
func (r Replay) with(found Reread) (Replay, error) {
	next := r
	next.Counts, next.Readers = map[string]int{}, map[string]string{}
	for name, n := range r.Counts {
		next.Counts[name] = n
	}
	for name, by := range r.Readers {
		next.Readers[name] = by
	}
	next.Counts[framesRead]++
	next.Counts[Same] += found.same
	if found.Refused != "" {
		next.Counts[framesRefused]++
	}
	if found.Refused != "" || len(found.Differences) > 0 {
		next.Counts[framesDiffer]++
	}
	for _, d := range found.Differences {
		next.Counts[d.State]++
	}
	switch by := next.Readers[found.Adapter]; {
	case found.By == "" || found.silent:
	case by == "":
		next.Readers[found.Adapter] = found.By
	case by != found.By:
		return r, &stale{was: by, by: found.By}
	}
	return next, nil
}
