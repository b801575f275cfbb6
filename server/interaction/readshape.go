package interaction

import (
	"fmt"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/shape"
	"vitalwire/server/store"
)

// readShape reads _summary and _elements of a read (R4 http §3.1.0.1.11), and
// refuses what a read would ignore.
func readShape(query string) (search.Shape, error) {
	var s search.Shape
	given, err := search.Split(query)
	if err != nil {
		return s, err
	}
	for _, a := range given {
		switch a.Name {
		case "_format", "_pretty":
		case "_summary", "_elements":
			if a.Value == "count" {
				return s, fhir.BadSearch("_summary=count is for searches")
			}
			if err := s.ReadShape(a.Name, a.Value); err != nil {
				return s, err
			}
		default:
			return s, fhir.BadSearch("parameter %q is not known for a read; known are _summary, _elements, _format and _pretty", a.Name).WithCode(fhir.CodeNotSupported)
		}
	}
	return s, nil
}

// shaped is the answer of a read, of which a part may be left out.
func (e *Engine) shaped(want search.Shape, r Request, v store.Version) (Response, error) {
	response, err := answer(r, v)
	if err != nil || want.Whole() || response.NotModified || response.Version == nil {
		return response, err
	}
	body, err := fhir.ParseElement(v.Body)
	if err != nil {
		return Response{}, fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	definitions, _ := e.Definitions()
	v.Body = shape.Shaper{Definitions: definitions, Shape: want}.Apply(body).AppendJSON(nil)
	response.Version = &v
	return response, nil
}
