package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// bodyLimit is how many bytes a request to a path may carry: a file of an adapter that
// cuts it into frames may be longer than anything that is kept in memory.
func (s *Server) bodyLimit(path string) int64 {
	limit := s.Limits.body(path)
	adapter, below := strings.CutPrefix(path, "/ingest/")
	if below && s.Ingest != nil && s.Ingest.Splits(adapter) {
		limit = max(limit, s.Limits.Export)
	}
	return limit
}

// whole bounds a body that is read as a whole, where a longer one was let in.
func (s *Server) whole(c echo.Context) {
	r := c.Request()
	r.Body = http.MaxBytesReader(c.Response(), r.Body, s.Limits.Body)
}

// oneFrame reads the bytes of a frame; file is set instead when there are more than a
// frame may have, and the adapter cuts them.
func (s *Server) oneFrame(c echo.Context, adapter string) (data []byte, file io.Reader, err error) {
	if !s.Ingest.Splits(adapter) {
		data, err = s.bytes(c.Request())
		return data, nil, err
	}
	data, err = io.ReadAll(io.LimitReader(c.Request().Body, ingest.MaxFrame+1))
	if err != nil {
		return nil, nil, s.badBody(err)
	}
	if len(data) > ingest.MaxFrame {
		return nil, io.MultiReader(bytes.NewReader(data), judged{c.Request().Body, s}), nil
	}
	return data, nil, nil
}

// eachFrame is how long a sender may take for the bytes of one frame of a file, and
// the answer may take after the last one.
const eachFrame = 60 * time.Second

// submitFile answers POST /ingest/{adapter} with a file of many frames. It is stored while
// it comes; the answer counts what was made of it.
func (s *Server) submitFile(c echo.Context, sub ingest.Submission, file io.Reader) error {
	connection := http.NewResponseController(c.Response())
	further := func() {
		// A file may take longer than a request may; each of its frames may not.
		_ = connection.SetReadDeadline(time.Now().Add(eachFrame)) // some connections have none
		_ = connection.SetWriteDeadline(time.Now().Add(2 * eachFrame))
	}
	further()
	export, err := s.Ingest.SubmitExport(c.Request().Context(), sub, file, further)
	if err != nil {
		var known *fhir.Error
		if errors.As(err, &known) && export.Frames > 0 {
			with := *known
			with.Issues = append(append([]fhir.Issue{}, known.Issues...), fhir.Issue{Severity: fhir.Information, Code: fhir.CodeInformational,
				Text: fmt.Sprintf("%d frames of the file are stored; sent again as a whole, they are found and made no second time", export.Frames)})
			return &with
		}
		return err
	}
	reach, err := s.Engine.Reach(c.Request().Context())
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d frames are stored", export.Frames-export.Refused)
	if reach.Whole("Observation", auth.Read) {
		text += fmt.Sprintf(": %d readings were made, %d were there already, %d wait for a patient", export.Created, export.Present, export.Waiting)
	}
	issues := []fhir.Issue{{Severity: fhir.Information, Code: fhir.CodeInformational, Text: text}}
	if export.Refused+export.Skipped > 0 {
		issues = append(issues, fhir.Issue{Severity: fhir.Warning, Code: fhir.CodeInvalid,
			Text: fmt.Sprintf("%d frames were refused, and %d records skipped; the first of them follow", export.Refused, export.Skipped)})
	}
	for _, trouble := range export.Troubles {
		issues = append(issues, fhir.Issue{Severity: fhir.Warning, Code: fhir.CodeInvalid, Text: trouble})
	}
	s.send(c.Response(), c.Request(), http.StatusOK, fhir.Outcome(issues).JSON(), format{pretty: c.QueryParam("_pretty") == "true"})
	return nil
}
