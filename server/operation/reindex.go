package operation

import (
	"context"
	"strconv"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/indexing"
)

// reindex is $reindex: it makes resources findable by search parameters that are
// not R4's, in the background; or it steers the job that does so.
var reindex = Operation{
	Definition: "urn:vitalwire:operation:reindex", Server: true, Changes: true,
	Run: func(ctx context.Context, s *Set, c Call) (Result, error) {
		action := "start"
		if given := c.texts("action"); len(given) > 0 {
			action = given[0]
		}
		to, steers := map[string]indexing.JobState{"pause": indexing.Paused, "resume": indexing.Running, "cancel": indexing.Cancelled}[action]
		switch {
		case steers && c.ID != "":
			return Result{}, fhir.Malformed("", "the job is of the system: it is steered by [base]/$reindex")
		case steers:
			job, err := s.Indexing.Steer(ctx, to)
			return answer(shownJob(job), err)
		case action != "start":
			return Result{}, fhir.Malformed("", "action must be start, pause, resume or cancel, not %.32q", action).WithCode(fhir.CodeValue)
		}
		source := ""
		if c.ID != "" {
			if _, err := s.stored(ctx, c.key()); err != nil {
				return Result{}, err
			}
			source = c.key().String()
		}
		job, err := s.Indexing.Start(ctx, source)
		return answer(shownJob(job), err)
	},
}

// reindexStatus is $reindex-status: how the job stands.
var reindexStatus = Operation{
	Definition: "urn:vitalwire:operation:reindex-status", Server: true,
	Run: func(ctx context.Context, s *Set, _ Call) (Result, error) {
		job, ok, err := s.Indexing.Status(ctx)
		if !ok {
			job.State = "none"
		}
		return answer(shownJob(job), err)
	},
}

// shownJob is a job as Parameters.
func shownJob(j indexing.Job) *fhir.Resource {
	list := fhir.NewArray()
	add := func(name, typ string, value *fhir.Element) {
		list.Append(fhir.NewObject(fhir.S("name", name), fhir.M("value"+typ, value)))
	}
	number := func(n int64) *fhir.Element { return fhir.NewNumber(strconv.FormatInt(n, 10)) }
	moment := func(name string, t time.Time) {
		if !t.IsZero() {
			add(name, "Instant", fhir.NewString(fhir.FormatInstant(t)))
		}
	}
	if j.ID != "" {
		add("job", "Id", fhir.NewString(j.ID))
	}
	add("state", "Code", fhir.NewString(string(j.State)))
	add("done", "Integer", number(j.Resources))
	add("total", "Integer", number(j.Total))
	add("percent", "Integer", number(j.Percent()))
	moment("started", j.Started)
	moment("ended", j.Ended)
	for _, canonical := range j.Parameters {
		add("parameter", "Canonical", fhir.NewString(canonical))
	}
	if j.Trouble != "" {
		add("error", "String", fhir.NewString(j.Trouble))
	}
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", list)
	return r
}
