package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Log is the audit log of a server. A nil Log keeps nothing.
type Log struct {
	source Source
	store  store.Store // the one without this log around it
	queue  *spool
	log    *slog.Logger
	goOn   bool // what cannot be audited is done nevertheless

	decisions *deciding
	inForce   InForce // nil when no Consents bind
	refusals  refusals

	wake    chan struct{}
	storing sync.Mutex // held by who stores what waits
	written atomic.Int64
	failed  atomic.Int64
	anchor  string // file name
	ended   chan struct{}
}

// Options of a Log.
type Options struct {
	// Base is the FHIR base, by which the events name this server.
	Base string
	// Dir is where the queue lies, in a folder for each database. Servers may share it.
	Dir string
	// Bound is the most bytes that wait in the queue.
	Bound int64
	// GoOn does what cannot be audited nevertheless, and counts it.
	GoOn bool
	// Decisions is which of those by Consents are kept; "" is EachToken. InForce looks
	// up the Consents; nil when none bind.
	Decisions Decisions
	InForce   InForce
	Log       *slog.Logger
}

// Open opens the log on a store and begins the chain, if there is none. What waited when
// a server ended is stored first. The log runs until life ends; Wait waits for that.
func Open(ctx, life context.Context, s store.Store, o Options) (*Log, error) {
	chain, err := beginChain(ctx, s)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Dir, chain.ID)
	queue, err := openSpool(dir, o.Bound)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l := &Log{source: Source{o.Base}, store: s, queue: queue, log: o.Log, goOn: o.GoOn, wake: make(chan struct{}, 1),
		decisions: newDeciding(cmp.Or(o.Decisions, EachToken)), inForce: o.InForce, anchor: filepath.Join(dir, anchorFile), ended: make(chan struct{})}
	go l.run(life)
	return l, nil
}

// beginChain makes the head of the chain, if there is none. From then on it grows with
// every version of an AuditEvent.
func beginChain(ctx context.Context, s store.Store) (head store.Chain, err error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return head, err
	}
	err = s.Update(ctx, func(tx store.Tx) error {
		var ok bool
		if head, ok, err = readHead(tx); err != nil || ok {
			return err
		}
		at, err := tx.Position()
		if err != nil {
			return err
		}
		before, err := tx.CountVersions(store.Selection{Type: store.Audited, Below: at + 1}, 1<<40)
		if err != nil {
			return err
		}
		head = store.NewChain(id.String(), at, before)
		return tx.PutRecord(store.RecordWrite{Collection: store.ChainHead, Key: store.HeadKey, Value: head.Record(), IfAbsent: true})
	})
	return head, err
}

// refusal is what a caller is told when nothing can be audited.
func refusal(cause error) error {
	return fhir.Unavailable("what is done here is audited, and that is not possible at present; try again later").WithCause(cause)
}

// Note keeps an event durably before it returns. The error, fhir.Unavailable, says that
// what was done must not be answered.
func (l *Log) Note(ctx context.Context, e *Event) error {
	if l == nil {
		return nil
	}
	line, err := e.line()
	if err == nil {
		err = l.queue.append(line)
	}
	if err != nil {
		l.failed.Add(1)
		l.log.ErrorContext(ctx, "an event was not audited", "kind", e.Kind, "error", err)
		if l.goOn {
			return nil
		}
		return refusal(err)
	}
	l.awake()
	return nil
}

// Hint keeps an event of somebody who proved nothing yet, as long as there is room for
// those of others.
func (l *Log) Hint(ctx context.Context, e *Event) {
	if l == nil {
		return
	}
	if _, waiting := l.queue.length(); waiting > l.queue.bound/2 {
		l.failed.Add(1)
		return
	}
	if line, err := e.line(); err != nil || l.queue.append(line) != nil {
		l.failed.Add(1)
		return
	}
	l.awake()
}

func (l *Log) awake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// How often what waits is stored when there is something, how many events at once, and
// how long after a failure it is tried again.
const (
	pace     = 100 * time.Millisecond
	together = 256
	patience = 2 * time.Second
)

