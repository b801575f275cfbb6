package indexing

import (
	"context"
	"crypto/rand"
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
// one stored SearchParameter. Errors: Conflict when one is running, Unprocessable
// when that SearchParameter is no custom parameter.
func (x *Service) Start(ctx context.Context, source string) (Job, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.job != nil && (x.job.State == Running || x.job.State == Paused) {
		return Job{}, fhir.Conflict("$reindex %s is %s already (%d %%)", x.job.ID, x.job.State, x.job.Percent())
	}
	job := &Job{ID: rand.Text()[:12], State: Running, Started: time.Now().UTC().Truncate(time.Second)}
	found := false
	every := false
	for index, p := range x.known {
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
		return Job{}, fhir.Unprocessable("", "%s defines no search parameter of its own: nothing is to be indexed by it", source)
	}
	if every {
		job.Types = nil
	}
	if len(job.Make)+len(job.Drop) == 0 {
		job.State, job.Ended = Done, job.Started
	} else if err := x.count(ctx, job); err != nil {
		return Job{}, err
	}
	slices.Sort(job.Parameters)
	if err := x.keep(ctx, job); err != nil {
		return Job{}, err
	}
	x.job = job
	if job.State == Running {
		x.begin()
	}
	return *job, nil
}

// count sets the total.
func (x *Service) count(ctx context.Context, job *Job) error {
	types := job.Types
	if types == nil {
		types = fhir.ResourceTypes()
	}
	return x.store.View(ctx, func(r store.Reader) error {
		for _, typ := range types {
			found, err := r.Search(&search.Query{Type: typ, Total: true})
			if err != nil {
				return err
			}
			job.Total += found.Total
		}
		return nil
	})
}

// keep writes the job down: after it whatever is committed is by the parameters
// that are registered now, since that takes the writers' lock.
func (x *Service) keep(ctx context.Context, job *Job) error {
	return x.store.Update(ctx, func(tx store.Tx) error { return put(tx, jobs, current, job) })
}

// Status is the job that is running or was the last; ok is false when there was none.
func (x *Service) Status() (job Job, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.job == nil {
		return Job{}, false
	}
	return *x.job, true
}

// Steer pauses, resumes or cancels the job. Errors: Conflict when there is none or
// it has ended.
func (x *Service) Steer(ctx context.Context, to JobState) (Job, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.job == nil {
		return Job{}, fhir.Conflict("there is no $reindex")
	}
	if x.job.State != Running && x.job.State != Paused {
		return Job{}, fhir.Conflict("$reindex %s is %s", x.job.ID, x.job.State)
	}
	next := *x.job
	if next.State = to; to == Cancelled {
		next.Ended = time.Now().UTC().Truncate(time.Second)
	}
	if err := x.keep(ctx, &next); err != nil {
		return Job{}, err
	}
	x.job = &next
	select {
	case x.wake <- struct{}{}:
	default:
	}
	return next, nil
}

// begin runs the job in the background. mu is held, or nobody else is there yet.
func (x *Service) begin() {
	id := x.job.ID
	x.work.Go(func() {
		wait := time.Duration(0)
		for {
			select {
			case <-x.life.Done():
				return
			case <-x.wake:
			case <-time.After(wait):
			}
			switch more, err := x.step(id); {
			case err != nil && x.life.Err() == nil:
				wait = min(max(2*wait, time.Second), time.Minute)
				x.log.Error("reindexing met an error and is tried again", "job", id, "error", err)
			case !more:
				return
			case x.paused():
				wait = time.Hour
			default:
				wait = x.pace
			}
		}
	})
}

func (x *Service) paused() bool {
	job, _ := x.Status()
	return job.State == Paused
}

// step does the next part of the job; more is false when it has ended.
func (x *Service) step(id string) (more bool, err error) {
	job, _ := x.Status()
	switch {
	case job.ID != id || job.State == Done || job.State == Cancelled:
		return false, nil
	case job.State == Paused:
		return true, nil
	}
	out, err := x.store.Reindex(x.life, store.Reindexing{
		Types: job.Types, Make: x.definitions(job.Make), Drop: x.definitions(job.Drop), After: job.After, Limit: perStep,
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	next := *x.job // it may have been paused or cancelled meanwhile
	if next.ID != id {
		return false, nil
	}
	if err != nil {
		next.Trouble = "a step failed and is tried again"
		x.job = &next
		return true, err
	}
	next.After, next.Resources, next.Trouble = out.Last, next.Resources+out.Resources, ""
	if out.Done && next.State == Running {
		return x.finish(&next)
	}
	if err := x.keep(x.life, &next); err != nil {
		return true, err
	}
	x.job = &next
	return true, nil
}

func (x *Service) definitions(indexes []string) []*definition.SearchParameter {
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []*definition.SearchParameter
	for _, index := range indexes {
		if p := x.known[index]; p != nil {
			list = append(list, p.definition)
		}
	}
	return list
}

// finish serves what was made and forgets what was dropped. mu is held.
func (x *Service) finish(job *Job) (more bool, err error) {
	job.State, job.Ended = Done, time.Now().UTC().Truncate(time.Second)
	made := map[string]*parameter{}
	for _, index := range job.Make {
		if p := x.known[index]; p != nil && p.State == waiting {
			ready := *p
			ready.State, ready.Rules = served, x.search.Rules()
			made[index] = &ready
		}
	}
	var gone []string
	for _, index := range job.Drop {
		if p := x.known[index]; p != nil && p.State == former {
			gone = append(gone, index)
		}
	}
	err = x.store.Update(x.life, func(tx store.Tx) error {
		for index, p := range made {
			if err := put(tx, parameters, index, p); err != nil {
				return err
			}
		}
		for _, index := range gone {
			if err := tx.PutRecord(store.RecordWrite{Collection: parameters, Key: index}); err != nil {
				return err
			}
		}
		return put(tx, jobs, current, job)
	})
	if err != nil {
		return true, err
	}
	for index, p := range made {
		x.known[index] = p
	}
	for _, index := range gone {
		delete(x.known, index)
	}
	x.job = job
	x.register()
	x.log.Info("reindexed", "job", job.ID, "resources", job.Resources, "parameters", job.Parameters)
	if x.again {
		x.again = false
		x.work.Go(func() {
			if _, err := x.Start(x.life, ""); err != nil && x.life.Err() == nil {
				x.log.Error("reindexing for packages cannot begin", "error", err)
			}
		})
	}
	return false, nil
}
