package validate

import (
	"errors"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// extension validates the Extension at hand: its definition, whether it may
// stand here, and what the definition says (R4 extensibility §2.4.0).
func (r *run) extension(el *fhir.Element) {
	url := el.Get("url").Text()
	if url == "" {
		return // its absence is told by cardinality
	}
	at := len(r.stack) - 1
	parent := &r.stack[at-1]
	modifier := r.stack[at].name() == "modifierExtension"
	if !strings.Contains(url, ":") {
		if parent.name() != "extension" && parent.name() != "modifierExtension" {
			r.err(fhir.CodeExtension, "the url of an extension is absolute; only an extension inside another has a relative one")
			return
		}
		r.innerExtension(parent.el, url)
		return
	}
	bare, version := definition.Split(url)
	if version != "" {
		r.err(fhir.CodeExtension, "the url of an extension must not have a version")
	}
	s, err := r.v.src.Structure(bare)
	if err == nil && !s.IsExtension() {
		r.err(fhir.CodeExtension, "%s defines no extension", clip(bare))
		return
	}
	if err != nil {
		r.unknownExtension(bare, modifier, err)
		return
	}
	if len(s.Context) > 0 && !r.inContext(s, at-1) {
		r.report(fhir.ErrorLevel, fhir.CodeExtension, r.locate(at), "the extension %s may not stand here; it may in: %s", bare, words(contexts(s)))
	}
	if p, err := r.v.profile(bare); err == nil {
		r.profile(p)
	}
	if bare == narrativeLink {
		r.narrativeLink(el)
	}
	if isModifier := s.Root().IsModifier; isModifier != modifier && !r.v.inExtension(parent) {
		if isModifier {
			r.err(fhir.CodeExtension, "the extension %s changes the meaning: it belongs in modifierExtension", bare)
		} else {
			r.err(fhir.CodeExtension, "the extension %s does not change the meaning: it belongs in extension", bare)
		}
	}
}

func (v *Validator) inExtension(fr *frame) bool {
	return fr.name() == "extension" || fr.name() == "modifierExtension"
}

// innerExtension checks an extension with a relative url against the definition
// of the one it is in.
func (r *run) innerExtension(outer *fhir.Element, url string) {
	s, err := r.v.src.Structure(outer.Get("url").Text())
	if err != nil || !s.IsExtension() {
		return
	}
	inner := s.ByPath("Extension.extension")
	if inner == nil {
		return
	}
	for _, slice := range inner.Slices {
		if r.v.extensionURL(slice) == url {
			return
		}
	}
	r.err(fhir.CodeExtension, "the extension %s has no part %q", s.URL, clip(url))
}

func (r *run) unknownExtension(url string, modifier bool, err error) {
	for _, known := range r.opts.KnownExtensions {
		if strings.HasPrefix(url, known) {
			return
		}
	}
	what := "is not known"
	if !errors.Is(err, definition.ErrUnknown) {
		what = "cannot be used: its definition has an error"
	}
	switch {
	case r.opts.UnknownExtensions == Refuse:
		r.err(fhir.CodeExtension, "the extension %s %s, and unknown ones are not allowed here", clip(url), what)
	case r.opts.UnknownExtensions == Warn && modifier:
		r.warn(fhir.CodeExtension, "the modifier extension %s %s: it changes the meaning of the element in an unknown way", clip(url), what)
	case r.opts.UnknownExtensions == Warn:
		r.issue(fhir.Information, fhir.CodeExtension, "the extension %s %s", clip(url), what)
	}
}

func contexts(s *definition.Structure) []string {
	out := make([]string, len(s.Context))
	for i, c := range s.Context {
		out[i] = c.Expression
	}
	return out
}

// inContext reports whether an extension may stand on the element at a place of
// the stack (R4 defining-extensions §2.4.1.1).
func (r *run) inContext(s *definition.Structure, at int) bool {
	fr := &r.stack[at]
	for _, c := range s.Context {
		switch c.Type {
		case "extension":
			if r.v.inExtension(fr) && fr.el.Get("url").Text() == c.Expression {
				return true
			}
		case "fhirpath":
			if r.contextExpression(c.Expression, at) {
				return true
			}
		default:
			if r.isElement(c.Expression, at) {
				return true
			}
		}
	}
	return false
}

// contextExpression evaluates a context of type fhirpath on the resource and
// asks whether the element is among the results.
func (r *run) contextExpression(text string, at int) bool {
	expr, err := r.v.expression(text).get(r.v)
	if err != nil {
		return true // what cannot be told is not held against anyone
	}
	base := at
	for base > 0 && !r.stack[base].ids {
		base--
	}
	items, err := expr.Eval(r.ctx, r.environment(), r.item(base))
	if err != nil {
		return true
	}
	for _, it := range items {
		if it.Element() == r.stack[at].el && it.Element() != nil {
			return true
		}
		if v, ok := it.Bool(); ok && v {
			return true
		}
	}
	return false
}

// isElement reports whether the element at a place of the stack is what a
// context of type element names: a type, or a path such as Patient.name; the
// path's beginning may be any type on the way here.
func (r *run) isElement(expression string, at int) bool {
	if i := strings.IndexByte(expression, '#'); i >= 0 {
		expression = expression[i+1:] // a profile's element: its id begins with the type
	}
	fr := &r.stack[at]
	if !strings.Contains(expression, ".") {
		return r.frameIs(fr, expression)
	}
	if fr.sh != nil && matchesPath(fr.sh.path, expression) {
		return true
	}
	if fr.f != nil && fr.f.def != nil && matchesPath(fr.f.def.Path, expression) {
		return true
	}
	// HumanName.family inside Patient.name, Patient.name.family and the like.
	parts := strings.Split(strings.ReplaceAll(expression, "[x]", ""), ".")
	i := len(parts) - 1
	for ; i > 0 && at > 0; i, at = i-1, at-1 {
		if r.stack[at].name() != strings.TrimSuffix(parts[i], "[x]") {
			return false
		}
	}
	return i == 0 && r.frameIs(&r.stack[at], parts[0])
}

func matchesPath(path, expression string) bool {
	return path == expression || strings.TrimSuffix(path, "[x]") == strings.TrimSuffix(expression, "[x]")
}

// frameIs reports whether an element is of a type.
func (r *run) frameIs(fr *frame, typ string) bool {
	switch typ {
	case "Element":
		return true // definitions use it for anything, resources too
	case "Resource":
		return fr.ids
	}
	own := ""
	switch {
	case fr.sh != nil:
		own = fr.sh.typ
	case fr.f != nil:
		own = fr.f.typ
	}
	if typ == "CanonicalResource" || typ == "MetadataResource" {
		sh := r.v.shape(own)
		return fr.ids && sh != nil && sh.fields["url"] != nil && sh.fields["status"] != nil
	}
	return own == typ || definition.Descends(r.v.src, own, typ)
}
