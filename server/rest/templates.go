package rest

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"vitalwire/adapters/template"
	"vitalwire/fhir"
	"vitalwire/server/ingest"
	"vitalwire/server/templates"
)

// listTemplates answers GET /ingest/templates.
func (s *Server) listTemplates(c echo.Context) error {
	items := []templates.Status{}
	if s.Templates != nil {
		items = s.Templates.List()
	}
	return c.JSON(http.StatusOK, list{Items: items})
}

// tryTemplate answers POST /ingest/templates/{name}/try: the input is the body.
func (s *Server) tryTemplate(c echo.Context) error {
	data, err := s.bytes(c.Request())
	if err != nil {
		return err
	}
	if len(data) > ingest.MaxFrame {
		return fhir.TooLong("an input is at most %d bytes", ingest.MaxFrame)
	}
	var t *template.Template
	if s.Templates != nil {
		t = s.Templates.Get(c.Param("name"))
	}
	if t == nil {
		e := fhir.NotFound(fhir.Key{})
		e.Issues[0].Text = "no such template is in service"
		return e
	}
	return c.JSON(http.StatusOK, t.Try(data))
}
