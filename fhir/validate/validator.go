package validate

import (
	"context"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
)

// Validator validates against the definitions of one source. It keeps what it
// compiled for as long as it lives, so make a new one when the source's
// definitions change. It is safe for concurrent use.
type Validator struct {
	src   definition.Source
	codes Codes
	model *path.Model

	shapes      sync.Map // base type or backbone path -> *shape
	profiles    sync.Map // canonical -> *profile
	expressions sync.Map // text -> *compiled
	missing     atomic.Int32
	runs        sync.Pool

	exact bool // every constraint by FHIRPath; tests compare with it
}

// New makes a validator. codes may be nil: no code is then ever known to be wrong.
func New(src definition.Source, codes Codes) *Validator {
	if codes == nil {
		codes = NoCodes{}
	}
	return &Validator{src: src, codes: codes, model: path.NewModel(src)}
}

// Level is what becomes of a finding that R4 leaves to policy.
type Level uint8

// The levels.
const (
	Warn Level = iota
	Ignore
	Refuse
)

// References tells how far references are followed outside the resource.
type References uint8

// The ways. What is contained or in the same Bundle is always followed.
const (
	// ReferenceTypes checks the type that a reference names.
	ReferenceTypes References = iota
	// ReferencesExist demands that Options.Resolve finds the target, with the right type.
	ReferencesExist
	// ReferencesValid demands that the target also meets the profiles asked of it.
	ReferencesValid
)

// Options are the policies of one validation. The zero Options are those of a
// server that takes writes.
type Options struct {
	// UnknownExtensions is what becomes of an extension whose definition is not
	// known. R4 extensibility §2.4.0.1 lets anyone use extensions, so the default warns.
	UnknownExtensions Level
	// KnownExtensions are beginnings of URLs of extensions that pass unknown.
	KnownExtensions []string
	// ExampleURLs tells what becomes of addresses at example.org and the like; the
	// default, Warn, says nothing of them.
	ExampleURLs Level
	// BestPractice adds a warning for each advice that is not followed.
	BestPractice bool
	// VitalSigns demands of Observations with the code of a vital sign the profile
	// that R4 observation-vitalsigns gives it, declared or not.
	VitalSigns bool
	// StructureOnly leaves out invariants, bindings and what needs other definitions.
	StructureOnly bool
	// References and Resolve say which references are followed and how. Resolve
	// answers nil for what it cannot find.
	References References
	Resolve    func(ctx context.Context, reference string) *fhir.Resource
	// WrongDisplay is what becomes of a display that the code system does not give.
	WrongDisplay Level
	// SkipContained leaves contained resources unchecked.
	SkipContained bool
	// MaxIssues bounds what is returned; 0 is 200.
	MaxIssues int
	// UnknownElements lets elements pass that a type does not have, with a warning.
	UnknownElements bool
	// ErrorsOnly leaves out warnings and information, and the work for them.
	ErrorsOnly bool
}

const (
	defaultIssues = 200
	// maxSteps bounds the elements looked at in one validation, profiles
	// included; a Bundle of 64 MB has about 3 million.
	maxSteps = 40_000_000
	// maxNested bounds how deep profiles, references and slices lead into each other.
	maxNested = 24
)

// Resource validates against the base definition of the resource's type, the
// profiles in meta.profile and those listed, all by canonical. No issue of
// severity error or fatal means that it is valid. The resource is not changed.
func (v *Validator) Resource(ctx context.Context, res *fhir.Resource, profiles []string, opts Options) []fhir.Issue {
	return v.Element(ctx, res.Root(), profiles, opts)
}

// Element is Resource for JSON that was not yet found to be a resource: what
// fhir.AsResource refuses becomes an issue among the others.
func (v *Validator) Element(ctx context.Context, root *fhir.Element, profiles []string, opts Options) []fhir.Issue {
	r, _ := v.runs.Get().(*run)
	if r == nil {
		r = &run{}
	}
	r.begin(ctx, v, opts)
	r.root(root, profiles)
	issues := r.issues
	r.end()
	v.runs.Put(r)
	return issues
}

// Valid reports whether no issue is an error.
func Valid(issues []fhir.Issue) bool {
	for i := range issues {
		if issues[i].Severity == fhir.ErrorLevel || issues[i].Severity == fhir.Fatal {
			return false
		}
	}
	return true
}
