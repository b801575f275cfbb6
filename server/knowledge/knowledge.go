// Package knowledge holds what the running server knows of FHIR: the embedded R4
// definitions, the packages loaded beside them, and the validator compiled from
// both. Loading a package replaces it all at once; who is at work keeps what he
// began with.
package knowledge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
	"vitalwire/profiles"
	"vitalwire/server/store"
)

// Mode is what validation does to a write.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // an error refuses the write
	Warn    Mode = "warn"    // errors are told, and the write is taken
	Off     Mode = "off"
)

// Base is the knowledge. Make it with New.
type Base struct {
	Library *profiles.Library
	// Store holds definitions that clients wrote; set before use.
	Store store.Store
	// Search are the search parameters that Store is searched by.
	Search *search.Registry
	Log    *slog.Logger
	// Loaded is told when packages were loaded; nil for nobody.
	Loaded func()

	writes atomic.Uint64 // of stored definitions
	mode   Mode
	demand map[string][]string // type -> profiles demanded of it

	following sync.Mutex
	asked     time.Time // when the store was asked for what others changed
	seen      uint64    // what it said

	mu       sync.Mutex
	compiled *view
	profiles storedProfiles
}

// view is what was compiled from one set.
type view struct {
	set       *profiles.Set
	model     *path.Model
	validator *validate.Validator
	terms     *term.Service
	fixed     *term.Service // without what is stored
}

// New starts with R4. demand lists profiles that every resource of a type must
// meet, as "Type=canonical".
func New(mode Mode, demand []string) (*Base, error) {
	b := &Base{
		Library: profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory),
		mode:    mode,
		demand:  map[string][]string{},
	}
	for _, d := range demand {
		typ, canonical, ok := strings.Cut(d, "=")
		if !ok || !fhir.IsResourceType(typ) || canonical == "" {
			return nil, fmt.Errorf("--enforce %s must be Type=canonical, such as Patient=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", d)
		}
		b.demand[typ] = append(b.demand[typ], canonical)
	}
	return b, nil
}

// Set is the current definitions.
func (b *Base) Set() *profiles.Set { return b.Library.Set() }

// Validator is compiled from the current definitions.
func (b *Base) Validator() *validate.Validator { return b.view().validator }

// Terms is the terminology service on the current definitions and on those
// stored in the server.
func (b *Base) Terms() *term.Service { return b.view().terms }

// Below are a code and all that it subsumes, by the definitions alone: not by what
// clients have stored, since Consents rest on it. known is false of a code that no
// code system here has.
func (b *Base) Below(system, code string) (codes []string, known bool) {
	list, err := b.view().fixed.Below(context.Background(), system, code, mostBelow)
	if err != nil {
		return []string{code}, false
	}
	for _, c := range list {
		codes = append(codes, c.Code)
	}
	return codes, true
}

const mostBelow = 10_000

// Definitions are the current structures and the FHIRPath model made of them.
func (b *Base) Definitions() (definition.Structures, *path.Model) {
	v := b.view()
	return v.set, v.model
}

func (b *Base) view() *view {
	set := b.Set()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.compiled == nil || b.compiled.set != set {
		b.compiled = &view{set: set, model: path.NewModel(set), validator: validate.New(set, validate.Terms(term.New(set))), terms: term.New(terms{b, set}), fixed: term.New(set)}
	}
	return b.compiled
}

// Load loads one package from an archive.
func (b *Base) Load(ctx context.Context, archive io.Reader) (*profiles.Package, error) {
	p, err := b.Library.Load(ctx, archive, "")
	if err == nil {
		b.loaded()
	}
	return p, err
}

func (b *Base) loaded() {
	if b.Loaded != nil {
		b.Loaded()
	}
}

// LoadDir loads the packages of a folder, and says in the log what it found and
// what is missing. One bad package does not stop the others.
func (b *Base) LoadDir(ctx context.Context, dir string, log *slog.Logger) {
	loaded, err := b.Library.LoadDir(ctx, dir)
	for _, p := range loaded {
		log.Info("package loaded", "package", p.Key(), "definitions", len(p.Entries()))
	}
	for _, missing := range b.Set().Missing() {
		log.Warn("package is missing", "package", missing.Needs.Key(), "needed by", missing.Package, "used instead", missing.Instead)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error("packages could not be loaded", "folder", dir, "error", err)
	}
	if len(loaded) > 0 {
		b.loaded()
	}
}

// Demanded are the canonicals of the profiles that every resource of a type must meet.
func (b *Base) Demanded(typ string) []string { return b.demand[typ] }

// Check validates a resource that is to be written. The error, when the mode is
// Enforce, has all issues; else the issues come back.
func (b *Base) Check(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error) {
	return b.check(ctx, r, validate.Options{ErrorsOnly: b.mode == Enforce})
}

// CheckLenient is Check that lets unknown elements pass, with warnings. They are
// kept as they were written.
func (b *Base) CheckLenient(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error) {
	return b.check(ctx, r, validate.Options{UnknownElements: true})
}

func (b *Base) check(ctx context.Context, r *fhir.Resource, o validate.Options) ([]fhir.Issue, error) {
	if b.mode == Off {
		return nil, nil
	}
	issues := b.Validator().Resource(ctx, r, b.demand[r.Type()], o)
	if validate.Valid(issues) || b.mode == Warn {
		return issues, nil
	}
	return nil, invalid(issues)
}

// invalid is the error of a resource with these issues: 400 when it is not FHIR
// (an unknown element, a value of the wrong form), 422 when it breaks a rule.
func invalid(issues []fhir.Issue) *fhir.Error {
	e := fhir.Unprocessable("", "")
	e.Issues = issues
	for _, issue := range issues {
		if issue.Severity != fhir.ErrorLevel && issue.Severity != fhir.Fatal {
			continue
		}
		switch issue.Code {
		case fhir.CodeStructure, fhir.CodeValue:
			e.Situation = fhir.SituationMalformed
		}
	}
	return e
}
