package rest

import (
	"cmp"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// submit answers POST /ingest/{adapter}: raw bytes with the gateway's facts in
// the query, or an envelope.
func (s *Server) submit(c echo.Context) error {
	sub := ingest.Submission{Adapter: c.Param("adapter")}
	media, parameters, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	var file io.Reader
	switch media {
	case formData, mixed:
		s.whole(c)
		return s.submitParts(c, media, parameters["boundary"])
	case ndjson, "application/ndjson", "application/json":
		s.whole(c)
		data, err := s.bytes(c.Request())
		if err != nil {
			return err
		}
		if media != "application/json" {
			return s.submitLines(c, data)
		}
		if sub, err = ingest.ReadEnvelope(sub.Adapter, data); err != nil {
			return err
		}
	case "application/octet-stream", "", "text/csv", "text/xml", "application/xml", "application/soap+xml", "application/hl7-v2", "x-application/hl7-v2+er7", "application/hl7-v2+er7":
		data, rest, err := s.oneFrame(c, sub.Adapter)
		if err == nil {
			err = fromQuery(c, data, &sub)
		}
		if err != nil {
			return err
		}
		file = rest
	default:
		return fhir.BadMedia("Content-Type %q is not read here; send the frame as application/octet-stream, or as application/json with hex or base64, or several as application/x-ndjson, multipart/form-data or multipart/mixed", media)
	}
	if file != nil {
		s.sender(c, &sub)
		return s.submitFile(c, sub, file)
	}
	if err := bounded(sub); err != nil {
		return err
	}
	s.sender(c, &sub)
	receipt, err := s.Ingest.Submit(c.Request().Context(), sub)
	if err != nil {
		return err
	}
	s.receipt(c, receipt)
	return nil
}

// bounded refuses a frame that is none by its length.
func bounded(sub ingest.Submission) error {
	switch {
	case len(sub.Bytes) == 0:
		return fhir.Malformed("", "the frame is empty").WithCode(fhir.CodeRequired)
	case len(sub.Bytes) > ingest.MaxFrame:
		return fhir.TooLong("a frame is at most %d bytes", ingest.MaxFrame)
	}
	return nil
}

// sender says who submits, and whose turn it takes: what is known of the device or
// gateway, so that a flood from one holds up no other.
func (s *Server) sender(c echo.Context, sub *ingest.Submission) {
	access, _ := auth.From(c.Request().Context())
	sub.Sender = access.Client
	host, _, _ := net.SplitHostPort(c.Request().RemoteAddr)
	sub.Source = "http " + cmp.Or(sub.Device, sub.Gateway, sub.Sender, host)
}

// receipt answers with what became of a frame. Who may write readings and not read
// them is not told whether there is a patient: for him all that was stored is alike.
func (s *Server) receipt(c echo.Context, receipt *ingest.Receipt) {
	status, answer := s.told(c, receipt)
	s.send(c.Response(), c.Request(), status, answer.JSON(), format{pretty: c.QueryParam("_pretty") == "true"})
}

// told is the status and the bundle of a receipt.
func (s *Server) told(c echo.Context, receipt *ingest.Receipt) (int, *fhir.Resource) {
	status := http.StatusOK
	switch reach, err := s.Engine.Reach(c.Request().Context()); {
	case err != nil || !reach.Whole("Observation", auth.Read):
		return http.StatusAccepted, receipt.Sealed()
	case receipt.Created():
		status = http.StatusCreated
	case receipt.Waits():
		status = http.StatusAccepted
	}
	return status, receipt.Bundle(s.Engine.Base)
}

// queryFacts are the query parameters of a raw frame.
var queryFacts = map[string]bool{"deviceId": true, "gatewayId": true, "receivedAt": true, "characteristic": true, "profile": true, "_pretty": true}

func fromQuery(c echo.Context, data []byte, sub *ingest.Submission) error {
	for name := range c.QueryParams() {
		if !queryFacts[name] {
			return fhir.BadSearch("unknown parameter %q; known are deviceId, gatewayId, receivedAt, characteristic and profile", name)
		}
	}
	sub.Bytes = data
	sub.Device, sub.Gateway = c.QueryParam("deviceId"), c.QueryParam("gatewayId")
	// A '+' of the offset that was not escaped arrives as a blank.
	sub.Received = strings.Replace(c.QueryParam("receivedAt"), " ", "+", 1)
	sub.Characteristic, sub.Profile = c.QueryParam("characteristic"), c.QueryParam("profile")
	return nil
}

func (s *Server) associate(c echo.Context) error {
	data, err := s.bytes(c.Request())
	if err != nil {
		return err
	}
	if media, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); media != "application/json" {
		return fhir.BadMedia("Content-Type %q is not read here; application/json is", media)
	}
	var a ingest.Association
	if err := ingest.DecodeJSON(data, &a); err != nil {
		return err
	}
	stored, created, released, err := s.Ingest.Associate(c.Request().Context(), a)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return c.JSON(status, struct {
		ingest.Association
		Released int `json:"released"`
	}{stored, released})
}

// page reads count and after of a list of books.
func page(c echo.Context) (after string, count int, err error) {
	count = 100
	for name := range c.QueryParams() {
		switch name {
		case "device", "after", "count":
		default:
			return "", 0, fhir.BadSearch("unknown parameter %q; known are device, after and count", name)
		}
	}
	if text := c.QueryParam("count"); text != "" {
		if count, err = strconv.Atoi(text); err != nil || count < 1 || count > 1000 {
			return "", 0, fhir.BadSearch("count must be 1 to 1000")
		}
	}
	return c.QueryParam("after"), count, nil
}

// list is the JSON form of a page of books; next is what `after` continues with.
type list struct {
	Items any    `json:"items"`
	Next  string `json:"next,omitempty"`
}

func (s *Server) listAssociations(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	items, last, err := s.Ingest.Associations(c.Request().Context(), c.QueryParam("device"), after, count)
	if err != nil {
		return err
	}
	if len(items) < count {
		last = ""
	}
	return c.JSON(http.StatusOK, list{items, last})
}

func (s *Server) listQuarantine(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	items, err := s.Ingest.Quarantine(c.Request().Context(), c.QueryParam("device"), after, count)
	if err != nil {
		return err
	}
	next := ""
	if len(items) == count {
		next = items[count-1].ID
	}
	return c.JSON(http.StatusOK, list{items, next})
}

func (s *Server) listRefused(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	items, err := s.Ingest.Refusals(c.Request().Context(), after, count)
	if err != nil {
		return err
	}
	next := ""
	if len(items) == count {
		next = items[count-1].ID
	}
	return c.JSON(http.StatusOK, list{items, next})
}

func (s *Server) replay(c echo.Context) error {
	receipt, err := s.Ingest.Replay(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	s.receipt(c, receipt)
	return nil
}
