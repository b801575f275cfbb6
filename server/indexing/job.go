package indexing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// JobState is how a job stands.
type JobState string

// The states of a job.
const (
	Running   JobState = "running"
	Paused    JobState = "paused"
	Done      JobState = "done"
	Cancelled JobState = "cancelled"
)

// Job makes resources findable by parameters that are waiting, and clears away
// the index of former ones. Its place is kept in the store, so it goes on after
// a restart.
type Job struct {
	ID         string    `json:"id"`
	State      JobState  `json:"state"`
	Make, Drop []string  // by search.Index
	Types      []string  `json:"types"` // resource types looked at; none for all
	After      int64     `json:"after"` // the position it goes on behind
	Resources  int64     `json:"resources"`
	Total      int64     `json:"total"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
	// Trouble is why the last step failed; it is tried again.
	Trouble string `json:"trouble,omitempty"`
	// Parameters are the canonicals of the definitions that are made findable.
	Parameters []string `json:"parameters"`
}

// open reports whether the job has not ended.
func (j *Job) open() bool { return j.State == Running || j.State == Paused }

// Percent is how far the job is.
func (j *Job) Percent() int64 {
	switch {
	case j.State == Done:
		return 100
	case j.Total == 0:
		return 0
	}
	return min(99, 100*j.Resources/j.Total)
}

// perStep is how many versions a step looks at: few, so that writers hardly wait.
const perStep = 200

// Start begins a job for all parameters that wait or are former, or for those of
// one stored SearchParameter. Errors: Conflict when one is running, on whichever
// server, Unprocessable when that SearchParameter is no custom parameter.
func (x *Service) Start(ctx context.Context, source string) (Job, error) {
	var job *Job
	err := x.update(ctx, func(tx store.Tx, b books) error {
		running, err := jobOf(tx)
		if err != nil {
			return err
		}
		if running != nil && running.open() {
			return fhir.Conflict("$reindex %s is %s already (%d %%)", running.ID, running.State, running.Percent())
		}
		if job, err = newJob(b, source); err != nil {
			return err
		}
		if job.open() {
			if err := job.count(tx); err != nil {
				return err
			}
		}
		return put(tx, jobs, current, job)
	})
	if err != nil {
		return Job{}, err
	}
	if job.open() {
		x.begin(job.ID)
	}
	x.saw(job)
	return *job, nil
}

// newJob is the job for what waits or is former.
func newJob(b books, source string) (*Job, error) {
	job := &Job{ID: rand.Text()[:12], State: Running, Started: time.Now().UTC().Truncate(time.Second)}
	found, every := false, false
	for index, p := range b.known {
		if source != "" && p.Source != source {
			continue
		}
		found = true
		switch p.State {
		case waiting:
			job.Make = append(job.Make, index)
			job.Parameters = append(job.Parameters, p.definition.URL)
		case former:
			job.Drop = append(job.Drop, index)
		case served:
			continue
		}
		for _, base := range p.definition.Bases {
			if !fhir.IsResourceType(base) {
				every = true
			} else if !slices.Contains(job.Types, base) {
				job.Types = append(job.Types, base)
			}
		}
	}
	if source != "" && !found {
		return nil, fhir.Unprocessable("", "%s defines no search parameter of its own: nothing is to be indexed by it", source)
	}
	if every {
		job.Types = nil
	}
	if len(job.Make)+len(job.Drop) == 0 {
		job.State, job.Ended = Done, job.Started
	}
	slices.Sort(job.Parameters)
	return job, nil
}

// count sets the total.
func (j *Job) count(r store.Reader) error {
	types := j.Types
	if types == nil {
		types = fhir.ResourceTypes()
	}
	for _, typ := range types {
		found, err := r.Search(&search.Query{Type: typ, Sight: search.Everything, Total: true})
		if err != nil {
			return err
		}
		j.Total += found.Total
	}
	return nil
}

// jobOf is the job that is running or was the last; nil when there was none.
func jobOf(r store.Reader) (*Job, error) {
	value, ok, err := r.Record(jobs, current)
	if err != nil || !ok {
		return nil, err
	}
	job := &Job{}
	return job, json.Unmarshal(value, job)
}

// saw keeps a job in mind for what is said of it.
func (x *Service) saw(job *Job) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.job = job
}

// Status is the job that is running or was the last, on whichever server; ok is
// false when there was none.
func (x *Service) Status(ctx context.Context) (job Job, ok bool, err error) {
	err = x.store.View(ctx, func(r store.Reader) error {
		found, err := jobOf(r)
		if found != nil {
			job, ok = *found, true
		}
		return err
	})
	return job, ok, err
}

// Steer pauses, resumes or cancels the job. Errors: Conflict when there is none or
// it has ended.
func (x *Service) Steer(ctx context.Context, to JobState) (Job, error) {
	var next *Job
	err := x.store.Update(ctx, func(tx store.Tx) (err error) {
		if next, err = jobOf(tx); err != nil {
			return err
		}
		if next == nil {
			return fhir.Conflict("there is no $reindex")
		}
		if !next.open() {
			return fhir.Conflict("$reindex %s is %s", next.ID, next.State)
		}
		if next.State = to; to == Cancelled {
			next.Ended = time.Now().UTC().Truncate(time.Second)
		}
		return put(tx, jobs, current, next)
	})
	if err != nil {
		return Job{}, err
	}
	x.saw(next)
	if to == Running { // the server that ran it may be gone
		x.begin(next.ID)
	}
	select {
	case x.wake <- struct{}{}:
	default:
	}
	return *next, nil
}

// paused is how often a paused job looks whether another server resumed it.
const paused = time.Second

// begin runs a job in the background, unless this server does already. Should
// another server run it, too, they take turns.
func (x *Service) begin(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.runs == id {
		return
	}
	x.runs = id
	x.work.Go(func() {
		wait := time.Duration(0)
		for {
			select {
			case <-x.life.Done():
				return
			case <-x.wake:
			case <-time.After(wait):
			}
			switch job, err := x.step(id); {
			case err != nil && x.life.Err() == nil:
				wait = min(max(2*wait, time.Second), time.Minute)
				x.log.Error("reindexing met an error and is tried again", "job", id, "error", err)
			case job == nil:
				return
			case job.State == Paused:
				wait = paused
			default:
				wait = x.pace
			}
		}
	})
}

// step does the next part of a job and gives how the job then is; nil when it has ended.
func (x *Service) step(id string) (*Job, error) {
	var job *Job
	var b books
	err := x.store.View(x.life, func(r store.Reader) (err error) {
		if job, err = jobOf(r); err == nil {
			b, err = x.read(r)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case job == nil || job.ID != id || !job.open():
		return nil, nil //nolint:nilnil // nothing is left to do
	case job.State == Paused:
		return job, nil
	}
	out, err := x.store.Reindex(x.life, store.Reindexing{
		Types: job.Types, Make: b.definitions(job.Make), Drop: b.definitions(job.Drop), After: job.After, Limit: perStep,
	})
	if err != nil {
		return job, errors.Join(err, x.trouble(id))
	}
	from := job.After
	err = x.update(x.life, func(tx store.Tx, b books) error {
		// It may have been paused or cancelled meanwhile, or another server is ahead.
		if job, err = jobOf(tx); err != nil || job == nil || job.ID != id || !job.open() || job.After != from {
			return err
		}
		job.After, job.Resources, job.Trouble = out.Last, job.Resources+out.Resources, ""
		if out.Done && job.State == Running {
			if err := x.finish(tx, b, job); err != nil {
				return err
			}
		}
		return put(tx, jobs, current, job)
	})
	if err != nil {
		return nil, err
	}
	x.saw(job)
	if job != nil && job.State == Done {
		x.log.Info("reindexed", "job", job.ID, "resources", job.Resources, "parameters", job.Parameters)
	}
	return job, nil
}

// trouble says in the job that a step failed.
func (x *Service) trouble(id string) error {
	return x.store.Update(x.life, func(tx store.Tx) error {
		job, err := jobOf(tx)
		if err != nil || job == nil || job.ID != id || job.Trouble != "" {
			return err
		}
		job.Trouble = "a step failed and is tried again"
		return put(tx, jobs, current, job)
	})
}

func (b books) definitions(indexes []string) []*definition.SearchParameter {
	var list []*definition.SearchParameter
	for _, index := range indexes {
		if p := b.known[index]; p != nil {
			list = append(list, p.definition)
		}
	}
	return list
}

// finish serves what was made and forgets what was dropped.
func (x *Service) finish(tx store.Tx, b books, job *Job) error {
	job.State, job.Ended = Done, time.Now().UTC().Truncate(time.Second)
	for _, index := range job.Make {
		if p := b.known[index]; p != nil && p.State == waiting {
			ready := *p
			ready.State, ready.Rules = served, x.search.Rules()
			if err := put(tx, parameters, index, ready); err != nil {
				return err
			}
		}
	}
	for _, index := range job.Drop {
		if p := b.known[index]; p != nil && p.State == former {
			if err := tx.PutRecord(store.RecordWrite{Collection: parameters, Key: index}); err != nil {
				return err
			}
		}
	}
	return nil
}
