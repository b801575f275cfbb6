package term

import (
	"context"
	"strings"
	"sync"

	"vitalwire/fhir"
)

// Membership is the answer to whether a code belongs to a value set or system.
type Membership uint8

// The answers. Unknown is what cannot be decided here, never a guess.
const (
	Unknown Membership = iota
	In
	Out
)

func (m Membership) String() string { return [...]string{"unknown", "in", "out"}[m] }

// The three-valued logic of Kleene.
func either(a, b Membership) Membership {
	switch {
	case a == In || b == In:
		return In
	case a == Out && b == Out:
		return Out
	}
	return Unknown
}

func both(a, b Membership) Membership {
	switch {
	case a == Out || b == Out:
		return Out
	case a == In && b == In:
		return In
	}
	return Unknown
}

func not(a Membership) Membership {
	switch a {
	case In:
		return Out
	case Out:
		return In
	}
	return Unknown
}

// A member set answers whether a code is in a value set without allocating: the
// value set's definition as a tree of tests, with listed and filtered codes in
// maps.
type memberSet interface {
	has(system, code string) Membership
}

type anyOf []memberSet

func (sets anyOf) has(system, code string) Membership {
	m := Out
	for _, s := range sets {
		if m = either(m, s.has(system, code)); m == In {
			return In
		}
	}
	return m
}

type allOf []memberSet

func (sets allOf) has(system, code string) Membership {
	m := In
	for _, s := range sets {
		if m = both(m, s.has(system, code)); m == Out {
			return Out
		}
	}
	return m
}

type without struct{ set, less memberSet }

func (w without) has(system, code string) Membership {
	m := w.set.has(system, code)
	if m == Out {
		return Out
	}
	return both(m, not(w.less.has(system, code)))
}

// codesOf are listed codes of a system; otherwise is the answer for another one.
type codesOf struct {
	system    string
	codes     map[string]struct{}
	otherwise Membership
}

func (c codesOf) has(system, code string) Membership {
	if system != c.system {
		return Out
	}
	if _, ok := c.codes[code]; ok {
		return In
	}
	return c.otherwise
}

// allCodes are all codes of a system.
type allCodes struct {
	v        *view
	inactive bool // inactive codes do not count
}

func (a allCodes) has(system, code string) Membership {
	if system != a.v.url {
		return Out
	}
	at, ok := a.v.find(code)
	switch {
	case ok && a.inactive && at != byGrammar && a.v.concepts[at].inactive:
		return Out
	case ok:
		return In
	case a.v.complete():
		return Out
	}
	return Unknown
}

// grammarCodes are the codes of a grammar that pass filters.
type grammarCodes struct {
	v    *view
	pass func(string) bool
}

func (g grammarCodes) has(system, code string) Membership {
	if system == g.v.url && g.v.grammar(code) && g.pass(code) {
		return In
	}
	return Out
}

// measuredCodes are the codes of a fragment whose text passes filters.
type measuredCodes struct {
	v    *view
	pass func(string) bool
}

func (m measuredCodes) has(system, code string) Membership {
	if system != m.v.url || !m.pass(code) {
		return Out
	}
	if _, ok := m.v.locate(code); ok {
		return In
	}
	return Unknown
}

// undecided is a system of which nothing is known; "" is every system.
type undecided string

func (u undecided) has(system, _ string) Membership {
	if u == "" || system == string(u) {
		return Unknown
	}
	return Out
}

// A compiledSet is a value set ready for questions.
type compiledSet struct {
	set     memberSet
	systems []string // of the value set's includes, for a code without a system
	size    int
}

func (c *compiledSet) has(system, code string) Membership {
	if system != "" {
		return c.set.has(system, code)
	}
	m := Out
	for _, s := range c.systems {
		if m = either(m, c.set.has(s, code)); m == In {
			return In
		}
	}
	return m
}

// members keeps compiled value sets and systems by the canonical they were asked
// by. When they have become too many all are forgotten, which costs compiling
// those that are still in use again.
type members struct {
	mu         sync.RWMutex
	generation uint64
	size       int
	sets       map[string]*compiledSet
	systems    map[key]*view
}

