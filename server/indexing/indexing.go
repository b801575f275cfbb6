// Package indexing keeps the search parameters that are not R4's: those that
// clients store as SearchParameter resources, and those of packages. It makes
// resources findable by them while the server serves.
package indexing

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Service is the custom search parameters of a server and the job that indexes by
// them. Make it with Open.
type Service struct {
	store  store.Store
	search *search.Registry
	log    *slog.Logger
	life   context.Context // of what runs in the background
	work   sync.WaitGroup

	mu    sync.Mutex // also the order of changes in the store
	known map[string]*parameter
	job   *Job
	again bool // packages brought more while a job ran

	wake chan struct{} // tells the job that its state changed
	pace time.Duration // between two steps
}

// parameter is one custom parameter as the store keeps it.
type parameter struct {
	// Source is what brought it: Type/id of the stored resource, or the canonical
	// of a package's definition.
	Source string          `json:"source"`
	State  state           `json:"state"`
	Rules  int64           `json:"rules"` // of the index that has it
	Body   json.RawMessage `json:"definition"`

	definition *definition.SearchParameter
}

type state string

// The states of a parameter.
const (
	waiting state = "waiting" // written resources are indexed by it, earlier ones not yet
	served  state = "served"
	former  state = "former" // its index is still to be cleared away
)

// The collections of records: parameters by search.Index, and the job.
const (
	parameters = "search-parameter"
	jobs       = "reindex"
	current    = "current"
)

// maxCustom bounds the custom parameters: every write pays for each.
const maxCustom = 300

