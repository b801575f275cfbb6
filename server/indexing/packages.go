package indexing

import (
	"context"
	"errors"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
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
	x.mu.Lock()
	before := len(x.known)
	// Packages are loaded one after the other: what is not there may come yet.
	err := x.change(ctx, wanted, func(p *parameter) bool { return x.replaced(p, wanted) })
	more := len(x.known) > before
	x.mu.Unlock()
	if err != nil || !more {
		return err
	}
	if _, err := x.Start(ctx, ""); fhir.SituationOf(err) == fhir.SituationConflict {
		x.mu.Lock()
		x.again = true
		x.mu.Unlock()
		return nil
	} else {
		return err
	}
}

// replaced reports whether a package's parameter came in another version.
func (x *Service) replaced(p *parameter, wanted map[string]*parameter) bool {
	for _, w := range wanted {
		if w.Source == p.Source {
			return true
		}
	}
	return false
}
