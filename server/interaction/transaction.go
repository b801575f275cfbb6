package interaction

import (
	"context"
	"runtime"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
	"vitalwire/server/telemetry"
)

// transaction is the work of one transaction bundle (R4 http §3.1.0.11), or of a
// lone write that has to look before it writes: that is a transaction of one.
type transaction struct {
	e       *Engine
	alone   bool
	entries []*action
	linker  linker
	// conditional are the targets of conditional references.
	conditional []*target
}

// action is an entry with what becomes of it.
type action struct {
	entry
	target // what links to the entry point at; its key is what the entry writes

	// given is the key of what the entry makes when its condition finds nothing: a
	// fresh one, or that of its URL or body.
	given fhir.Key
	// when is the condition of a conditional create, update, patch or delete.
	when *condition
	// found is what the condition of a create found: nothing is written then.
	found *store.Version
	// current is the version that an update or patch replaces; zero when there is none.
	current store.Version
	// removes are what a delete deletes.
	removes []fhir.Key
	// write has the preconditions the client gave.
	write store.Write
	// body is the resource to be written when it is not that of the request: with
	// labels kept, or patched.
	body   *fhir.Resource
	late   bool // it has a conditional reference that waits for other entries
	result Result

	checked, warned []fhir.Issue   // by validation, and of references
	identifiers     []search.Value // of Body; nil when not asked for yet
}

// writes reports whether the action leaves a resource.
func (a *action) writes() bool {
	return a.Interaction == Create && a.found == nil || a.Interaction == Update || a.Interaction == Patch
}

// resource is what the action leaves.
func (a *action) resource() *fhir.Resource {
	if a.body != nil {
		return a.body
	}
	return a.Body
}

// transaction performs all entries or none. Whatever the order of the bundle,
// DELETE comes first, then POST, then PUT and PATCH, then GET (R4 http
// §3.1.0.11.2).
func (e *Engine) transaction(ctx context.Context, entries []entry) ([]Result, error) {
	t := &transaction{e: e, entries: make([]*action, len(entries))}
	for i := range entries {
		t.entries[i] = &action{entry: entries[i]}
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	results := make([]Result, len(t.entries))
	for i, a := range t.entries {
		results[i] = a.result
	}
	return results, nil
}

// alone performs a write that is no entry of a bundle.
func (e *Engine) alone(ctx context.Context, r Request) (Response, error) {
	t := &transaction{e: e, alone: true, entries: []*action{{entry: entry{Request: r}}}}
	err := t.run(ctx)
	return t.entries[0].result.Response, err
}

func (t *transaction) run(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	done, err := t.commitPlain(ctx)
	if !done && err == nil {
		err = t.commit(ctx)
	}
	if err != nil {
		return err
	}
	for _, a := range t.entries {
		a.result.Head = a.head
		if step(a.Request) < stepCall {
			a.result.Issues = append(a.checked, a.warned...)
		}
		if a.writes() {
			t.e.wrote(a.key)
		}
		for _, key := range a.removes {
			t.e.wrote(key)
		}
	}
	return nil
}

// at is an error of an entry, with its place unless it is a lone one.
func (t *transaction) at(i int, err error) error {
	if t.alone {
		return err
	}
	return at(i, err)
}

func (t *transaction) joined(failures []error) error {
	if t.alone {
		return failures[0]
	}
	return joined(failures)
}

// prepare does what needs no store: it gives ids, finds the links between the
// entries and validates the resources, with links already in place.
func (t *transaction) prepare(ctx context.Context) error {
	failures := make([]error, len(t.entries))
	for i, a := range t.entries {
		failures[i] = t.identify(ctx, a)
	}
	if err := t.joined(failures); err != nil {
		return err
	}
	if !t.alone {
		if err := t.distinct(); err != nil {
			return err
		}
		if err := t.link(ctx, failures); err != nil {
			return err
		}
	}
	for _, m := range t.linker.mentions {
		if m.targets[0].condition == nil {
			m.set()
		}
	}
	return t.check(ctx, failures)
}

// check validates the resources of all entries that come with one.
func (t *transaction) check(ctx context.Context, failures []error) (err error) {
	ctx, span := telemetry.Step(ctx, "validate")
	defer func() { span.End(err) }()
	span.Count("entries", len(t.entries))
	t.each(func(i int) {
		if a := t.entries[i]; a.Interaction == Create || a.Interaction == Update {
			a.checked, failures[i] = t.e.judge(ctx, a.Request)
		}
	})
	return t.joined(failures)
}

// each calls do for every entry, for several at once. They touch nothing in common.
func (t *transaction) each(do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), len(t.entries)/16)
	if workers < 2 {
		for i := range t.entries {
			do(i)
		}
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(t.entries); i += workers {
				do(i)
			}
		})
	}
	wait.Wait()
}