// Open reads what is known and goes on with a job that was interrupted. What runs
// in the background ends with life; Wait waits for that.
func Open(ctx, life context.Context, s store.Store, g *search.Registry, log *slog.Logger) (*Service, error) {
	x := &Service{store: s, search: g, log: log, life: life, known: map[string]*parameter{}, wake: make(chan struct{}, 1)}
	if err := s.View(ctx, x.read); err != nil {
		return nil, err
	}
	stale := false
	for _, p := range x.known {
		if p.State == served && p.Rules != g.Rules() { // the store made its index anew, without these
			p.State, stale = waiting, true
		}
	}
	x.register()
	if err := x.reconcile(ctx); err != nil {
		return nil, err
	}
	switch {
	case x.job != nil && (x.job.State == Running || x.job.State == Paused):
		x.begin()
	case stale:
		if _, err := x.Start(ctx, ""); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Wait returns when nothing runs in the background any more.
func (x *Service) Wait() { x.work.Wait() }

func (x *Service) read(r store.Reader) error {
	for after := ""; ; {
		list, err := r.Records(parameters, "", after, maxCustom)
		if err != nil {
			return err
		}
		for _, record := range list {
			after = record.Key
			p := &parameter{}
			if err := json.Unmarshal(record.Value, p); err != nil {
				return fmt.Errorf("indexing: record %s: %w", record.Key, err)
			}
			if p.definition, err = definitionOf(p.Body); err != nil {
				return fmt.Errorf("indexing: record %s: %w", record.Key, err)
			}
			x.known[record.Key] = p
		}
		if len(list) < maxCustom {
			break
		}
	}
	value, ok, err := r.Record(jobs, current)
	if err != nil || !ok {
		return err
	}
	x.job = &Job{}
	return json.Unmarshal(value, x.job)
}

func definitionOf(body []byte) (*definition.SearchParameter, error) {
	r, err := fhir.ParseResource(body)
	if err != nil {
		return nil, err
	}
	return definition.SearchParameterFrom(r)
}

// register tells the registry what there is now. mu is held, or nobody else is
// there yet.
func (x *Service) register() {
	var list []search.Custom
	for _, index := range slices.Sorted(maps.Keys(x.known)) {
		switch p := x.known[index]; p.State {
		case served:
			list = append(list, search.Custom{Definition: p.definition})
		case waiting:
			list = append(list, search.Custom{Definition: p.definition, Waiting: func() string { return x.whyWaiting(index) }})
		case former:
		}
	}
	x.search.SetCustom(list)
}

func (x *Service) whyWaiting(index string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if j := x.job; j != nil && (j.State == Running || j.State == Paused) && slices.Contains(j.Make, index) {
		return fmt.Sprintf("it is not yet indexed (%d %%, $reindex is %s)", j.Percent(), j.State)
	}
	return "it is not yet indexed; $reindex does that"
}

// Check says what is wrong with a SearchParameter that is to be stored: a fhir
// Unprocessable error. One that is neither draft nor active is not looked at.
func (x *Service) Check(r *fhir.Resource) error {
	if !effective(r) {
		return nil
	}
	d, err := definition.SearchParameterFrom(r)
	if err != nil {
		return fhir.Unprocessable("SearchParameter", "%s", err)
	}
	if known, err := x.search.Check(d); known || err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.known) >= maxCustom && x.known[search.Index(d)] == nil {
		return fhir.Unprocessable("SearchParameter", "the server has %d search parameters of its own already, which is the most it takes", maxCustom)
	}
	source := r.Key().String()
	for _, p := range x.known {
		if p.State != former && p.Source != source && p.definition.Code == d.Code && p.definition.URL != d.URL && overlap(p.definition.Bases, d.Bases) {
			return fhir.Unprocessable("SearchParameter.code", "%s has defined a search parameter %s on one of these types", p.Source, d.Code)
		}
	}
	return nil
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// effective reports whether a SearchParameter is meant to be used.
func effective(r *fhir.Resource) bool {
	status := r.Get("status").Text()
	return status == "draft" || status == "active"
}

// Wrote is told of every resource that was written.
func (x *Service) Wrote(key fhir.Key) {
	if key.Type != "SearchParameter" {
		return
	}
	if err := x.takeOver(x.life, key); err != nil {
		x.log.Error("search parameters cannot be taken over", "error", err)
	}
}

// takeOver takes over what is stored under a key.
func (x *Service) takeOver(ctx context.Context, key fhir.Key) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	wanted := map[string]*parameter{}
	err := x.store.View(ctx, func(r store.Reader) error {
		v, err := r.Read(key)
		if err == nil && !v.Deleted {
			x.want(wanted, v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return x.change(ctx, wanted, func(p *parameter) bool { return p.Source == key.String() })
}

// reconcile takes over all that is stored: a server may have ended between a write
// and what follows of it.
func (x *Service) reconcile(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	wanted := map[string]*parameter{}
	err := x.store.View(ctx, func(r store.Reader) error {
		query := &search.Query{Type: "SearchParameter", Count: maxCustom}
		for {
			page, err := r.Search(query)
			if err != nil {
				return err
			}
			for _, v := range page.Matches {
				x.want(wanted, v)
			}
			if query.After = page.Next; page.Next == nil {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	return x.change(ctx, wanted, func(p *parameter) bool { return isStored(p.Source) })
}

func isStored(source string) bool {
	_, ok := fhir.ParseKey(source)
	return ok
}

// want puts a stored SearchParameter among those wanted, if it is to be used.
func (x *Service) want(wanted map[string]*parameter, v store.Version) {
	r, err := fhir.ParseResource(v.Body)
	if err != nil || !effective(r) {
		return
	}
	d, err := definition.SearchParameterFrom(r)
	if err != nil {
		return
	}
	if known, err := x.search.Check(d); known || err != nil {
		return
	}
	wanted[search.Index(d)] = &parameter{Source: v.Key.String(), State: waiting, Body: v.Body, definition: d}
}

// change makes the parameters those wanted; those of own that are not among them
// become former ones. mu is held.
func (x *Service) change(ctx context.Context, wanted map[string]*parameter, own func(*parameter) bool) error {
	changed := map[string]*parameter{}
	for index, p := range wanted {
		if have := x.known[index]; have == nil || have.State == former {
			changed[index] = p
		}
	}
	for index, p := range x.known {
		if wanted[index] == nil && own(p) && p.State != former {
			gone := *p
			gone.State = former
			changed[index] = &gone
		}
	}
	if len(changed) == 0 {
		return nil
	}
	err := x.store.Update(ctx, func(tx store.Tx) error {
		for index, p := range changed {
			if err := put(tx, parameters, index, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	maps.Copy(x.known, changed)
	x.register()
	return nil
}

func put(tx store.Tx, collection, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutRecord(store.RecordWrite{Collection: collection, Key: key, Value: value})
}