// run stores what waits.
func (l *Log) run(life context.Context) {
	defer close(l.ended)
	anchored := time.NewTicker(5 * time.Second)
	defer anchored.Stop()
	var pause time.Duration
	l.awake()
	for {
		select {
		case <-life.Done():
			return
		case <-anchored.C:
			l.summarize(life, false)
			if err := errors.Join(l.queue.adopt(), l.keepAnchor(life)); err != nil && life.Err() == nil {
				l.log.Warn("the end of the audit chain was not noted", "error", err)
			}
			l.awake() // what was taken over
			continue
		case <-l.wake:
		}
		if err := l.drain(life); err != nil && life.Err() == nil {
			l.log.Warn("audited events wait, as they cannot be stored", "error", err)
			err = l.queue.sync()
			if err != nil {
				l.log.Error("the audit queue", "error", err)
			}
			l.awake()
			pause = patience
		} else {
			pause = pace
		}
		select {
		case <-life.Done():
			return
		case <-time.After(pause):
		}
	}
}

// Flush stores what waits, as far as that is possible: who searches AuditEvents finds
// what was done before.
func (l *Log) Flush(ctx context.Context) {
	if l == nil {
		return
	}
	if err := l.drain(ctx); err != nil && ctx.Err() == nil {
		l.log.WarnContext(ctx, "audited events wait, as they cannot be stored", "error", err)
		l.awake()
	}
}

func (l *Log) drain(ctx context.Context) error {
	l.storing.Lock()
	defer l.storing.Unlock()
	for {
		lines, of, err := l.queue.batch(together)
		if err != nil || len(lines) == 0 {
			return err
		}
		if err := l.keep(ctx, lines); err != nil {
			return err
		}
		if err := l.queue.stored(of, lines); err != nil {
			return err
		}
	}
}

// keep stores the events of lines. One that is stored already, by a server that ended
// before it took it off the queue, is known by its id.
func (l *Log) keep(ctx context.Context, lines [][]byte) error {
	events := make([]*Event, 0, len(lines))
	of := make([][]byte, 0, len(lines))
	for _, line := range lines {
		var e Event
		if err := json.Unmarshal(line, &e); err != nil || !fhir.ValidID(e.ID) {
			if err := l.setAside(line, fmt.Errorf("it cannot be read: %w", err)); err != nil {
				return err
			}
			continue
		}
		events, of = append(events, &e), append(of, line)
	}
	if err := l.resolve(ctx, events); err != nil {
		switch fhir.SituationOf(err) {
		case fhir.SituationUnavailable, fhir.SituationThrottled, fhir.SituationTimeout:
			return err
		}
		l.log.Error("decisions are audited without the Consents that made them", "error", err)
	}
	units := make([]store.Unit, len(events))
	for i, e := range events {
		units[i].Writes = l.source.Writes(e)
	}
	var failed error
	for i, outcome := range l.store.Apply(ctx, units...) {
		switch err := outcome.Err; fhir.SituationOf(err) {
		case fhir.SituationConflict:
		case fhir.SituationUnavailable, fhir.SituationThrottled, fhir.SituationTimeout:
			failed = errors.Join(failed, err)
		default:
			if err != nil {
				failed = errors.Join(failed, l.setAside(of[i], err))
				continue
			}
			l.written.Add(int64(len(units[i].Writes)))
		}
	}
	return failed
}

// refusedFile has the events that no store would take: they wait for a person.
const refusedFile = "refused.events"

func (l *Log) setAside(line []byte, cause error) error {
	l.failed.Add(1)
	l.log.Error("an audited event cannot be stored; it is kept aside", "file", refusedFile, "error", cause)
	f, err := os.OpenFile(filepath.Join(l.queue.dir, refusedFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Sync(), f.Close())
}

// Wait waits until the log has ended, stores what it can within ctx and lets go of the
// queue.
func (l *Log) Wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	<-l.ended
	l.summarize(ctx, true)
	l.Flush(ctx)
	return errors.Join(l.keepAnchor(ctx), l.queue.close())
}

// Counts are how many events wait, were stored and were not kept.
func (l *Log) Counts() (waiting, written, failed int64) {
	if l == nil {
		return 0, 0, 0
	}
	waiting, _ = l.queue.length()
	return waiting, l.written.Load(), l.failed.Load()
}
