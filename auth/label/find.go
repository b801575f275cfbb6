package label

import (
	"slices"

	"vitalwire/fhir"
)

// Inline is the extension that labels one element of a resource (FHIR DS4P 1.0.0, inline
// security labels). Whoever may not see an element with such a label may not see the
// resource: no Consent is judged for each element. That holds whether or not the
// resource says PROCESSINLINELABEL, by which authors announce such labels.
const Inline = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"

// finder walks a resource. Every element counts, also those that no search parameter
// reaches, such as the answers of a QuestionnaireResponse, extensions, and all of what
// is contained.
type finder struct {
	rules *Rules
	found uint64
	give  func(system, code string)
	// whole: a confidentiality was given for the resource as a whole. parts is the highest
	// that was given for something in it, as an index of ranks; -1 for none.
	whole bool
	parts int
}

// own gives the labels of the resource itself.
func (f *finder) own(e *fhir.Element) {
	for _, label := range e.Path("meta", "security").Items() {
		f.label(label, true)
	}
	f.declared(e, true)
}

func (f *finder) object(e *fhir.Element) {
	var system, code, url, coding *fhir.Element
	for _, m := range e.Members() {
		switch v := m.Value; v.Kind() {
		case fhir.Object:
			switch m.Name {
			case "meta":
				f.meta(v)
				continue
			case "valueCoding":
				coding = v
			}
			f.object(v)
		case fhir.Array:
			f.array(v)
		case fhir.String:
			switch m.Name {
			case "system":
				system = v
			case "code":
				code = v
			case "url":
				url = v
			}
		}
	}
	if url.Text() == Inline {
		f.inlined(coding)
	}
	if system != nil && code != nil {
		if known := f.rules.systems[system.Text()]; known != nil {
			f.found |= known.of(code.Text())
		}
	}
}

func (f *finder) array(e *fhir.Element) {
	for _, m := range e.Members() {
		switch m.Value.Kind() {
		case fhir.Object:
			f.object(m.Value)
		case fhir.Array:
			f.array(m.Value)
		}
	}
}

// meta gives the labels of the author of what is contained, once more those of the whole,
// and those inline; other metadata says nothing of what is inside.
func (f *finder) meta(e *fhir.Element) {
	for _, label := range e.Get("security").Items() {
		f.label(label, false)
	}
	f.inline(e)
}

// inline gives the labels of the elements below one, and nothing else of them.
func (f *finder) inline(e *fhir.Element) {
	for _, m := range e.Members() {
		if kind := m.Value.Kind(); kind == fhir.Object || kind == fhir.Array {
			f.inline(m.Value)
		}
	}
	if e.Is(fhir.Object) && e.Get("url").Text() == Inline {
		f.inlined(e.Get("valueCoding"))
	}
}

// inlined gives the label of an element. What cannot be read is taken for the worst.
func (f *finder) inlined(coding *fhir.Element) {
	if coding.Get("code").Text() == "" {
		f.give(Confidentiality, ranks[len(ranks)-1])
		return
	}
	f.label(coding, false)
}

// declared gives the labels that authors write elsewhere than in meta: those of the
// document that a DocumentReference is about, and of a Composition; in a Bundle, too.
func (f *finder) declared(e *fhir.Element, whole bool) {
	switch e.Get("resourceType").Text() {
	case "DocumentReference":
		for _, concept := range e.Get("securityLabel").Items() {
			for _, label := range concept.Get("coding").Items() {
				f.label(label, whole)
			}
		}
	case "Composition":
		if code := e.Get("confidentiality").Text(); code != "" {
			f.author(Confidentiality, code, whole)
		}
	case "Bundle":
		for _, entry := range e.Get("entry").Items() {
			f.declared(entry.Get("resource"), false)
		}
	}
}

func (f *finder) label(e *fhir.Element, whole bool) {
	if code := e.Get("code").Text(); code != "" {
		f.author(e.Get("system").Text(), code, whole)
	}
}

// author gives a label of the author, of the resource or of something in it.
func (f *finder) author(system, code string, whole bool) {
	if rank := slices.Index(ranks, code); system == Confidentiality && rank >= 0 {
		if f.whole = f.whole || whole; !whole {
			f.parts = max(f.parts, rank)
		}
	}
	f.give(system, code)
}
