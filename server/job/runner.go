package job

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Limits bound what jobs may use; those left 0 are the defaults.
type Limits struct {
	Workers int           // performed at once (2)
	Queue   int           // waiting at this server (64)
	Keep    time.Duration // how long an answer is kept (1 h)
	Time    time.Duration // how long one may take (1 h)
	Answer  int64         // bytes of one answer (1 GiB)
}

func (l Limits) withDefaults() Limits {
	if l.Workers == 0 {
		l.Workers = 2
	}
	if l.Queue == 0 {
		l.Queue = 64
	}
	if l.Keep == 0 {
		l.Keep = time.Hour
	}
	if l.Time == 0 {
		l.Time = time.Hour
	}
	if l.Answer == 0 {
		l.Answer = 1 << 30
	}
	return l
}

// Runner performs jobs. Make it with New, start it with Start.
type Runner struct {
	store   store.Store
	limits  Limits
	log     *slog.Logger
	perform func(ctx context.Context, r Request, body io.Reader, to http.ResponseWriter) error
	owner   string
	pulse   time.Duration

	mu      sync.Mutex
	queue   []string // ids
	more    *sync.Cond
	running map[string]*atWork
	stop    chan struct{} // closed by Stop
	workers sync.WaitGroup
}

type atWork struct {
	cancel  context.CancelFunc
	written int64
}

// pulse is how often a server says that it is alive. One that was silent for
// three pulses is dead.
const pulse = 5 * time.Second

// New makes a runner. perform answers a request to a writer; its error is an
// answer that broke off.
func New(s store.Store, limits Limits, log *slog.Logger, perform func(ctx context.Context, r Request, body io.Reader, to http.ResponseWriter) error) *Runner {
	r := &Runner{store: s, limits: limits.withDefaults(), log: log, perform: perform, owner: rand.Text(), pulse: pulse,
		running: map[string]*atWork{}, stop: make(chan struct{})}
	r.more = sync.NewCond(&r.mu)
	return r
}

// Start takes up what a dead server left, and performs jobs until Stop.
func (r *Runner) Start(ctx context.Context) error {
	if err := r.beat(ctx); err != nil {
		return err
	}
	if err := r.sweep(ctx); err != nil {
		return err
	}
	for range r.limits.Workers {
		r.workers.Go(r.work)
	}
	r.workers.Go(r.watch)
	return nil
}

// Stop ends the runner when what runs is done, or ctx is. What waits is taken up
// by the next server.
func (r *Runner) Stop(ctx context.Context) {
	r.mu.Lock()
	close(r.stop)
	r.more.Broadcast()
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		r.mu.Lock()
		for _, w := range r.running {
			w.cancel()
		}
		r.mu.Unlock()
		<-done
	}
	// Nobody needs to wait until this server is found dead.
	ctx, cancel := context.WithTimeout(context.Background(), r.pulse)
	defer cancel()
	if err := r.store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: owners, Key: r.owner}}})[0].Err; err != nil {
		r.log.Warn("jobs: the server could not sign off", "error", err)
	}
}

func (r *Runner) stopping() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// Waiting is how many jobs wait at this server.
func (r *Runner) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue)
}

// Working is how many jobs are performed at this server.
func (r *Runner) Working() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.running)
}

// Submit accepts a request: when it returns, a restart will not lose it.
// Throttled when too many wait.
func (r *Runner) Submit(ctx context.Context, q Request) (*Job, error) {
	if r.Waiting() >= r.limits.Queue {
		return nil, fhir.Throttled("%d requests wait already to be answered later (--async-queue); try again, or without Prefer: respond-async", r.limits.Queue)
	}
	now := time.Now().UTC()
	j := &Job{ID: strings.ToLower(rand.Text()), State: Queued, Request: q, Created: now, Expires: now.Add(r.limits.Time + r.limits.Keep), Owner: r.owner}
	unit := store.Unit{Records: []store.RecordWrite{j.record()}}
	for part := 0; part*piece < len(q.Body); part++ {
		unit.Records = append(unit.Records, store.RecordWrite{Collection: requests, Key: key(j.ID, part), Value: q.Body[part*piece : min(len(q.Body), (part+1)*piece)]})
	}
	if err := r.store.Apply(ctx, unit)[0].Err; err != nil {
		return nil, err
	}
	r.enqueue(j.ID)
	return j, nil
}

func (r *Runner) enqueue(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, id)
	r.more.Signal()
}

// Find gives a job. fhir.NotFound when there is none, or no longer.
func (r *Runner) Find(ctx context.Context, id string) (*Job, error) {
	j, _, err := r.read(ctx, id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.running[id]; w != nil {
		j.Written = w.written
	}
	for i, waiting := range r.queue {
		if waiting == id {
			j.Waiting = i
		}
	}
	return j, nil
}

func (r *Runner) read(ctx context.Context, id string) (j *Job, value []byte, err error) {
	unknown := fhir.NotFound(fhir.Key{Type: "_async", ID: id})
	ok := false
	err = r.store.View(ctx, func(s store.Reader) (err error) {
		value, ok, err = s.Record(jobs, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, unknown
	}
	if j, err = parse(value); err != nil {
		return nil, nil, err
	}
	if time.Now().After(j.Expires) {
		return nil, nil, unknown
	}
	return j, value, nil
}

// Answer writes the body of a job that is Done.
func (r *Runner) Answer(ctx context.Context, id string, to io.Writer) error {
	return copyOut(ctx, r.store, answers, id, to)
}

// Cancel stops a job and forgets it. fhir.NotFound when there is none.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	if _, _, err := r.read(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	r.queue = slices.DeleteFunc(r.queue, func(waiting string) bool { return waiting == id })
	if w := r.running[id]; w != nil {
		w.cancel()
	}
	r.mu.Unlock()
	return r.forget(ctx, id)
}

// forget removes a job. Its record goes first: whoever performs it sees then
// that nobody wants it.
func (r *Runner) forget(ctx context.Context, id string) error {
	err := r.store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: jobs, Key: id}}})[0].Err
	return errors.Join(err, forget(ctx, r.store, requests, id), forget(ctx, r.store, answers, id))
}

// body reads what was sent with a job.
func (r *Runner) body(ctx context.Context, id string) ([]byte, error) {
	var b bytes.Buffer
	err := copyOut(ctx, r.store, requests, id, &b)
	return b.Bytes(), err
}
