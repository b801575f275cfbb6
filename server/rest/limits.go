package rest

import (
	"errors"
	"io"
	"net/http"

	"vitalwire/fhir"
	"vitalwire/profiles"
)

// Limits bound what one request may ask for. Each is a setting, and the error of
// a request beyond it names that setting.
type Limits struct {
	// Body is the most bytes of a request body, packed and unpacked.
	Body int64
	// Export is the most bytes of a file that is cut into frames while it comes,
	// packed and unpacked.
	Export int64
	// URL is the most bytes of the request target, query included.
	URL int
	// Header is the most bytes of all header fields together.
	Header int
	// Depth is how deep a resource may nest, at most fhir.MaxDepth.
	Depth int
}

// DefaultLimits suit a server behind nothing.
func DefaultLimits() Limits {
	return Limits{Body: 16 << 20, Export: 16 << 30, URL: 16 << 10, Header: 32 << 10, Depth: fhir.MaxDepth}
}

// withDefaults fills what was left open.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Body == 0 {
		l.Body = d.Body
	}
	if l.Export == 0 {
		l.Export = d.Export
	}
	if l.URL == 0 {
		l.URL = d.URL
	}
	if l.Header == 0 {
		l.Header = d.Header
	}
	if l.Depth == 0 {
		l.Depth = d.Depth
	}
	return l
}

// head bounds the request line and the header fields.
func (l Limits) head(r *http.Request) error {
	if n := len(r.RequestURI); n > l.URL {
		return fhir.LongURL("the URL has %d bytes, more than the %d of --max-url; a search can be sent as POST to _search", n, l.URL)
	}
	size := 0
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	if size > l.Header {
		return fhir.LongHeader("the header fields have %d bytes, more than the %d of --max-header", size, l.Header)
	}
	return nil
}

// body is how many bytes a request to a path may carry.
func (l Limits) body(path string) int64 {
	if path == packagesPath {
		return max(l.Body, profiles.DefaultLimits().Packed)
	}
	return l.Body
}

// depth refuses what nests deeper than is set; what was read is no deeper than
// fhir.MaxDepth already.
func (l Limits) depth(root *fhir.Element) error {
	if l.Depth < fhir.MaxDepth && deeper(root, l.Depth) {
		return fhir.Malformed("", "nested deeper than the %d levels of --max-depth", l.Depth)
	}
	return nil
}

func deeper(e *fhir.Element, left int) bool {
	if !e.Is(fhir.Object) && !e.Is(fhir.Array) {
		return false
	}
	if left == 0 {
		return true
	}
	for _, m := range e.Members() {
		if deeper(m.Value, left-1) {
			return true
		}
	}
	return false
}

// bytes reads the whole body, which guard has bounded and unpacked.
func (s *Server) bytes(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, s.badBody(err)
	}
	return data, nil
}

// badBody is the error for a body that could not be read to its end.
func (s *Server) badBody(err error) error {
	var known *fhir.Error
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig) && tooBig.Limit > s.Limits.Body:
		return fhir.TooLong("the file is larger than the %d bytes of --max-export", tooBig.Limit)
	case errors.As(err, &tooBig):
		return fhir.TooLong("the body is larger than the %d bytes of --max-body", tooBig.Limit)
	case errors.As(err, &known):
		return known
	}
	return fhir.Malformed("", "the body ended early").WithCause(err)
}

// judged is a body whose errors are what is wrong with the request.
type judged struct {
	of   io.Reader
	face *Server
}

func (j judged) Read(p []byte) (int, error) {
	n, err := j.of.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = j.face.badBody(err)
	}
	return n, err
}
