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
// them. What the store's records say counts, for all servers that share it: every
// change is made in a transaction that reads them first. Make it with Open.
type Service struct {
	store  store.Store
	search *search.Registry
	log    *slog.Logger
	life   context.Context // of what runs in the background
	work   sync.WaitGroup

	mu    sync.Mutex // of what follows; nothing is asked of the store under it
	books books      // as they were last seen
	job   *Job       // as it was last seen
	runs  string     // the job that this server runs
	again bool       // packages wait for the job to end
	rules sync.Map   // text of rules that resources are labelled by -> definition

	wake chan struct{} // tells the job that its state changed
	pace time.Duration // between two steps
}

// books are the parameters by search.Index, as the store has them at an epoch.
type books struct {
	epoch int64
	known map[string]*parameter
}

// parameter is one custom parameter as the store keeps it.
type parameter struct {
	// Source is what brought it: Type/id of the stored resource, or the canonical
	// of a package's definition.
	Source string          `json:"source"`
	State  state           `json:"state"`
	Rules  int64           `json:"rules"`           // of the index that has it
	Since  int64           `json:"since,omitempty"` // position up to which resources may lack labels
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
	parameters = store.SearchParameters
	jobs       = "reindex"
	current    = "current"
)

// maxCustom bounds the custom parameters: every write pays for each.
const maxCustom = 300

// Open reads what is known and goes on with a job that was interrupted. What runs
// in the background ends with life; Wait waits for that.
func Open(ctx, life context.Context, s store.Store, g *search.Registry, log *slog.Logger) (*Service, error) {
	x := &Service{store: s, search: g, log: log, life: life, wake: make(chan struct{}, 1)}
	if err := s.View(ctx, x.learn); err != nil {
		return nil, err
	}
	s.Follow(x.learn)
	stale := false
	err := x.update(ctx, func(tx store.Tx, b books) error {
		stale = false
		for index, p := range b.known {
			if p.State == served && p.Rules != g.Rules() { // the store made its index anew, without these
				again := *p
				if err := x.stale(tx, &again); err != nil {
					return err
				}
				b.known[index], stale = &again, true
				if err := put(tx, parameters, index, again); err != nil {
					return err
				}
			}
		}
		return x.reconcile(tx, b)
	})
	if err != nil {
		return nil, err
	}
	switch job, ok, err := x.Status(ctx); {
	case err != nil:
		return nil, err
	case ok && (job.State == Running || job.State == Paused):
		x.begin(job.ID)
	case stale:
		if _, err := x.Start(ctx, ""); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// Wait returns when nothing runs in the background any more.
func (x *Service) Wait() { x.work.Wait() }

// learn takes over what a reader sees, if that is not older than what is known.
func (x *Service) learn(r store.Reader) error {
	b, err := x.read(r)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if b.epoch >= x.books.epoch {
		x.books = b
		x.search.SetCustomAt(x.customs(b), b.epoch)
	}
	return nil
}

// update changes the records as they are, and takes over what came of it.
func (x *Service) update(ctx context.Context, change func(tx store.Tx, b books) error) error {
	err := x.store.Update(ctx, func(tx store.Tx) error {
		b, err := x.read(tx)
		if err != nil {
			return err
		}
		return change(tx, b)
	})
	if err != nil {
		return err
	}
	return x.store.View(ctx, x.learn)
}

func (x *Service) read(r store.Reader) (books, error) {
	b := books{known: map[string]*parameter{}}
	marks, err := r.Marks()
	if err != nil {
		return b, err
	}
	b.epoch = marks.Epoch
	for after := ""; ; {
		list, err := r.Records(parameters, "", after, maxCustom)
		if err != nil {
			return b, err
		}
		for _, record := range list {
			after = record.Key
			p := &parameter{}
			if err := json.Unmarshal(record.Value, p); err != nil {
				return b, fmt.Errorf("indexing: record %s: %w", record.Key, err)
			}
			if p.definition, err = x.define(p); err != nil {
				return b, fmt.Errorf("indexing: record %s: %w", record.Key, err)
			}
			b.known[record.Key] = p
		}
		if len(list) < maxCustom {
			return b, nil
		}
	}
}

func definitionOf(body []byte) (*definition.SearchParameter, error) {
	r, err := fhir.ParseResource(body)
	if err != nil {
		return nil, err
	}
	return definition.SearchParameterFrom(r)
}

// customs are the parameters that the registry has.
func (x *Service) customs(b books) []search.Custom {
	var list []search.Custom
	for _, index := range slices.Sorted(maps.Keys(b.known)) {
		switch p := b.known[index]; p.State {
		case served:
			list = append(list, search.Custom{Definition: p.definition})
		case waiting:
			list = append(list, search.Custom{Definition: p.definition, Waiting: func() string { return x.whyWaiting(index) }, Since: p.Since})
		case former:
		}
	}
	return list
}

func (x *Service) whyWaiting(index string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	if j := x.job; j != nil && j.ID == x.runs && j.open() && slices.Contains(j.Make, index) {
		return fmt.Sprintf("it is not yet indexed (%d %%, $reindex is %s)", j.Percent(), j.State)
	}
	return "it is not yet indexed; $reindex does that, and $reindex-status tells how far it is"
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
	if same, err := x.search.Check(d); same || err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	known := x.books.known
	if len(known) >= maxCustom && known[search.Index(d)] == nil {
		return fhir.Unprocessable("SearchParameter", "the server has %d search parameters of its own already, which is the most it takes", maxCustom)
	}
	source := r.Key().String()
	for _, p := range known {
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
	return x.update(ctx, func(tx store.Tx, b books) error {
		wanted := map[string]*parameter{}
		v, err := tx.Read(key)
		if err != nil && fhir.SituationOf(err) != fhir.SituationNotFound { // it may be expunged
			return err
		}
		if err == nil && !v.Deleted {
			x.want(wanted, v)
		}
		return change(tx, b, wanted, func(p *parameter) bool { return p.Source == key.String() })
	})
}

// reconcile takes over all that is stored: a server may have ended between a write
// and what follows of it.
func (x *Service) reconcile(tx store.Tx, b books) error {
	wanted := map[string]*parameter{}
	query := &search.Query{Type: "SearchParameter", Sight: search.Everything, Count: maxCustom}
	for {
		page, err := tx.Search(query)
		if err != nil {
			return err
		}
		for _, v := range page.Matches {
			x.want(wanted, v)
		}
		if query.After = page.Next; page.Next == nil {
			return change(tx, b, wanted, func(p *parameter) bool { return isStored(p.Source) })
		}
	}
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
// become former ones.
func change(tx store.Tx, b books, wanted map[string]*parameter, own func(*parameter) bool) error {
	for index, p := range wanted {
		if have := b.known[index]; have == nil || have.State == former {
			if err := put(tx, parameters, index, p); err != nil {
				return err
			}
		}
	}
	for index, p := range b.known {
		if wanted[index] == nil && own(p) && p.State != former {
			gone := *p
			gone.State = former
			if err := put(tx, parameters, index, gone); err != nil {
				return err
			}
		}
	}
	return nil
}

func put(tx store.Tx, collection, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.PutRecord(store.RecordWrite{Collection: collection, Key: key, Value: value})
}
