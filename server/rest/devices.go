package rest

import (
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// enrolment is what an operator decides about a device, as JSON.
type enrolment struct {
	Device  string   `json:"device"`
	State   string   `json:"state"`
	Senders []string `json:"senders"`
	// Secret asks for a fresh secret for the device.
	Secret bool `json:"secret"`
}

// enrol answers POST /ingest/devices.
func (s *Server) enrol(c echo.Context) error {
	data, err := s.bytes(c.Request())
	if err != nil {
		return err
	}
	if media, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); media != "application/json" {
		return fhir.BadMedia("Content-Type %q is not read here; application/json is", media)
	}
	var e enrolment
	if err := ingest.DecodeJSON(data, &e); err != nil {
		return err
	}
	kept, secret, released, err := s.Ingest.Enrol(c.Request().Context(), ingest.Enrolment{Device: e.Device, State: e.State, Senders: e.Senders}, e.Secret)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, struct {
		Device   string   `json:"device"`
		State    string   `json:"state"`
		Senders  []string `json:"senders,omitempty"`
		Since    string   `json:"since"`
		Secret   string   `json:"secret,omitempty"`
		Released int      `json:"released"`
	}{kept.Device, kept.State, kept.Senders, kept.Since, secret, released})
}

func (s *Server) listDevices(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	items, err := s.Ingest.Devices(c.Request().Context(), c.QueryParam("device"), after, count)
	if err != nil {
		return err
	}
	next := ""
	if len(items) == count {
		next = items[count-1].Device
	}
	return c.JSON(http.StatusOK, list{items, next})
}

func (s *Server) listUnknownCodes(c echo.Context) error {
	return c.JSON(http.StatusOK, list{s.Ingest.UnknownCodes(), ""})
}
