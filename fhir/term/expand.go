package term

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
)

// Expand is ValueSet $expand (R4 valueset-operation-expand). The result is the
// ValueSet with its expansion, which shares parts with the definitions and must
// not be changed; the error is a *Failure.
func (s *Service) Expand(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, true)
	if err != nil {
		return nil, err
	}
	vs, err := q.subject(r.Instance)
	if err != nil {
		return nil, err
	}
	x, err := q.expand(vs, true)
	if err != nil {
		return nil, err
	}
	return x.result(), nil
}

// subject is the value set a request is about.
func (s *session) subject(instance *fhir.Resource) (*fhir.Resource, error) {
	switch {
	case instance != nil:
		return instance, nil
	case s.valueSet != nil:
		if s.valueSet.Type() != "ValueSet" {
			return nil, badRequest("The parameter valueSet must be a ValueSet, not %s", s.valueSet.Type())
		}
		return s.valueSet, nil
	case s.url == "":
		return nil, badRequest("No ValueSet specified - provide url parameter or valueSet resource")
	}
	url, version := splitCanonical(s.url)
	if s.version != "" {
		version = s.version
	}
	version = s.versionFor(url, version)
	vs := s.valueSetFor(canonical(url, version), nil)
	if vs == nil {
		return nil, valueSetNotFound(canonical(url, version))
	}
	return vs, nil
}

// An entry is one code of an expansion.
type entry struct {
	system, version, code, display string
	abstract, inactive             bool
	designations                   []*fhir.Element
	properties                     []property
	extensions                     []*fhir.Element
	children                       []*entry
	deep                           int // in the tree

	// What is still to be filled in when the entry is shown; nil when nothing is.
	owner  *expansion
	view   *view
	at     int32
	listed *fhir.Element // the concept of the include's list
}

// A property is a value of ValueSet.expansion.contains.property, which R4 has
// as an extension.
type property struct {
	code  string
	name  string // of the value member: valueCode, ...
	value *fhir.Element
}

// A key tells codes apart; version is empty where versions do not.
type key struct{ system, version, code string }

// An expansion is a value set on its way to the list of its codes.
type expansion struct {
	*session
	source *fhir.Resource
	name   string
	langs  wishes
	top    bool

	parameters []*fhir.Element
	declared   []property // code and uri
	reasons    []string   // why there are more codes than listed
	supplied   []string   // supplements that were used
	unclosed   bool

	list, roots []*entry
	byKey       map[key]*entry
	excluded    map[key]bool
	noSystems   map[key]bool // whole systems left out

	flat      bool // no tree
	byVersion bool // the same system in several versions
	anyVers   bool // versionsMatch
	inactive  bool // inactive codes are left out
	words     []string
}

