package term

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// asked is the form in which a code was asked about.
type asked uint8

const (
	askedCode asked = iota
	askedCoding
	askedConcept
)

// root is where the paths of issues begin.
func (a asked) root() string { return [...]string{"", "Coding", "CodeableConcept"}[a] }

// path joins FHIRPath steps; the first may be empty.
func path(base, name string) string {
	if base == "" {
		return name
	}
	return base + "." + name
}

// ValidateCode is ValueSet $validate-code (R4 valueset-operation-validate-code).
// The result is a Parameters resource; the error is a *Failure.
func (s *Service) ValidateCode(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, false)
	if err != nil {
		return nil, err
	}
	return q.validateCode(r.Instance)
}

func (s *session) validateCode(instance *fhir.Resource) (*fhir.Resource, error) {
	vs, err := s.subject(instance)
	if err != nil {
		return nil, err
	}
	how, codings := s.codings(false)
	if codings == nil {
		return nil, refuse(issue{code: fhir.CodeInvalid,
			text: "Unable to find code to validate (looked for coding | codeableConcept | code+system | code+inferSystem in parameters"})
	}
	s.require(vs.Root())
	k, err := s.checker(vs)
	if err != nil {
		return s.notPrepared(err, how, codings)
	}
	if err := s.missingSupplements(); err != nil {
		return nil, err
	}
	return s.judge(k, how, codings)
}

// ValidateInSystem is CodeSystem $validate-code (R4
// codesystem-operation-validate-code): all codes of the system are allowed.
func (s *Service) ValidateInSystem(ctx context.Context, r Request) (*fhir.Resource, error) {
	q, err := s.begin(ctx, r, false)
	if err != nil {
		return nil, err
	}
	how, codings := q.codings(true)
	if codings == nil {
		return nil, badRequest("Unable to find code to validate (looked for coding | codeableConcept | code in parameters)")
	}
	v, err := q.systemAsked(r.Instance, how, codings[0])
	if err != nil {
		return q.notPrepared(err, how, codings)
	}
	vs := v.valueSet
	if vs == "" {
		vs = v.url + "/vs"
	}
	k, err := q.checker(wholeSystem(vs, v.version, v.url))
	if err != nil {
		return nil, err
	}
	k.internal = true
	for i := range codings {
		if codings[i].system == "" {
			codings[i].system = v.url
		}
	}
	return q.judge(k, how, codings)
}

// soft is an error that is an answer, not a refusal: the code is not valid
// because of what it names.
type soft struct {
	issue
	unknown string // the canonical that is not known
}

func (e *soft) Error() string { return e.text }

// systemAsked is the code system that CodeSystem $validate-code is about.
func (s *session) systemAsked(instance *fhir.Resource, how asked, first coding) (*view, error) {
	if s.codeSystem != nil {
		instance = s.codeSystem
	}
	if instance != nil {
		if instance.Type() != "CodeSystem" {
			return nil, badRequest("The parameter codeSystem must be a CodeSystem, not %s", instance.Type())
		}
		s.bring(instance)
		sys := s.compiled(instance)
		return &view{system: sys, supplements: s.supplementsFor(sys)}, nil
	}
	url, version := s.url, s.version
	if url == "" {
		url, version = first.system, first.version
	}
	if url == "" {
		if how == askedCode {
			return nil, badRequest("No CodeSystem specified - provide url parameter or codeSystem resource")
		}
		at := how.root()
		if how == askedConcept {
			at += ".coding[0]"
		}
		return nil, &soft{issue: noSystem(at)}
	}
	version = s.versionFor(url, version)
	if v := s.exactSystem(url, version); v != nil {
		s.use(v)
		return v, s.missingSupplements()
	}
	at := map[asked]string{askedCode: "system", askedCoding: "Coding.system", askedConcept: "CodeableConcept.coding[0].system"}[how]
	if wrong, ok := s.notASystem(at, url, version); ok {
		return nil, &soft{issue: wrong, unknown: url}
	}
	name := url
	known := s.versions(url)
	if version != "" && len(known) > 0 {
		name = canonical(url, version)
	}
	return nil, &soft{issue: unknownSystem(at, url, version, known, soNotValidated), unknown: name}
}

// notASystem tells when a canonical names something, and no code system.
func (s *session) notASystem(at, url, version string) (issue, bool) {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeInvalid, detail: "invalid-data", path: at}
	if s.find("ValueSet", url, "") != nil {
		i.id = "Terminology_TX_System_ValueSet2"
		i.text = fmt.Sprintf("The Coding references a value set, not a code system ('%s')", url)
		return i, true
	}
	if r := s.find("CodeSystem", url, version); r != nil && r.Get("content").Text() == "supplement" {
		i.id = "CODESYSTEM_CS_NO_SUPPLEMENT"
		i.text = fmt.Sprintf("CodeSystem %s is a supplement, so can't be used as a value in Coding.system", resourceCanonical(r))
		return i, true
	}
	return issue{}, false
}

