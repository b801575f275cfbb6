package rest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// maxFrame is the most bytes of one frame.
const maxFrame = 1 << 20

// envelope is a frame with what the gateway knows of it, as JSON.
type envelope struct {
	DeviceID       string        `json:"deviceId"`
	GatewayID      string        `json:"gatewayId"`
	ReceivedAt     string        `json:"receivedAt"`
	Characteristic string        `json:"characteristic"`
	Profile        string        `json:"profile"`
	Hex            *string       `json:"hex"`
	Base64         *string       `json:"base64"`
	Clock          *ingest.Clock `json:"clock"`
}

// submit answers POST /ingest/{adapter}: raw bytes with the gateway's facts in
// the query, or an envelope.
func (s *Server) submit(c echo.Context) error {
	data, err := s.bytes(c.Request())
	if err != nil {
		return err
	}
	sub := ingest.Submission{Adapter: c.Param("adapter")}
	media, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	switch media {
	case "application/json":
		err = fromEnvelope(data, &sub)
	case "application/octet-stream", "", "text/csv", "text/xml", "application/xml", "application/hl7-v2", "x-application/hl7-v2+er7", "application/hl7-v2+er7":
		err = fromQuery(c, data, &sub)
	default:
		err = fhir.BadMedia("Content-Type %q is not read here; send the frame as application/octet-stream, or as application/json with hex or base64", media)
	}
	if err != nil {
		return err
	}
	switch {
	case len(sub.Bytes) == 0:
		return fhir.Malformed("", "the frame is empty").WithCode(fhir.CodeRequired)
	case len(sub.Bytes) > maxFrame:
		return fhir.TooLong("a frame is at most %d bytes", maxFrame)
	}
	receipt, err := s.Ingest.Submit(c.Request().Context(), sub)
	if err != nil {
		return err
	}
	s.receipt(c, receipt)
	return nil
}

func (s *Server) receipt(c echo.Context, receipt *ingest.Receipt) {
	status := http.StatusOK
	switch {
	case receipt.Created():
		status = http.StatusCreated
	case receipt.Waits():
		status = http.StatusAccepted
	}
	s.send(c.Response(), c.Request(), status, receipt.Bundle(s.Engine.Base).JSON(), format{pretty: c.QueryParam("_pretty") == "true"})
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

func fromEnvelope(data []byte, sub *ingest.Submission) error {
	var e envelope
	if err := decodeJSON(data, &e); err != nil {
		return err
	}
	var err error
	switch {
	case (e.Hex == nil) == (e.Base64 == nil):
		return fhir.Malformed("", "the frame is given as exactly one of hex and base64").WithCode(fhir.CodeRequired)
	case e.Hex != nil:
		sub.Bytes, err = hex.DecodeString(strings.NewReplacer(" ", "", "-", "", ":", "").Replace(*e.Hex))
	default:
		sub.Bytes, err = base64.StdEncoding.DecodeString(*e.Base64)
	}
	if err != nil {
		return fhir.Malformed("", "hex or base64 cannot be decoded").WithCode(fhir.CodeValue)
	}
	sub.Device, sub.Gateway, sub.Received = e.DeviceID, e.GatewayID, e.ReceivedAt
	sub.Characteristic, sub.Clock, sub.Profile = e.Characteristic, e.Clock, e.Profile
	return nil
}

// decodeJSON reads strict JSON (see fhir.ParseElement) into a struct, refusing
// members it does not have.
func decodeJSON(data []byte, into any) error {
	if _, err := fhir.ParseElement(data); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fhir.Malformed("", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
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
	if err := decodeJSON(data, &a); err != nil {
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