// fresh makes sure that nothing is kept from before the source changed.
func (s *Service) fresh() {
	c, ok := s.source.(Changing)
	if !ok {
		return
	}
	now := c.Generation()
	m := &s.members
	m.mu.RLock()
	same := m.generation == now
	m.mu.RUnlock()
	if !same {
		m.mu.Lock()
		m.generation = now
		m.forget()
		m.mu.Unlock()
	}
}

func (m *members) forget() {
	m.size, m.sets, m.systems = 0, map[string]*compiledSet{}, map[key]*view{}
}

// InValueSet tells whether a code is in a value set, given by canonical. A code
// without a system is the value of a code element: the value set's own systems
// are meant. The answer is Unknown where a definition is not here, or where a
// code system has no codes here and the value set does not list them.
func (s *Service) InValueSet(ctx context.Context, valueSet, system, code string) Membership {
	s.fresh()
	m := &s.members
	m.mu.RLock()
	c, ok := m.sets[valueSet]
	m.mu.RUnlock()
	if !ok {
		c = s.compileSet(ctx, valueSet)
		if ctx.Err() != nil {
			return Unknown // not kept: it may be incomplete
		}
		m.mu.Lock()
		if m.size += c.size + perSystem; m.size > s.limits.Memory || m.sets == nil {
			m.forget()
			m.size = c.size + perSystem
		}
		m.sets[strings.Clone(valueSet)] = c
		m.mu.Unlock()
	}
	return c.has(system, code)
}

func (s *Service) compileSet(ctx context.Context, valueSet string) *compiledSet {
	q := s.session(ctx, &params{count: -1, offset: -1, seen: map[string]bool{}})
	vs := q.valueSetFor(valueSet, nil)
	c := &compiledSet{}
	if vs == nil {
		c.set, c.systems = undecided(""), []string{""}
		return c
	}
	c.set = q.members(vs, c)
	return c
}

// members compiles a value set. What cannot be compiled is undecided.
func (s *session) members(vs *fhir.Resource, c *compiledSet) memberSet {
	if err := s.enter(resourceCanonical(vs), "compiling"); err != nil {
		return undecided("")
	}
	defer s.leave()
	compose := vs.Get("compose")
	if compose == nil {
		return s.storedMembers(vs.Path("expansion", "contains"), c)
	}
	if s.understood(vs, compose) != nil {
		c.see("")
		return undecided("")
	}
	inactive := text(compose, "inactive") == "false"
	var in, out anyOf
	for _, set := range compose.Get("include").Items() {
		in = append(in, s.selected(vs, set, inactive, c))
	}
	for _, set := range compose.Get("exclude").Items() {
		out = append(out, s.selected(vs, set, false, &compiledSet{}))
	}
	if len(out) == 0 {
		if len(in) == 1 {
			return in[0]
		}
		return in
	}
	return without{in, out}
}

