package rest

import (
	"bytes"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

const (
	ndjson = "application/x-ndjson"
	// mostLines is how many frames one request may hold, and lanes how many of them are
	// stored at one time; those of a device stay in order.
	mostLines = 10000
	lanes     = 8
)

// submitLines answers POST /ingest/{adapter} with an envelope on each line. Each is
// stored, and answered, on its own: a batch-response with an entry for each line, in
// their order. A line that was not stored says so and takes no other with it.
func (s *Server) submitLines(c echo.Context, data []byte) error {
	var lines [][]byte
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return fhir.Malformed("", "there is no frame").WithCode(fhir.CodeRequired)
	case len(lines) > mostLines:
		return fhir.TooLong("a request holds at most %d frames", mostLines)
	}
	frames := make([]given, len(lines))
	for i, line := range lines {
		frames[i].sub, frames[i].err = ingest.ReadEnvelope(c.Param("adapter"), line)
	}
	s.submitAll(c, frames)
	return nil
}

// given is one frame of several, or why it is none.
type given struct {
	sub ingest.Submission
	err error
}

// submitAll stores frames, those of a device in order, and answers with a batch-response
// of an entry for each, in their order.
func (s *Server) submitAll(c echo.Context, frames []given) {
	answers := make([]*fhir.Element, len(frames))
	var work [lanes][]func()
	for i, frame := range frames {
		sub, err := frame.sub, frame.err
		if err == nil {
			err = bounded(sub)
		}
		if err != nil {
			answers[i] = notStored(err)
			continue
		}
		s.sender(c, &sub)
		h := fnv.New32a()
		_, _ = h.Write([]byte(sub.Device))
		lane := h.Sum32() % lanes
		work[lane] = append(work[lane], func() { answers[i] = s.submitLine(c, sub) })
	}
	var running sync.WaitGroup
	for _, lane := range work {
		running.Go(func() {
			for _, do := range lane {
				do()
			}
		})
	}
	running.Wait()
	bundle := fhir.NewResource("Bundle")
	bundle.Root().Set("type", fhir.NewString("batch-response"))
	bundle.Root().Set("entry", fhir.NewArray(answers...))
	s.send(c.Response(), c.Request(), http.StatusOK, bundle.JSON(), format{pretty: c.QueryParam("_pretty") == "true"})
}

// submitLine stores one frame; its answer is the entry of a batch-response, which holds
// what a request of its own would have been answered.
func (s *Server) submitLine(c echo.Context, sub ingest.Submission) *fhir.Element {
	receipt, err := s.Ingest.Submit(c.Request().Context(), sub)
	if err != nil {
		return notStored(err)
	}
	status, answer := s.told(c, receipt)
	return fhir.NewObject(fhir.M("resource", answer.Root()),
		fhir.M("response", fhir.NewObject(fhir.S("status", strconv.Itoa(status)+" "+http.StatusText(status)))))
}

// notStored is the entry of a line with an error.
func notStored(err error) *fhir.Element {
	var known *fhir.Error
	if !errors.As(err, &known) {
		known = fhir.Unavailable("the frame could not be stored; nothing of it is kept, send it again")
	}
	status := statusOf[known.Situation]
	return fhir.NewObject(fhir.M("response", fhir.NewObject(fhir.S("status", strconv.Itoa(status)+" "+http.StatusText(status)),
		fhir.M("outcome", fhir.Outcome(known.Issues).Root()))))
}
