package indexing

import (
	"context"
	"errors"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
)

// Packages takes over the search parameters of packages, the newest version of
// each, and begins to index by them. What R4 defines itself stays as it is.
func (x *Service) Packages(set *profiles.Set) {
	if err := x.packages(x.life, set); err != nil && !errors.Is(err, context.Canceled) {
		x.log.Error("search parameters of packages cannot be taken over", "error", err)
	}
}

func (x *Service) packages(ctx context.Context, set *profiles.Set) error {
	wanted := map[string]*parameter{}
	for _, e := range set.List("SearchParameter") {
		if _, known := profiles.R4().Lookup("SearchParameter", e.URL); known {
			continue
		}
		r, ok := set.Find("SearchParameter", e.URL)
		if !ok || !effective(r) {
			continue
		}
		d, err := definition.SearchParameterFrom(r)
		if err != nil {
			x.log.Warn("a package's search parameter cannot be used", "definition", e.URL, "error", err)
			continue
		}
		known, err := x.search.Check(d)
		if err != nil {
			x.log.Warn("a package's search parameter cannot be used", "definition", e.URL, "error", err)
		}
		if err == nil && !known {
			wanted[search.Index(d)] = &parameter{Source: e.URL, State: waiting, Body: r.JSON(), definition: d}
		}
	}
	more := false
	err := x.update(ctx, func(tx store.Tx, b books) error {
		more = false
		for index := range wanted {
			more = more || b.known[index] == nil
		}
		// Packages are loaded one after the other: what is not there may come yet.
		return change(tx, b, wanted, func(p *parameter) bool { return replaced(p, wanted) })
	})
	if err != nil || !more {
		return err
	}
	return x.indexSoon(ctx)
}

// indexSoon begins a job for all that waits, as soon as none is running.
func (x *Service) indexSoon(ctx context.Context) error {
	_, err := x.Start(ctx, "")
	if fhir.SituationOf(err) != fhir.SituationConflict {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.again {
		return nil
	}
	x.again = true
	x.work.Go(func() {
		for err := err; fhir.SituationOf(err) == fhir.SituationConflict; {
			select {
			case <-x.life.Done():
				return
			case <-time.After(time.Second):
			}
			if _, err = x.Start(x.life, ""); fhir.SituationOf(err) != fhir.SituationConflict {
				x.mu.Lock()
				x.again = false
				x.mu.Unlock()
			}
			if err != nil && x.life.Err() == nil && fhir.SituationOf(err) != fhir.SituationConflict {
				x.log.Error("reindexing for packages cannot begin", "error", err)
			}
		}
	})
	return nil
}

// replaced reports whether a package's parameter came in another version.
func replaced(p *parameter, wanted map[string]*parameter) bool {
	for _, w := range wanted {
		if w.Source == p.Source {
			return true
		}
	}
	return false
}
