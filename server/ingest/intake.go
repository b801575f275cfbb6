package ingest

import (
	"context"
	"slices"
	"sync"

	"vitalwire/fhir"
)

// Intake bounds the frames that are being taken, so that a flood from one source
// neither fills the memory nor holds up others: so many are at work, of one source
// fewer, the others wait in line, of each source its own, and sources take turns.
// Its fields are set once, before use; zeros mean the defaults.
type Intake struct {
	// Working is how many frames are at work in all, 64 by default, and
	// WorkingPerSource of one source, 16.
	Working, WorkingPerSource int
	// Waiting is how many frames wait in all, 8192 by default, and WaitingPerSource
	// of one source, 512. Further ones are refused (fhir.Throttled).
	Waiting, WaitingPerSource int
	// WaitingBytes bounds what waits in all, 128 MiB by default, of one source a
	// quarter of it.
	WaitingBytes int

	once  sync.Once
	mu    sync.Mutex
	lines map[string]*line
	turns []*line // those with a waiter that may work, in the order of their turn
	total load
	// throttled counts refusals.
	throttled int64
}

// load is what is at work and what waits.
type load struct{ working, waiting, bytes int }

// line is one source.
type line struct {
	source string
	load
	queue  []*waiter
	inTurn bool
}

type waiter struct {
	bytes int
	begin chan struct{} // closed when its turn has come
}

func (i *Intake) prepare() {
	i.once.Do(func() {
		for _, field := range []struct {
			at *int
			to int
		}{{&i.Working, 64}, {&i.WorkingPerSource, 16}, {&i.Waiting, 8192}, {&i.WaitingPerSource, 512}, {&i.WaitingBytes, 128 << 20}} {
			if *field.at == 0 {
				*field.at = field.to
			}
		}
		i.lines = map[string]*line{}
	})
}

// enter waits for a source's turn with a frame. leave ends it.
// Errors: Throttled when too much of the source, or in all, waits already; that of ctx.
func (i *Intake) enter(ctx context.Context, source string, bytes int) (leave func(), err error) {
	i.prepare()
	i.mu.Lock()
	l := i.lines[source]
	if l == nil {
		l = &line{source: source}
		i.lines[source] = l
	}
	if l.working < i.WorkingPerSource && i.total.working < i.Working && l.waiting == 0 {
		i.work(l)
		i.mu.Unlock()
		return func() { i.leave(l) }, nil
	}
	switch {
	case l.waiting >= i.WaitingPerSource, l.waiting > 0 && l.bytes+bytes > i.WaitingBytes/4:
		i.throttled++
		waiting := l.waiting
		i.mu.Unlock()
		return nil, fhir.Throttled("%d frames of this source wait already; nothing of this one is kept, send it again later", waiting)
	case i.total.waiting >= i.Waiting, i.total.bytes > 0 && i.total.bytes+bytes > i.WaitingBytes:
		i.throttled++
		i.forget(l)
		i.mu.Unlock()
		return nil, fhir.Throttled("too many frames wait already; nothing of this one is kept, send it again later")
	}
	w := &waiter{bytes: bytes, begin: make(chan struct{})}
	l.queue = append(l.queue, w)
	i.wait(l, w, 1)
	i.offer(l)
	i.dispatch()
	i.mu.Unlock()
	select {
	case <-w.begin:
		return func() { i.leave(l) }, nil
	case <-ctx.Done():
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-w.begin: // at the same moment
		i.ended(l)
	default:
		l.queue = slices.DeleteFunc(l.queue, func(other *waiter) bool { return other == w })
		i.wait(l, w, -1)
		i.forget(l)
	}
	return nil, fhir.Timeout("the frame waited for its turn until its request ended; nothing of it is kept, send it again").WithCause(ctx.Err())
}

func (i *Intake) wait(l *line, w *waiter, by int) {
	l.waiting += by
	i.total.waiting += by
	l.bytes += by * w.bytes
	i.total.bytes += by * w.bytes
}

func (i *Intake) work(l *line) {
	l.working++
	i.total.working++
}

func (i *Intake) leave(l *line) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ended(l)
}

func (i *Intake) ended(l *line) {
	l.working--
	i.total.working--
	i.offer(l)
	i.dispatch()
	i.forget(l)
}

// offer puts a source among those whose turn it can be.
func (i *Intake) offer(l *line) {
	if !l.inTurn && l.waiting > 0 && l.working < i.WorkingPerSource {
		l.inTurn = true
		i.turns = append(i.turns, l)
	}
}

// dispatch begins what may begin, a frame of each source in turn.
func (i *Intake) dispatch() {
	for i.total.working < i.Working && len(i.turns) > 0 {
		l := i.turns[0]
		i.turns = i.turns[1:]
		l.inTurn = false
		if len(l.queue) > 0 { // or its waiters have given up
			w := l.queue[0]
			l.queue = l.queue[1:]
			i.wait(l, w, -1)
			i.work(l)
			close(w.begin)
		}
		i.offer(l)
	}
}

// forget drops a source of which nothing is here.
func (i *Intake) forget(l *line) {
	if l.working == 0 && l.waiting == 0 && i.lines[l.source] == l {
		l.queue = nil
		delete(i.lines, l.source)
	}
}

// IntakeTotals are what an Intake holds, and how often it refused.
type IntakeTotals struct {
	Working, Waiting, Bytes, Sources int
	Throttled                        int64
}

// Totals at this moment.
func (i *Intake) Totals() IntakeTotals {
	i.prepare()
	i.mu.Lock()
	defer i.mu.Unlock()
	return IntakeTotals{Working: i.total.working, Waiting: i.total.waiting, Bytes: i.total.bytes, Sources: len(i.lines), Throttled: i.throttled}
}