// selected compiles one include or exclude.
func (s *session) selected(vs *fhir.Resource, set *fhir.Element, inactive bool, c *compiledSet) memberSet {
	var parts allOf
	if system := text(set, "system"); system != "" {
		c.see(system)
		parts = append(parts, s.selectedCodes(set, system, inactive, c))
	}
	for _, u := range set.Get("valueSet").Items() {
		inner := s.valueSetFor(s.pin(u.Text()), vs)
		if inner == nil {
			c.see("")
			parts = append(parts, undecided(""))
			continue
		}
		parts = append(parts, s.members(inner, c))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if len(parts) == 0 {
		return anyOf{}
	}
	return parts
}

func (c *compiledSet) see(system string) {
	for _, s := range c.systems {
		if s == system {
			return
		}
	}
	c.systems = append(c.systems, system)
}

func (s *session) selectedCodes(set *fhir.Element, system string, inactive bool, c *compiledSet) memberSet {
	v := s.system(system, text(set, "version"))
	concepts, filters := set.Get("concept").Items(), set.Get("filter")
	known := v != nil && !v.absent()
	switch {
	case len(concepts) > 0:
		codes := make(map[string]struct{}, len(concepts))
		for _, listed := range concepts {
			code := text(listed, "code")
			if known {
				at, ok := v.find(code)
				if !ok && v.complete() || ok && inactive && at != byGrammar && v.concepts[at].inactive {
					continue
				}
			}
			codes[code] = struct{}{}
		}
		c.size += len(codes)
		return codesOf{system: system, codes: codes, otherwise: Out}
	case !known:
		return undecided(system)
	case filters.Len() == 0:
		c.size += len(v.concepts)
		return allCodes{v, inactive}
	case v.grammar != nil:
		pass, err := v.grammarFilters(set, "", "")
		if err != nil {
			return undecided(system)
		}
		return grammarCodes{v, pass}
	}
	if v.measure != nil && !v.complete() {
		if pass, err := v.grammarFilters(set, "", ""); err == nil {
			return measuredCodes{v, pass}
		}
	}
	pass, err := v.filters(set, "", "")
	if err != nil || s.spend(len(v.concepts)) != nil {
		return undecided(system)
	}
	found := codesOf{system: system, codes: map[string]struct{}{}, otherwise: Out}
	if !v.complete() {
		found.otherwise = Unknown
	}
	for at := range v.concepts {
		if con := &v.concepts[at]; passAll(pass, int32(at)) && !(inactive && con.inactive) {
			found.codes[con.code] = struct{}{}
		}
	}
	c.size += len(found.codes)
	return found
}

// storedMembers are the codes of an expansion without a definition.
func (s *session) storedMembers(contains *fhir.Element, c *compiledSet) memberSet {
	bySystem := map[string]map[string]struct{}{}
	var walk func(list *fhir.Element)
	walk = func(list *fhir.Element) {
		for _, e := range list.Items() {
			if s.spend(1) != nil {
				return
			}
			if system, code := text(e, "system"), text(e, "code"); code != "" {
				if bySystem[system] == nil {
					bySystem[system] = map[string]struct{}{}
					c.see(system)
				}
				bySystem[system][code] = struct{}{}
				c.size++
			}
			walk(e.Get("contains"))
		}
	}
	walk(contains)
	out := anyOf{}
	for system, codes := range bySystem {
		out = append(out, codesOf{system, codes, Out})
	}
	return out
}

// SystemAnswer is what there is to say of a code in its system.
type SystemAnswer struct {
	Membership Membership
	// Display is a right display where the one asked with is wrong, else "".
	Display string
	// Supplement is true where the system names a code system supplement.
	Supplement bool
}

// InSystem tells whether a code system has a code and, where a display is given,
// whether it is right.
func (s *Service) InSystem(ctx context.Context, system, version, code, display string) SystemAnswer {
	s.fresh()
	m := &s.members
	k := key{system: system, version: version}
	m.mu.RLock()
	v, ok := m.systems[k]
	m.mu.RUnlock()
	if !ok {
		q := s.session(ctx, &params{count: -1, offset: -1, seen: map[string]bool{}})
		// R4 codesystem §4.8.5: a supplement defines no codes, whatever it says of its content.
		if r := q.find("CodeSystem", system, version); r != nil && (r.Get("content").Text() == "supplement" || r.Get("supplements") != nil) {
			return SystemAnswer{Supplement: true}
		}
		if v = q.exactSystem(system, version); v == nil {
			return SystemAnswer{}
		}
		m.mu.Lock()
		if m.size += len(v.concepts) + perSystem; m.size > s.limits.Memory || m.systems == nil {
			m.forget()
			m.size = len(v.concepts) + perSystem
		}
		m.systems[key{system: strings.Clone(system), version: strings.Clone(version)}] = v
		m.mu.Unlock()
	}
	at, found := v.find(code)
	switch {
	case v.absent() || !found && !v.complete(), !found && system == uriSystem && !strings.Contains(code, ":"):
		// A relative reference is no URI by itself, but may be one where it is read.
		return SystemAnswer{}
	case !found:
		return SystemAnswer{Membership: Out}
	case display == "" || at == byGrammar || strings.EqualFold(v.concepts[at].display, display):
		return SystemAnswer{Membership: In}
	}
	texts := v.designations(at)
	if len(texts) == 0 || texts.check(display, nil, nil, false) == agrees {
		return SystemAnswer{Membership: In}
	}
	return SystemAnswer{Membership: In, Display: texts.preferred(nil).value}
}