// expand makes the expansion of a value set; top is false for an imported one.
func (s *session) expand(vs *fhir.Resource, top bool) (*expansion, error) {
	root := vs.Root()
	x := &expansion{
		session: s, source: vs, name: resourceCanonical(vs), top: top, langs: s.wanted(),
		byKey: map[key]*entry{}, excluded: map[key]bool{}, noSystems: map[key]bool{},
	}
	if err := s.enter(x.name, "expanding"); err != nil {
		return nil, err
	}
	defer s.leave()
	compose := root.Get("compose")
	if top {
		if err := s.ofValueSet(compose, true); err != nil {
			return nil, err
		}
		x.langs = s.wanted()
	}
	if x.langs == nil {
		if w, ok := parseWishes(text(root, "language"), true); ok {
			x.langs = w
		}
	}
	s.require(root)
	x.flat = s.excludeNested.value || s.offset > 0
	x.inactive = text(compose, "inactive") == "false"
	x.anyVers = s.versionsMatch.value
	x.words = strings.Fields(strings.ToLower(s.filter))
	x.requested()
	x.status(root, "", root)
	if compose == nil {
		return x, x.stored(root.Get("expansion"))
	}
	if text(compose, "lockedDate") != "" {
		return nil, fail(issue{code: fhir.CodeBusinessRule,
			text: fmt.Sprintf("Cannot process ValueSet %s due to the presence of a lockedDate on the compose", x.name)})
	}
	if err := x.compose(compose); err != nil {
		return nil, err
	}
	if top {
		if err := s.missingSupplements(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// requested repeats what shaped the expansion (R4 ValueSet.expansion.parameter).
func (x *expansion) requested() {
	if x.filter != "" {
		x.note("filter", "String", x.filter)
	}
	if x.langs != nil {
		x.note("displayLanguage", "Code", x.langs.String())
	}
	for _, d := range x.session.designations {
		x.note("designation", "String", d)
	}
	for _, o := range [...]struct {
		name string
		optional
	}{
		{"excludeNested", x.excludeNested}, {"versionsMatch", x.versionsMatch}, {"activeOnly", x.activeOnly},
		{"includeDesignations", x.includeDesignations}, {"includeDefinition", x.includeDefinition},
		{"excludeNotForUI", x.excludeNotForUI}, {"excludePostCoordinated", x.excludePostCoordinated},
	} {
		if o.given && (o.value || o.name != "versionsMatch") {
			x.note(o.name, "Boolean", boolText(o.value))
		}
	}
	if x.top && x.offset >= 0 {
		x.note("offset", "Integer", strconv.Itoa(x.offset))
	}
	if x.top && x.count >= 0 {
		x.note("count", "Integer", strconv.Itoa(x.count))
	}
}

// note adds an expansion parameter once.
func (x *expansion) note(name, typ, text string) { x.noteElement(parameter(name, typ, text)) }

func (x *expansion) noteElement(p *fhir.Element) {
	if !slices.ContainsFunc(x.parameters, p.Equal) {
		x.parameters = append(x.parameters, p)
	}
}

// status warns of a definition that is not for general use.
func (x *expansion) status(e *fhir.Element, name string, by *fhir.Element) {
	if name == "" {
		name = canonical(text(e, "url"), text(e, "version"))
	}
	if word := statusOf(text(e, "status"), standards(e), text(e, "experimental") == "true", by); word != "" {
		x.note("warning-"+word, "Uri", name)
	}
}

// statusOf names what is to be said about a definition that another one uses:
// it is deprecated, withdrawn or retired, or it is experimental or a draft and
// the other one is not.
func statusOf(status, standardsStatus string, experimental bool, by *fhir.Element) string {
	switch {
	case standardsStatus == "deprecated" || standardsStatus == "withdrawn":
		return standardsStatus
	case status == "retired":
		return "retired"
	case experimental:
		if text(by, "experimental") != "true" {
			return "experimental"
		}
	case status == "draft" || standardsStatus == "draft":
		if text(by, "status") != "draft" && standards(by) != "draft" {
			return "draft"
		}
	}
	return ""
}

// stored takes over an expansion that a value set was given with, without a
// definition of its own.
func (x *expansion) stored(e *fhir.Element) error {
	for _, p := range e.Get("parameter").Items() {
		x.noteElement(p)
	}
	return x.storedCodes(e.Get("contains").Items(), nil)
}

func (x *expansion) storedCodes(items []*fhir.Element, parent *entry) error {
	for _, item := range items {
		if err := x.spend(1); err != nil {
			return err
		}
		n := &entry{
			system: text(item, "system"), version: text(item, "version"), code: text(item, "code"), display: text(item, "display"),
			abstract: text(item, "abstract") == "true", inactive: text(item, "inactive") == "true",
			designations: item.Get("designation").Items(), extensions: item.Get("extension").Items(),
		}
		at := parent
		if n.code != "" && x.wordsIn(n.code, n.display, nil) && x.add(n, parent) {
			at = n
		}
		if err := x.storedCodes(item.Get("contains").Items(), at); err != nil {
			return err
		}
	}
	return nil
}

// wordsIn applies the text filter: every word must be part of the code or of
// one of its texts.
func (x *expansion) wordsIn(code, display string, ds designations) bool {
	if len(x.words) == 0 {
		return true
	}
	texts := []string{strings.ToLower(code), strings.ToLower(display)}
	for i := range ds {
		texts = append(texts, strings.ToLower(ds[i].value))
	}
	for _, w := range x.words {
		if !slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, w) }) {
			return false
		}
	}
	return true
}

func (x *expansion) key(system, version, code string) key {
	if !x.byVersion || x.anyVers {
		version = ""
	}
	return key{system, version, code}
}

// maxNested is how deep an expansion's tree goes; JSON may nest to fhir.MaxDepth.
const maxNested = fhir.MaxDepth/2 - 8

// add puts a code into the expansion; false when it is there already.
func (x *expansion) add(n *entry, parent *entry) bool {
	k := x.key(n.system, n.version, n.code)
	if _, twice := x.byKey[k]; twice {
		x.flat = true
		return false
	}
	x.byKey[k] = n
	x.list = append(x.list, n)
	if parent != nil {
		n.deep = parent.deep + 1
		x.flat = x.flat || n.deep > maxNested
		parent.children = append(parent.children, n)
	} else {
		x.roots = append(x.roots, n)
	}
	return true
}

// left reports whether an exclude takes the code out.
func (x *expansion) left(system, version, code string) bool {
	return x.noSystems[key{system: system}] || x.noSystems[key{system: system, version: version}] ||
		x.excluded[x.key(system, version, code)]
}

// has reports whether the expansion has a code, in any version.
func (x *expansion) has(system, code string) bool {
	if !x.byVersion {
		_, ok := x.byKey[key{system: system, code: code}]
		return ok
	}
	return slices.ContainsFunc(x.list, func(n *entry) bool { return n.system == system && n.code == code })
}

// full fails when there are more codes than an expansion may have.
func (x *expansion) full() error {
	if x.top && x.count < 0 && len(x.list) >= x.svc.limits.Codes {
		return tooCostly(x.name, x.svc.limits.Codes)
	}
	return nil
}
