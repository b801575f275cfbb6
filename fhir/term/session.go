package term

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// A session answers one request: the service's source with what the request
// brings along (tx-resource), and what it asks of versions and supplements.
type session struct {
	*params
	ctx        context.Context
	svc        *Service
	work       int
	own        map[*fhir.Resource]*system   // compiled from the request
	sent       map[string][]*fhir.Resource  // what the request brought, by url
	seenStored map[[2]string]*fhir.Resource // what the source answered, nil for nothing

	required []string        // supplements that must be used
	used     map[string]bool // those that were
	rulesHit []string        // "parameter=canonical" of version rules that decided
	// listsSuffice takes the codes that a value set lists for granted where their
	// code system is not known at all.
	listsSuffice bool
	chain        []string // value sets that import each other
}

func (s *Service) session(ctx context.Context, p *params) *session {
	q := &session{
		params: p, ctx: ctx, svc: s, work: s.limits.Work,
		own: map[*fhir.Resource]*system{}, used: map[string]bool{}, required: slices.Clone(p.supplements),
	}
	for _, r := range p.extra {
		q.bring(r)
	}
	return q
}

// bring adds a resource that stands over those of the source.
func (s *session) bring(r *fhir.Resource) {
	if s.sent == nil {
		s.sent = map[string][]*fhir.Resource{}
	}
	url := r.Get("url").Text()
	s.sent[url] = append(s.sent[url], r)
}

// spend takes n looks at a concept from the budget.
func (s *session) spend(n int) error {
	s.work -= n
	if s.work < 0 {
		return tooCostly(s.url, s.svc.limits.Work)
	}
	if s.work&0x3FF < n {
		if err := s.ctx.Err(); err != nil {
			return fhir.Timeout("the terminology operation took too long").WithCause(err)
		}
	}
	return nil
}

// find looks a definition up by url and version, which may have wildcards:
// first among what the request brought, then in the source. Among several the
// newest is meant.
func (s *session) find(typ, url, version string) *fhir.Resource {
	if r := s.brought(typ, url, version); r != nil {
		return r
	}
	return s.stored(typ, url, version)
}

func (s *session) brought(typ, url, version string) *fhir.Resource {
	var best *fhir.Resource
	for _, r := range s.sent[url] {
		if r.Type() != typ {
			continue
		}
		have := r.Get("version").Text()
		if version != "" && !versionMatches(version, have) {
			continue
		}
		if best == nil || compareVersions(have, best.Get("version").Text()) > 0 {
			best = r
		}
	}
	return best
}

func (s *session) stored(typ, url, version string) *fhir.Resource {
	// A request sees one answer of the source, whatever is written meanwhile.
	k := [2]string{typ, canonical(url, version)}
	r, ok := s.seenStored[k]
	if !ok {
		r = s.look(typ, url, version)
		if s.seenStored == nil {
			s.seenStored = map[[2]string]*fhir.Resource{}
		}
		s.seenStored[k] = r
	}
	return r
}

func (s *session) look(typ, url, version string) *fhir.Resource {
	if version == "" || !wildcard(version) {
		r, ok := s.svc.source.Find(typ, canonical(url, version))
		// Six code systems of R4 have a url with | in it; asked for by it, the source
		// finds a version of another one.
		if !ok || r.Get("url").Text() != url || version != "" && !versionMatches(version, r.Get("version").Text()) {
			return nil
		}
		return r
	}
	if v, ok := s.svc.source.(Versioned); ok {
		versions := slices.DeleteFunc(slices.Clone(v.Versions(typ, url)), func(have string) bool {
			return !versionMatches(version, have)
		})
		newestFirst(versions)
		for _, have := range versions {
			if r, ok := s.svc.source.Find(typ, canonical(url, have)); ok {
				return r
			}
		}
		return nil
	}
	if r, ok := s.svc.source.Find(typ, url); ok && versionMatches(version, r.Get("version").Text()) {
		return r
	}
	return nil
}

// versions are the known versions of a code system, oldest first.
func (s *session) versions(url string) []string {
	var out []string
	see := func(version string) {
		if version != "" && !slices.Contains(out, version) {
			out = append(out, version)
		}
	}
	for _, r := range s.sent[url] {
		if r.Type() == "CodeSystem" {
			see(r.Get("version").Text())
		}
	}
	if v, ok := s.svc.source.(Versioned); ok {
		for _, version := range v.Versions("CodeSystem", url) {
			see(version)
		}
	} else if r, ok := s.svc.source.Find("CodeSystem", url); ok {
		see(r.Get("version").Text())
	}
	slices.SortFunc(out, compareVersions)
	return out
}

