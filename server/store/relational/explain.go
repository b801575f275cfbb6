package relational

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

var _ store.Explainer = (*reader)(nil)

// Search answers a query within the time that a search has (Config.SearchTimeout).
func (r *reader) Search(q *search.Query) (store.Result, error) {
	result, _, err := r.Explain(q)
	return result, err
}

// Explain answers a query and says how.
func (r *reader) Explain(q *search.Query) (store.Result, store.Plan, error) {
	whole, outer := r.ctx, r.trace
	_, span := telemetry.Step(whole, "store search")
	span.Type(q.Type)
	ctx, cancel := context.WithTimeout(whole, r.s.cfg.SearchTimeout)
	defer cancel()
	r.ctx, r.trace = ctx, &trace{}
	result, err := r.search(q)
	r.trace.end(int64(len(result.Matches)))
	plan := store.Plan{Driver: r.trace.driver, Steps: r.trace.steps}
	costly := r.trace.costly()
	r.ctx, r.trace = whole, outer
	if err != nil && whole.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fhir.TooCostly("the search takes more than %v, most of it for %s; narrow that, or leave it out", r.s.cfg.SearchTimeout, costly).WithCause(err)
	}
	span.Count("matches", len(result.Matches))
	span.Count("included", len(result.Included))
	span.End(err)
	return result, plan, err
}

// trace notes what a search does.
type trace struct {
	driver string
	steps  []store.Step
	begun  time.Time
}

// step ends the step before, which had rows, and begins another.
func (r *reader) step(name string, rows int64) {
	if r.trace == nil {
		return
	}
	r.trace.end(rows)
	r.trace.begun = time.Now()
	r.trace.steps = append(r.trace.steps, store.Step{Name: name})
}

func (t *trace) end(rows int64) {
	if n := len(t.steps); n > 0 && t.steps[n-1].Took == 0 {
		t.steps[n-1].Took, t.steps[n-1].Rows = max(time.Since(t.begun), 1), rows
	}
}

// costly is the step that took longest.
func (t *trace) costly() string {
	name, most := "its preparation", time.Duration(0)
	for _, s := range t.steps {
		if s.Took > most {
			name, most = s.Name, s.Took
		}
	}
	return name
}

// clauseNames are the parameters of a filter as a client writes them.
func clauseNames(filter []search.Clause) string {
	var names []string
	for _, c := range filter {
		switch {
		case c.Group != nil:
			names = append(names, "_filter ("+clauseNames(c.Group.Clauses)+")")
		case c.Has != nil:
			names = append(names, "_has:"+c.Has.Type+":"+c.Has.Param.Code)
		case c.Not && c.Param != nil:
			names = append(names, c.Param.Code+":not")
		case c.Missing != nil && c.Param != nil:
			names = append(names, c.Param.Code+":missing")
		case c.Param != nil:
			names = append(names, c.Param.Code)
		}
	}
	return strings.Join(names, ", ")
}

// pageStep names the step that finds the matches of a page.
func pageStep(q *search.Query) string {
	name := "the matches"
	if len(q.Filter) > 0 {
		name += " by " + clauseNames(q.Filter)
	}
	for i, key := range q.Sort {
		way, code := ", ", key.Param.Code
		if i == 0 {
			way = " in the order of "
		}
		if key.Descending {
			code = "-" + code
		}
		name += way + code
	}
	return name
}

// describe says what a driver is and how many rows it has.
func (p *plan) describe(d driver) string {
	rows := fmt.Sprintf("%d rows", d.size)
	switch {
	case d.all:
		return "all of " + p.query.Type + ", in order"
	case d.ids != nil:
		return "_id, " + rows
	case d.uncounted && d.at < 0:
		return "subject, code and date together, in order"
	case d.uncounted:
		return p.names[d.at] + ", in order"
	case d.at >= 0 && d.at < len(p.names):
		return p.names[d.at] + ", " + rows
	}
	return "subject, code and date together, " + rows
}
