package term

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"iter"
	"time"

	"vitalwire/fhir"
)

// Source finds definitions by canonical or canonical|version; without a version
// the newest. A definition.Source is one. Implementations are safe for
// concurrent use, and what they return is never changed.
//
// A Source may know more: see Versioned, Listed and Changing.
type Source interface {
	Find(typ, canonical string) (*fhir.Resource, bool)
}

// Versioned is a Source that knows which versions of a canonical it has, in any
// order. Without it a version with wildcards finds the newest version or none.
type Versioned interface {
	Versions(typ, url string) []string
}

// Listed is a Source that can go through all resources of a type, which a
// translation without the url of a ConceptMap needs.
type Listed interface {
	All(typ string) iter.Seq2[*fhir.Resource, error]
}

type iterator = iter.Seq2[*fhir.Resource, error]

// allOfType goes through a source that can be gone through, else through nothing.
func allOfType(s Source, typ string) iterator {
	switch s := s.(type) {
	case Listed:
		return s.All(typ)
	case interface {
		All(typ string) func(yield func(*fhir.Resource, error) bool)
	}:
		return s.All(typ)
	}
	return func(func(*fhir.Resource, error) bool) {}
}

// Changing is a Source whose content changes. What was compiled is forgotten
// when the generation is another one.
type Changing interface {
	Generation() uint64
}

// Limits bound what a request may cost. The zero value is replaced by defaults.
type Limits struct {
	// Codes is how many codes an expansion without count may have.
	Codes int
	// Work is how many concepts a request may look at.
	Work int
	// Depth is how deep value sets may import each other.
	Depth int
	// Memory is how many concepts of compiled code systems and expanded value
	// sets are kept.
	Memory int
}

// defaultLimits are those of New.
var defaultLimits = Limits{Codes: 1000, Work: 2_000_000, Depth: 32, Memory: 400_000}

// Service answers the terminology operations of R4: ValueSet $expand and
// $validate-code, CodeSystem $lookup, $validate-code and $subsumes, ConceptMap
// $translate. It is safe for concurrent use.
type Service struct {
	source Source
	limits Limits
	cache  *cache
	now    func() time.Time

	members members
}

// Option changes a Service at its making.
type Option func(*Service)

// WithLimits sets limits; fields that are 0 keep their defaults.
func WithLimits(l Limits) Option {
	return func(s *Service) {
		set := func(into *int, n int) {
			if n > 0 {
				*into = n
			}
		}
		set(&s.limits.Codes, l.Codes)
		set(&s.limits.Work, l.Work)
		set(&s.limits.Depth, l.Depth)
		set(&s.limits.Memory, l.Memory)
	}
}

// WithClock sets the clock of expansion timestamps.
func WithClock(now func() time.Time) Option { return func(s *Service) { s.now = now } }

// New makes a service on what a source has.
func New(source Source, options ...Option) *Service {
	s := &Service{source: source, limits: defaultLimits, now: time.Now}
	for _, o := range options {
		o(s)
	}
	s.cache = newCache(s.limits.Memory)
	return s
}

// Request is what an operation is asked.
type Request struct {
	// Parameters as the wire has them; nil for none. A GET has its parameters as
	// strings.
	Parameters *fhir.Resource
	// Instance is the resource of an instance-level operation, nil at type level.
	Instance *fhir.Resource
	// Language is the request's Accept-Language.
	Language string
}

// begin reads the request and opens a session for it.
func (s *Service) begin(ctx context.Context, r Request, soft bool) (*session, error) {
	p, err := readParams(r.Parameters, r.Language, soft)
	if err != nil {
		return nil, err
	}
	return s.session(ctx, p), nil
}

// newUUID is a random urn:uuid (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	h := hex.EncodeToString(b[:])
	return "urn:uuid:" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
