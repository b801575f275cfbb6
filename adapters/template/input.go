package template

import (
	"bytes"
	"errors"
	"fmt"

	"vitalwire/adapters"
	"vitalwire/adapters/template/query"
	"vitalwire/fhir"
)

// document reads a frame in the template's format.
func (t *Template) document(frame []byte) (query.Match, error) {
	switch t.Format {
	case "csv":
		e, err := readCSV(frame, t.csv)
		return query.Root(e, false), err
	case "xml":
		e, err := readXML(frame)
		return query.Root(e, true), err
	}
	data := bytes.Clone(bytes.TrimPrefix(frame, []byte("\uFEFF")))
	e, err := fhir.ParseElement(data)
	var shown *fhir.Error
	if errors.As(err, &shown) && len(shown.Issues) > 0 {
		// The text quotes a character at most.
		return query.Match{}, &adapters.Error{Reason: "the frame is no JSON: " + shown.Issues[0].Text}
	}
	if err != nil {
		return query.Match{}, &adapters.Error{Reason: "the frame is no JSON"}
	}
	return query.Root(e, false), nil
}

// refusedAt says where a frame is not what it should be.
func refusedAt(offset int, format string, args ...any) error {
	return &adapters.Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
}
