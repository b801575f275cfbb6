package knowledge

import (
	"context"
	"strings"
	"sync"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/profiles"
)

// storedFor is how long the stored profiles are taken for unchanged: a write by
// this server shows at once, one by another server on the same store after it.
const storedFor = 10 * time.Second

// storedProfiles are the profiles stored in the server, compiled.
type storedProfiles struct {
	mu        sync.Mutex
	view      *view // on which the validator is built
	writes    uint64
	read      time.Time
	names     string // id and version of each
	validator *validate.Validator
}

// Validate validates as $validate does: also against StructureDefinitions that
// are stored in the server, with the terminology stored beside them. Where a
// canonical has no version the newest counts, and R4's types are never replaced.
// Ordinary writes know R4 and packages only (see Check), so that no client
// changes what another one may write.
func (b *Base) Validate(ctx context.Context, root *fhir.Element, profiles []string, opts validate.Options) []fhir.Issue {
	return b.withStored().Element(ctx, root, profiles, opts)
}

// withStored is the validator that knows the stored profiles.
func (b *Base) withStored() *validate.Validator {
	v, s := b.view(), &b.profiles
	s.mu.Lock()
	defer s.mu.Unlock()
	writes := b.writes.Load()
	if s.view == v && s.writes == writes && time.Since(s.read) < storedFor {
		return s.validator
	}
	list := b.storedAll("StructureDefinition", nil)
	var names strings.Builder
	for _, r := range list {
		names.WriteString(r.ID() + " " + r.Get("meta").Get("versionId").Text() + "\n")
	}
	if s.view != v || s.names != names.String() || s.writes != writes {
		s.validator = b.compile(v, list)
	}
	s.view, s.writes, s.read, s.names = v, writes, time.Now(), names.String()
	return s.validator
}

// compile makes the validator of a view and stored profiles.
func (b *Base) compile(v *view, list []*fhir.Resource) *validate.Validator {
	p, err := profiles.Loose("stored", list)
	if err != nil {
		b.Log.Error("stored profiles cannot be used", "error", err)
	}
	if p == nil {
		return v.validator
	}
	for _, note := range p.Notes {
		b.Log.Warn("a stored profile cannot be used", "why", note)
	}
	return validate.New(v.set.With(p), validate.Terms(v.terms))
}
