package job

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// work performs one job after the other.
func (r *Runner) work() {
	for {
		r.mu.Lock()
		for len(r.queue) == 0 && !r.stopping() {
			r.more.Wait()
		}
		if r.stopping() {
			r.mu.Unlock()
			return
		}
		id := r.queue[0]
		r.queue = r.queue[1:]
		ctx, cancel := context.WithTimeout(context.Background(), r.limits.Time)
		mine := &atWork{cancel: cancel}
		r.running[id] = mine
		r.mu.Unlock()

		if err := r.one(ctx, id, mine); err != nil && fhir.SituationOf(err) != fhir.SituationNotFound {
			r.log.Error("job failed", "job", id, "error", err)
		}
		cancel()
		r.mu.Lock()
		delete(r.running, id)
		r.mu.Unlock()
	}
}

// one performs a job and keeps its answer.
func (r *Runner) one(ctx context.Context, id string, mine *atWork) error {
	j, old, err := r.read(ctx, id)
	if err != nil {
		return err // cancelled
	}
	if j.Owner != r.owner || j.State != Queued {
		return nil
	}
	j.State, j.Began = Running, time.Now().UTC()
	if old, err = r.swap(ctx, j, old); err != nil {
		return err
	}
	j.Request.Body, err = r.body(ctx, id)
	if err != nil {
		return err
	}
	to := &spool{ctx: ctx, store: r.store, id: id, limit: r.limits.Answer, header: http.Header{}, part: make([]byte, 0, 4096),
		wrote: func(size int64) { r.mu.Lock(); mine.written = size; r.mu.Unlock() }}
	if err := r.perform(ctx, j.Request, bytes.NewReader(j.Request.Body), to); err != nil && to.err == nil {
		to.err = err
	}
	to.flush()
	if r.stopping() && errors.Is(ctx.Err(), context.Canceled) {
		return nil // the next server decides what becomes of it
	}

	// The answer is kept even when the time for the job is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	j.State, j.Ended = Done, time.Now().UTC()
	j.Expires = j.Ended.Add(r.limits.Keep)
	j.Status, j.AnswerHeader, j.Size = max(to.status, http.StatusOK), to.header, to.size
	if to.err != nil {
		if err := forget(ctx, r.store, answers, id); err != nil {
			return err
		}
		outcome := fhir.Outcome(issuesOf(to.err)).JSON()
		if err := r.store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: answers, Key: key(id, 0), Value: outcome}}})[0].Err; err != nil {
			return err
		}
		j.Status, j.Size = http.StatusInternalServerError, int64(len(outcome))
		if fhir.SituationOf(to.err) == fhir.SituationTooCostly {
			j.Status = http.StatusBadRequest
		}
		j.AnswerHeader = map[string][]string{"Content-Type": {"application/fhir+json; charset=utf-8"}}
	}
	if _, err := r.swap(ctx, j, old); err != nil {
		return errors.Join(err, forget(ctx, r.store, answers, id)) // it was cancelled meanwhile
	}
	return forget(ctx, r.store, requests, id)
}

func issuesOf(err error) []fhir.Issue {
	if known := (*fhir.Error)(nil); errors.As(err, &known) {
		return known.Issues
	}
	return []fhir.Issue{{Severity: fhir.Fatal, Code: fhir.CodeException, Text: "the answer could not be kept"}}
}

// swap replaces a job's record if nobody else did.
func (r *Runner) swap(ctx context.Context, j *Job, old []byte) ([]byte, error) {
	write := j.record()
	write.IfValue = old
	return write.Value, r.store.Apply(ctx, store.Unit{Records: []store.RecordWrite{write}})[0].Err
}

// watch says that this server is alive, takes up what dead ones left and forgets
// what is old, until the runner stops.
func (r *Runner) watch() {
	ticker := time.NewTicker(r.pulse)
	defer ticker.Stop()
	for {
		select {
		case <-r.stop:
			return
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if err := errors.Join(r.beat(ctx), r.sweep(ctx)); err != nil {
			r.log.Warn("jobs: sweep", "error", err)
		}
		cancel()
	}
}

// beat says that this server is alive.
func (r *Runner) beat(ctx context.Context) error {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return r.store.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: owners, Key: r.owner, Value: []byte(now)}}})[0].Err
}

// sweep goes over all jobs.
func (r *Runner) sweep(ctx context.Context) error {
	alive, err := r.alive(ctx)
	if err != nil {
		return err
	}
	for after := ""; ; {
		var page []store.Record
		if err := r.store.View(ctx, func(s store.Reader) (err error) {
			page, err = s.Records(jobs, "", after, 100)
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, record := range page {
			after = record.Key
			j, err := parse(record.Value)
			if err != nil || time.Now().After(j.Expires) {
				if err := r.forget(ctx, record.Key); err != nil {
					return err
				}
				continue
			}
			if (j.State == Queued || j.State == Running) && !slices.Contains(alive, j.Owner) {
				if err := r.adopt(ctx, j, record.Value); err != nil {
					return err
				}
			}
		}
	}
}

// adopt takes up the job of a dead server.
func (r *Runner) adopt(ctx context.Context, j *Job, old []byte) error {
	again := j.State == Queued || j.Reads()
	j.Owner = r.owner
	if again {
		j.State, j.Began = Queued, time.Time{}
		if err := forget(ctx, r.store, answers, j.ID); err != nil {
			return err
		}
	} else {
		j.State, j.Ended = Lost, time.Now().UTC()
		j.Expires = j.Ended.Add(r.limits.Keep)
	}
	_, err := r.swap(ctx, j, old)
	if fhir.SituationOf(err) == fhir.SituationConflict && err != nil {
		return nil //nolint:nilerr // another server was quicker
	}
	if err == nil && again {
		r.enqueue(j.ID)
	}
	return err
}

// alive lists the servers that lately said so, and forgets the others.
func (r *Runner) alive(ctx context.Context) ([]string, error) {
	found := map[string]bool{r.owner: true}
	var dead store.Unit
	err := r.store.View(ctx, func(s store.Reader) error {
		records, err := s.Records(owners, "", "", 1000)
		for _, record := range records {
			last, parseErr := time.Parse(time.RFC3339Nano, string(record.Value))
			switch age := time.Since(last); {
			case parseErr == nil && age < 3*r.pulse:
				found[record.Key] = true
			case parseErr != nil || age > time.Hour:
				dead.Records = append(dead.Records, store.RecordWrite{Collection: owners, Key: record.Key})
			}
		}
		return err
	})
	if err == nil && len(dead.Records) > 0 {
		err = r.store.Apply(ctx, dead)[0].Err
	}
	return slices.Collect(maps.Keys(found)), err
}