// versionFor applies the version rules of the request (system-version is a
// default, force-system-version stands over all).
func (s *session) versionFor(url, version string) string {
	for _, m := range [...]mode{forced, byDefault, checked} {
		if m != forced && version != "" {
			break
		}
		for _, r := range s.rules {
			if r.mode == m && r.url == url {
				version = r.version
				s.hit(r)
				break
			}
		}
	}
	return version
}

func (s *session) hit(r rule) {
	text := r.name + "=" + canonical(r.url, r.version)
	if !slices.Contains(s.rulesHit, text) {
		s.rulesHit = append(s.rulesHit, text)
	}
}

// checkVersion is what a check-system-version parameter has against a version.
func (s *session) checkVersion(url, version string) (issue, bool) {
	for _, r := range s.rules {
		if r.mode == checked && r.url == url && !versionMatches(r.version, version) {
			return issue{
				severity: fhir.ErrorLevel, code: fhir.CodeException, detail: "version-error", id: "VALUESET_VERSION_CHECK",
				text: fmt.Sprintf("The version '%s' is not allowed for system '%s': required to be '%s' by a version-check parameter",
					version, url, r.version),
			}, true
		}
	}
	return issue{}, false
}

// compiled is the compiled form of a CodeSystem.
func (s *session) compiled(r *fhir.Resource) *system {
	if sys, ok := s.own[r]; ok {
		return sys
	}
	if !slices.Contains(s.sent[r.Get("url").Text()], r) && r != s.codeSystem {
		return s.svc.cache.system(r)
	}
	sys := compile(r)
	s.own[r] = sys
	return sys
}

// system finds a code system that has codes, in the version the rules say; nil
// when there is none. What is not known stays unknown, it is not wrong.
func (s *session) system(url, version string) *view {
	return s.exactSystem(url, s.versionFor(url, version))
}

// exactSystem is system without the version rules.
func (s *session) exactSystem(url, version string) *view {
	if url == "" {
		return nil
	}
	var sys, named *system
	for _, r := range []*fhir.Resource{s.brought("CodeSystem", url, version), s.stored("CodeSystem", url, version)} {
		if r == nil {
			continue
		}
		c := s.compiled(r)
		if c.content == "not-present" {
			named = c
		}
		if c.usable() && (sys == nil || c.complete() && !sys.complete()) {
			sys = c
		}
	}
	if sys == nil || len(sys.concepts) == 0 {
		if special := s.svc.special(url, version); special != nil {
			sys = special
		}
	}
	if sys == nil {
		sys = named
	}
	if sys == nil {
		return nil
	}
	return &view{system: sys, supplements: s.supplementsFor(sys)}
}