func noSystem(at string) issue {
	return issue{severity: fhir.Warning, code: fhir.CodeInvalid, detail: "invalid-data", path: at,
		id: "Coding_has_no_system__cannot_validate",
		text: "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. " +
			"A system should be provided"}
}

// codings are the codes to validate; nil when there are none.
func (s *session) codings(inSystem bool) (asked, []coding) {
	switch {
	case s.concept != nil:
		s.inferSystem = false
		out := []coding{}
		for _, c := range s.concept.Get("coding").Items() {
			out = append(out, readCoding(c))
		}
		if len(out) == 0 {
			return askedConcept, nil
		}
		return askedConcept, out
	case s.coding != nil:
		s.inferSystem = false
		return askedCoding, []coding{readCoding(s.coding)}
	case s.code == "":
		return askedCode, nil
	}
	c := coding{system: s.params.system, version: s.systemVersion, code: s.code, display: s.display}
	if inSystem {
		if s.url != "" {
			c.system = s.url
		}
		c.version = s.version
	} else if c.system == "" && !s.inferSystem {
		return askedCode, nil
	}
	return askedCode, []coding{c}
}

// notPrepared answers when the value set or code system to check against cannot
// be used: an issue of the answer where that is what is asked, else the error.
func (s *session) notPrepared(err error, how asked, codings []coding) (*fhir.Resource, error) {
	var e *soft
	if !errors.As(err, &e) {
		return nil, err
	}
	a := answer{issues: issues{e.issue}}
	if e.unknown != "" {
		a.unknown = []string{e.unknown}
	}
	out := fhir.NewArray(parameter("result", "Boolean", "false"))
	if how != askedConcept {
		if codings[0].system != "" {
			out.Append(parameter("system", "Uri", codings[0].system))
		}
		out.Append(parameter("code", "Code", codings[0].code))
		version := codings[0].version
		if v := s.system(codings[0].system, ""); version == "" && v != nil {
			version = v.version
		}
		if version != "" {
			out.Append(parameter("version", "String", version))
		}
	}
	for _, name := range a.unknown {
		out.Append(parameter("x-caused-by-unknown-system", "Canonical", name))
	}
	out.Append(parameter("message", "String", e.text))
	if how == askedConcept {
		out.Append(fhir.NewObject(fhir.S("name", "codeableConcept"), fhir.M("valueCodeableConcept", s.concept)))
	}
	out.Append(fhir.NewObject(fhir.S("name", "issues"), fhir.M("resource", a.issues.outcome().Root())))
	return parametersOf(out), nil
}

func parametersOf(list *fhir.Element) *fhir.Resource {
	r := fhir.NewResource("Parameters")
	r.Root().Set("parameter", list)
	return r
}

// verdict is the answer to whether a code is in a value set.
type verdict uint8

const (
	no verdict = iota
	yes
	unknown // a code system is not known, so it cannot be told
)

// An answer gathers what is found out about the codes of one request.
type answer struct {
	issues    issues
	messages  []string // what goes into the message beside the errors
	unknown   []string // code systems without a definition
	undecided bool     // for want of a release of a code system

	inactive                   bool
	inactivePath, inactiveCode string
	status                     string
	normal                     string // the code in its right case
	implied                    string // the system that was inferred
}

func (a *answer) say(i issue) {
	if !slices.Contains(a.messages, i.text) {
		a.messages = append(a.messages, i.text)
	}
	a.issues.add(i)
}

// missing notes a code system without a definition; false when it was noted.
func (a *answer) missing(name string) bool {
	if slices.Contains(a.unknown, name) {
		return false
	}
	a.unknown = append(a.unknown, name)
	return true
}

// message are the texts of all errors and of what else matters, sorted.
func (a *answer) message() string {
	texts := slices.Clone(a.messages)
	for _, i := range a.issues {
		if i.severity == fhir.ErrorLevel {
			texts = append(texts, i.text)
		}
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), "; ")
}

// seeStatus notes the status of the first inactive code.
func (a *answer) seeStatus(at, code string, c *concept) {
	if a.inactive {
		return
	}
	a.inactive, a.inactivePath, a.inactiveCode = c.inactive, at, code
	a.status = c.status
}

// A found is what checking one coding brings to light.
type found struct {
	texts   designations
	lang    *tag
	version string
	content string
	absent  bool // decided by a list alone: the code system is not here
}
