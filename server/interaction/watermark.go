package interaction

import (
	"fmt"

	"vitalwire/auth/label"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Watermark finds how confidential a Bundle is: as the most confidential of what is in
// it (HL7 DS4P, high water mark), by the labels of authors and the computed ones. Only
// what the caller is shown must be put to it.
type Watermark struct {
	by      search.Labeller // nil when labels are off: there is no mark then
	highest string
}

// Watermark begins the mark of a Bundle.
func (e *Engine) Watermark() *Watermark { return &Watermark{by: e.Search.Labeller()} }

// Version takes in a version that is shown.
func (w *Watermark) Version(v store.Version) error {
	if w.by == nil || v.Deleted || w.by.Silent(v.Body) {
		return nil
	}
	r, err := fhir.ParseResource(v.Body)
	if err != nil {
		return fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	w.Resource(r)
	return nil
}

// Resource takes in a resource that is shown.
func (w *Watermark) Resource(r *fhir.Resource) {
	if w.by == nil {
		return
	}
	w.by.Labels(r, func(system, code string) {
		if system == label.Confidentiality {
			w.highest = label.Highest(w.highest, code)
		}
	})
}

// Meta is the meta of the Bundle; nil when nothing in it is labelled.
func (w *Watermark) Meta() *fhir.Element {
	if w.highest == "" {
		return nil
	}
	return fhir.NewObject(fhir.M("security", fhir.NewArray(fhir.NewObject(fhir.S("system", label.Confidentiality), fhir.S("code", w.highest)))))
}

// Mark puts the mark on a Bundle.
func (w *Watermark) Mark(bundle *fhir.Element) {
	if meta := w.Meta(); meta != nil {
		bundle.Set("meta", meta)
	}
}
