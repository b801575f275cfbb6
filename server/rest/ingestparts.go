package rest

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// The media types of several frames in one body: fields of a form (RFC 7578), and
// parts with headers of their own (RFC 2046 §5.1.3).
const (
	formData = "multipart/form-data"
	mixed    = "multipart/mixed"
)

// partFacts are the facts of a raw frame: the header fields of a part of
// multipart/mixed, and the names of the fields of a form that come before it.
var partFacts = []struct{ header, name string }{
	{"Device-Id", "deviceId"}, {"Gateway-Id", "gatewayId"}, {"Received-At", "receivedAt"},
	{"Characteristic", "characteristic"}, {"Profile", "profile"},
}

const (
	// mostFact is the longest value of a form field that is a fact.
	mostFact = 1 << 10
	// mostPart is the largest part: a frame as hex in its envelope.
	mostPart = 2*ingest.MaxFrame + 64<<10
)

// submitParts answers POST /ingest/{adapter} with a frame in each part: raw, or an
// envelope as application/json. Each is stored, and answered, on its own, once all of
// the body was read. What the query says holds for each raw frame that says nothing else.
func (s *Server) submitParts(c echo.Context, media, boundary string) error {
	if boundary == "" {
		return fhir.BadMedia("%s takes a boundary (RFC 2046 §5.1.1)", media)
	}
	var common ingest.Submission
	if err := fromQuery(c, nil, &common); err != nil {
		return err
	}
	common.Adapter = c.Param("adapter")
	body := multipart.NewReader(c.Request().Body, boundary)
	var given []given
	fields := 0
	for {
		part, err := body.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.badPart(err)
		}
		if fields++; fields > mostLines+len(partFacts)*mostLines {
			return fhir.TooLong("a request holds at most %d frames", mostLines)
		}
		if media == formData && part.FileName() == "" && isFact(part.FormName()) {
			if err := s.formFact(part, &common); err != nil {
				return err
			}
			continue
		}
		data, err := content(part)
		if err != nil {
			return s.badPart(err)
		}
		if len(given) == mostLines {
			return fhir.TooLong("a request holds at most %d frames", mostLines)
		}
		given = append(given, frameOf(part, media, data, common))
	}
	if len(given) == 0 {
		return fhir.Malformed("", "there is no frame").WithCode(fhir.CodeRequired)
	}
	s.submitAll(c, given)
	return nil
}

// formFact takes a form field as a fact of the frames after it.
func (s *Server) formFact(part *multipart.Part, into *ingest.Submission) error {
	data, err := io.ReadAll(io.LimitReader(part, mostFact+1))
	if err != nil {
		return s.badPart(err)
	}
	if len(data) > mostFact {
		return fhir.TooLong("the form field %s is longer than %d bytes", part.FormName(), mostFact)
	}
	setFact(into, part.FormName(), strings.TrimSpace(string(data)))
	return nil
}

// content is the bytes of a part. One that is longer than it may be is given a byte too
// long, for its own answer to say so.
func content(part *multipart.Part) ([]byte, error) {
	var r io.Reader = part
	switch encoding := strings.ToLower(strings.TrimSpace(part.Header.Get("Content-Transfer-Encoding"))); encoding {
	case "", "binary", "8bit", "7bit":
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, part)
	default:
		return nil, fhir.BadMedia("Content-Transfer-Encoding %.32q of a part is not read; binary and base64 are", encoding)
	}
	data, err := io.ReadAll(io.LimitReader(r, mostPart+1))
	if corrupt := base64.CorruptInputError(0); errors.As(err, &corrupt) {
		return nil, fhir.Malformed("", "a part is not base64").WithCode(fhir.CodeValue)
	}
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, part) // what is too long is passed over
	return data, err
}

// frameOf is the frame of a part.
func frameOf(part *multipart.Part, media string, data []byte, common ingest.Submission) given {
	if len(data) > mostPart {
		return given{err: fhir.TooLong("a frame is at most %d bytes", ingest.MaxFrame)}
	}
	typ, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if typ == "application/json" {
		sub, err := ingest.ReadEnvelope(common.Adapter, data)
		return given{sub, err}
	}
	sub := common
	sub.Bytes = data
	if media == mixed {
		for _, fact := range partFacts {
			if value := part.Header.Get(fact.header); value != "" {
				setFact(&sub, fact.name, value)
			}
		}
	}
	return given{sub: sub}
}

func isFact(name string) bool {
	for _, fact := range partFacts {
		if fact.name == name {
			return true
		}
	}
	return false
}

func setFact(sub *ingest.Submission, name, value string) {
	switch name {
	case "deviceId":
		sub.Device = value
	case "gatewayId":
		sub.Gateway = value
	case "receivedAt":
		sub.Received = value
	case "characteristic":
		sub.Characteristic = value
	case "profile":
		sub.Profile = value
	}
}

// badPart is the error for a body that does not hold parts to its end. Nothing of it was
// stored.
func (s *Server) badPart(err error) error {
	var known *fhir.Error
	var tooBig *http.MaxBytesError
	if errors.As(err, &known) || errors.As(err, &tooBig) {
		return s.badBody(err)
	}
	return fhir.Malformed("", "the body is not the parts that its boundary says, or ended early").WithCause(err)
}