// supplementsFor are the supplements the request or the value set names that
// fit the code system, and language packs that came with the request.
func (s *session) supplementsFor(sys *system) []*system {
	var out []*system
	add := func(r *fhir.Resource) {
		if r == nil || r.Get("content").Text() != "supplement" {
			return
		}
		url, version := splitCanonical(r.Get("supplements").Text())
		if url != sys.url || version != "" && sys.version != "" && !versionMatches(version, sys.version) {
			return
		}
		if c := s.compiled(r); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, name := range s.required {
		url, version := splitCanonical(name)
		add(s.find("CodeSystem", url, version))
	}
	return out
}

// use notes which required supplements a code system brought in.
func (s *session) use(v *view) {
	for _, name := range s.required {
		if v.hasSupplement(name) {
			s.used[name] = true
		}
	}
}

// missingSupplements fails when a required supplement was not used.
func (s *session) missingSupplements() error {
	var missing []string
	for _, name := range s.required {
		if !s.used[name] && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	word := "supplement"
	if len(missing) > 1 {
		word = "supplements"
	}
	return fail(issue{
		code: fhir.CodeNotFound, detail: "not-found", id: "VALUESET_SUPPLEMENT_MISSING",
		text: fmt.Sprintf("Required %s not found: %s", word, strings.Join(missing, ",")),
	})
}

// require adds the supplements a value set depends on (extension
// valueset-supplement).
func (s *session) require(valueSet *fhir.Element) {
	for _, ext := range extensions(valueSet, "http://hl7.org/fhir/StructureDefinition/valueset-supplement") {
		if name := value(ext).Text(); name != "" && !slices.Contains(s.required, name) {
			s.required = append(s.required, name)
		}
	}
}

// valueSetFor finds a value set by canonical, a contained one by #id.
func (s *session) valueSetFor(canonicalURL string, container *fhir.Resource) *fhir.Resource {
	if id, ok := strings.CutPrefix(canonicalURL, "#"); ok {
		if container == nil {
			return nil
		}
		for _, e := range container.Get("contained").Items() {
			if text(e, "id") == id && text(e, "resourceType") == "ValueSet" {
				r, err := fhir.AsResource(e)
				if err != nil {
					return nil
				}
				return r
			}
		}
		return nil
	}
	url, version := splitCanonical(canonicalURL)
	if r := s.find("ValueSet", url, version); r != nil {
		return r
	}
	return s.implicitValueSet(url)
}

// implicitValueSet is the value set of all codes of a code system that names it
// (CodeSystem.valueSet) but is given no resource of its own: found where the
// request brings the code system.
func (s *session) implicitValueSet(url string) *fhir.Resource {
	for _, r := range s.extra {
		if r.Type() == "CodeSystem" && r.Get("valueSet").Text() == url && url != "" {
			return wholeSystem(url, r.Get("version").Text(), r.Get("url").Text())
		}
	}
	if system := specialValueSet(url); system != "" {
		return wholeSystem(url, "", system)
	}
	return nil
}

// wholeSystem is a value set of all codes of a code system.
func wholeSystem(url, version, system string) *fhir.Resource {
	r := fhir.NewResource("ValueSet")
	include := fhir.NewObject(fhir.S("system", system))
	if version != "" {
		include.Set("version", fhir.NewString(version))
	}
	r.Root().Set("url", fhir.NewString(url))
	r.Root().Set("status", fhir.NewString("active"))
	r.Root().Set("compose", fhir.NewObject(fhir.M("include", fhir.NewArray(include))))
	return r
}

// pin applies the version rules to a reference to a value set.
func (s *session) pin(canonicalURL string) string {
	url, version := splitCanonical(canonicalURL)
	return canonical(url, s.versionFor(url, version))
}

// enter notes that a value set is being worked on; a value set that comes to
// itself again is an error (R4 valueset §4.9.5: imports must not be circular).
func (s *session) enter(name, doing string) error {
	if name != "" && slices.Contains(s.chain, name) {
		return fail(issue{
			code: codeProcessing, detail: "vs-invalid", id: "VALUESET_CIRCULAR_REFERENCE",
			text: fmt.Sprintf("Cyclic reference detected when %s %s via [%s]", doing, name, strings.Join(s.chain, ", ")),
		})
	}
	if len(s.chain) >= s.svc.limits.Depth {
		return fail(issue{code: fhir.CodeTooCostly, detail: "vs-invalid",
			text: fmt.Sprintf("The value set %s imports others more than %d deep", s.chain[0], s.svc.limits.Depth)})
	}
	if err := s.spend(perValueSet); err != nil {
		return err
	}
	s.chain = append(s.chain, name)
	return nil
}

// perValueSet is what it costs to begin with a value set, in looks at concepts.
const perValueSet = 50

func (s *session) leave() { s.chain = s.chain[:len(s.chain)-1] }

func resourceCanonical(r *fhir.Resource) string {
	return canonical(r.Get("url").Text(), r.Get("version").Text())
}

// understood refuses a value set that says something we do not know and must
// not pass over (R4 extensibility §2.4.0.2: modifier extensions; implicitRules).
func (s *session) understood(vs *fhir.Resource, compose *fhir.Element) error {
	wrong := vs.Get("implicitRules") != nil || vs.Get("modifierExtension").Len() > 0 || compose.Get("modifierExtension").Len() > 0
	for _, side := range [...]string{"include", "exclude"} {
		for _, set := range compose.Get(side).Items() {
			wrong = wrong || set.Get("modifierExtension").Len() > 0
		}
	}
	if !wrong {
		return nil
	}
	return fail(issue{code: fhir.CodeNotSupported, detail: "vs-invalid",
		text: fmt.Sprintf("The value set %s has implicit rules or modifier extensions that are not understood", resourceCanonical(vs))})
}