// identify gives an entry the key of what it writes, as far as that is known.
func (t *transaction) identify(ctx context.Context, a *action) (err error) {
	a.given, a.target.entry = a.Key, a.index
	switch a.Interaction {
	case Create:
		a.given.ID, err = NewID()
		if err == nil && a.IfNoneExist != "" {
			a.when, err = t.e.condition(ctx, a.Key.Type, a.IfNoneExist, "If-None-Exist")
		}
	case Update:
		err = t.identifyUpdate(ctx, a)
	case Patch:
		if a.Key.ID == "" {
			a.when, err = t.e.condition(ctx, a.Key.Type, a.Query, "a conditional patch")
		}
	case Delete:
		err = t.identifyDelete(ctx, a)
	}
	a.key = a.given
	return err
}

func (t *transaction) identifyUpdate(ctx context.Context, a *action) (err error) {
	if err := checkType(a.Request); err != nil {
		return err
	}
	if err := whole(a.Body); err != nil {
		return err
	}
	if a.write, err = putConditions(a.Request); err != nil || a.Key.ID != "" {
		return err
	}
	if a.given.ID = a.Body.ID(); a.given.ID == "" {
		if a.given.ID, err = NewID(); err != nil {
			return err
		}
	}
	a.when, err = t.e.condition(ctx, a.Key.Type, a.Query, "a conditional update")
	return err
}

// distinct refuses entries that change one resource twice, and two of one
// fullUrl (R4 http §3.1.0.11.2; R4 bundle, bdl-7).
func (t *transaction) distinct() error {
	conditions, urls := map[string]int{}, map[string]int{}
	for i, a := range t.entries {
		if step(a.Request) > stepPut {
			continue
		}
		if a.when != nil && (a.Interaction == Create || a.Interaction == Update) {
			condition := a.Key.Type + "?" + a.when.text
			if first, twice := conditions[condition]; twice {
				return at(i, fhir.Malformed("request", "entry %d has the same condition; make one entry of them", first).WithCode(fhir.CodeDuplicate))
			}
			conditions[condition] = i
		}
		if a.fullURL == "" || a.Interaction == Delete {
			continue
		}
		if first, twice := urls[a.fullURL]; twice {
			return at(i, fhir.Malformed("fullUrl", "entry %d has the same fullUrl", first).WithCode(fhir.CodeDuplicate))
		}
		urls[a.fullURL] = i
	}
	return t.overlap(func(a *action) bool { return a.when == nil })
}

// overlap refuses two of those entries that change one resource: identities that
// a condition led to count as well (R4 http §3.1.0.11.2).
func (t *transaction) overlap(of func(*action) bool) error {
	changed := map[fhir.Key]int{}
	for i, a := range t.entries {
		if !of(a) {
			continue
		}
		keys := a.removes
		if a.writes() {
			keys = []fhir.Key{a.key}
		}
		for _, key := range keys {
			if first, twice := changed[key]; twice {
				return t.at(i, fhir.Malformed("request", "entry %d changes %s too; a transaction changes a resource once", first, key).WithCode(fhir.CodeInvalid))
			}
			changed[key] = i
		}
	}
	return nil
}
