package validate

import (
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// binding is a compiled ElementDefinition.binding.
type binding struct {
	valueSet   string
	strength   definition.Strength
	max        string
	additional []string // further value sets that are required

	// good are codes of a code element that were found to be in the value set. It
	// is kept only for R4's own value sets of this version, which never change.
	good  sync.Map
	count atomic.Int32
	keep  bool
}

const maxGood = 512

func (v *Validator) binding(b *definition.Binding) *binding {
	out := &binding{valueSet: b.ValueSet, strength: b.Strength, max: b.MaxValueSet}
	url, version := definition.Split(b.ValueSet)
	out.keep = version == "4.0.1" && len(url) > 20 && url[:20] == "http://hl7.org/fhir/"
	for _, a := range b.Additional {
		if a.Purpose == "required" || a.Purpose == "maximum" {
			out.additional = append(out.additional, a.ValueSet)
		}
	}
	strong := out.strength == definition.Required || out.strength == definition.Extensible
	if !(strong && out.valueSet != "") && out.max == "" && len(out.additional) == 0 {
		return nil
	}
	return out
}

// accepts reports whether a code is known to be in the value set.
func (b *binding) accepts(code string) bool {
	_, ok := b.good.Load(code)
	return ok && b.max == "" && len(b.additional) == 0
}

// bound checks the element at hand against a binding (R4 terminologies §4.1.2:
// required must be from the value set; extensible must unless no concept there fits).
func (r *run) bound(b *binding, typ string, value *fhir.Element) {
	if typ == "code" && value.Is(fhir.String) && b.accepts(value.Text()) {
		return
	}
	if b.valueSet != "" {
		switch b.strength {
		case definition.Required:
			r.inValueSet(b, b.valueSet, b.valueSet != r.relaxed, typ, value)
		case definition.Extensible:
			r.inValueSet(b, b.valueSet, false, typ, value)
		}
	}
	if b.max != "" {
		r.inValueSet(nil, b.max, true, typ, value)
	}
	for _, a := range b.additional {
		r.inValueSet(nil, a, true, typ, value)
	}
}

func (r *run) inValueSet(b *binding, valueSet string, required bool, typ string, value *fhir.Element) {
	switch typ {
	case "code", "string", "uri", "url", "canonical", "id", "markdown":
		if value == nil || value.Kind() == fhir.Null {
			if required && typ == "code" {
				r.err(fhir.CodeCodeInvalid, "a code from the value set %s is required, and there is none", valueSet)
			}
			return
		}
		if !value.Is(fhir.String) {
			return
		}
		code := value.Text()
		if len(code) > 256 {
			r.err(fhir.CodeCodeInvalid, "the code is not in the value set %s", valueSet)
			return
		}
		verdict := r.inCodes(valueSet, Coding{Code: code})
		if verdict.Membership == Member && b != nil && b.keep && b.count.Load() < maxGood {
			if _, there := b.good.LoadOrStore(strings.Clone(code), struct{}{}); !there {
				b.count.Add(1)
			}
		}
		if typ == "code" {
			r.membership(verdict.Membership, valueSet, required, Coding{Code: code})
		} else {
			r.membership(verdict.Membership, valueSet, required, Coding{})
		}
	case "Coding":
		c := codingOf(value)
		if c.Code != "" {
			r.membership(r.inCodes(valueSet, c).Membership, valueSet, required, c)
		} else if required {
			r.err(fhir.CodeCodeInvalid, "a code from the value set %s is required, and the Coding has none", valueSet)
		}
	case "Quantity", "Age", "Count", "Distance", "Duration", "Money", "SimpleQuantity", "MoneyQuantity":
		c := codingOf(value)
		if c.Code != "" {
			r.membership(r.inCodes(valueSet, Coding{System: c.System, Code: c.Code}).Membership, valueSet, required, c)
		}
	case "CodeableConcept":
		r.conceptInValueSet(valueSet, required, b != nil, value)
	}
}

func codingOf(e *fhir.Element) Coding {
	var c Coding
	if !e.Is(fhir.Object) {
		return c
	}
	for _, m := range e.Members() {
		switch m.Name {
		case "system":
			c.System = m.Value.Text()
		case "version":
			c.Version = m.Value.Text()
		case "code":
			c.Code = m.Value.Text()
		case "display":
			c.Display = m.Value.Text()
		}
	}
	return c
}

// conceptInValueSet: one of the codings must be in the value set. demanded tells
// that there must be a coding at all; the maximum of a weaker binding leaves
// text alone allowed.
func (r *run) conceptInValueSet(valueSet string, required, demanded bool, value *fhir.Element) {
	codings := value.Get("coding")
	unknown, first := false, Coding{}
	for i := range codings.Len() {
		c := codingOf(codings.At(i))
		if c.Code == "" {
			continue
		}
		if first.Code == "" {
			first = c
		}
		switch r.inCodes(valueSet, c).Membership {
		case Member:
			return
		case Unknown:
			unknown = true
		}
	}
	switch {
	case first.Code == "":
		if required && demanded {
			r.err(fhir.CodeCodeInvalid, "a code from the value set %s is required, and no coding has one", valueSet)
		}
	case unknown:
		r.membership(Unknown, valueSet, required, first)
	case codings.Len() == 1:
		r.membership(NotMember, valueSet, required, first)
	default:
		r.membership(NotMember, valueSet, required, Coding{})
	}
}

func (r *run) membership(m Membership, valueSet string, required bool, c Coding) {
	switch {
	case m == Member:
	case m == Unknown && required:
		r.issue(fhir.Information, fhir.CodeNotSupported, "whether the code is in the value set %s cannot be decided here", valueSet)
	case m == NotMember && required:
		r.err(fhir.CodeCodeInvalid, "%s not in the value set %s, from which a code is required", codeWords(c), valueSet)
	case m == NotMember:
		r.warn(fhir.CodeCodeInvalid, "%s not in the value set %s, from which a code should come unless none of it fits", codeWords(c), valueSet)
	}
}

func codeWords(c Coding) string {
	switch {
	case c.Code == "":
		return "none of the codes is"
	case c.System == "":
		return "the code " + clip(c.Code) + " is"
	}
	return "the code " + clip(c.System) + "#" + clip(c.Code) + " is"
}
