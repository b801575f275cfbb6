package interaction

import (
	"fmt"

	"vitalwire/fhir"
	"vitalwire/server/shape"
	"vitalwire/server/store"
)

// searchset writes the entries of a searchset (R4 bundle §2.36.4). What is shown
// whole is copied from the store as it is, not parsed.
type searchset struct {
	base    string
	shaper  shape.Shaper
	text    []byte // the Bundle as far as it is written
	entries int
}

// begin begins an entry; place is the resource's below the base, "" for none.
func (s *searchset) begin(place string) {
	if s.entries++; s.entries == 1 {
		s.text = append(s.text, `,"entry":[`...)
	} else {
		s.text = append(s.text, ',')
	}
	s.text = append(s.text, '{')
	if place != "" {
		s.text = fhir.AppendString(append(s.text, `"fullUrl":`...), s.base+"/"+place)
		s.text = append(s.text, ',')
	}
	s.text = append(s.text, `"resource":`...)
}

func (s *searchset) end(mode string) {
	s.text = append(append(append(s.text, `,"search":{"mode":"`...), mode...), `"}}`...)
}

// tree writes an entry of a parsed resource.
func (s *searchset) tree(place string, resource *fhir.Element, mode string) {
	s.begin(place)
	s.text = s.shaper.Apply(resource).AppendJSON(s.text)
	s.end(mode)
}

// version writes an entry of a stored resource.
func (s *searchset) version(v store.Version, mode string) error {
	if s.shaper.Shape.Whole() {
		s.begin(v.Key.String())
		s.text = v.AppendJSON(s.text)
		s.end(mode)
		return nil
	}
	resource, err := fhir.ParseElement(v.AppendJSON(nil))
	if err != nil {
		return fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	s.tree(v.Key.String(), resource, mode)
	return nil
}

// done ends the Bundle.
func (s *searchset) done() []byte {
	if s.entries > 0 {
		s.text = append(s.text, ']')
	}
	return append(s.text, '}')
}
