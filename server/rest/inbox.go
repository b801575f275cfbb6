package rest

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// inboxRoutes are what an operator does with frames that are refused, wait, or are stored.
func (s *Server) inboxRoutes() []route {
	look := []parameter{{"from", "first byte to show in hex"}}
	byID := append([]parameter{{"id", "id of the entry"}}, look...)
	done := map[int]string{200: "What became of it."}
	selected := []parameter{{"adapter", "adapter or template"}, {"device", "EUI-64 of one device"}, {"from", "instant of receipt"}, {"to", "instant before which"},
		{"after", "where the last page ended"}, {"count", "how many at most"}}
	const json = "application/json"
	return []route{
		{http.MethodGet, "/ingest/refused/:id/look", "lookRefused", "Shows a refused frame: its bytes beside what its adapter makes of them now, and why it was refused.", look, nil,
			map[int]string{200: "The frame."}, s.lookRefused},
		{http.MethodPost, "/ingest/refused/redrive", "redrive", "Tries all refused frames of a selection again, or says what would become of them.", nil, []string{json}, done, s.redrive},
		{http.MethodGet, "/ingest/quarantine/look", "lookWaiting", "Shows the frame of a reading that waits, and what keeps it.", byID, nil, map[int]string{200: "The frame."}, s.lookWaiting},
		{http.MethodPost, "/ingest/quarantine/release", "release", "Releases what waits and has a patient by now.", nil, []string{json}, done, s.releaseWaiting},
		{http.MethodGet, "/ingest/frames", "listFrames", "Lists stored frames with what they became.", selected, nil, map[int]string{200: "A page."}, s.listFrames},
		{http.MethodGet, "/ingest/frames/look", "lookFrame", "Shows a stored frame: its bytes beside what its adapter makes of them now.", byID, nil, map[int]string{200: "The frame."}, s.lookFrame},
		{http.MethodGet, replaysPath, "listReplays", "Lists replays, the oldest first.", nil, nil, map[int]string{200: "The list."}, s.listReplays},
		{http.MethodPost, replaysPath, "dryReplay", "Begins to read stored frames again by the adapters as they are now, as a dry run.", nil, []string{json},
			map[int]string{201: "It runs."}, s.dryReplay},
		{http.MethodGet, replaysPath + "/:id", "getReplay", "Says how far a replay is, and what it found.", nil, nil, map[int]string{200: "The replay."}, s.getReplay},
		{http.MethodGet, replaysPath + "/:id/frames", "listReplayed", "Lists the frames of a replay that are not as they were, reading by reading.", selected[4:], nil, map[int]string{200: "A page."}, s.listReplayed},
		{http.MethodPost, replaysPath + "/:id/apply", "applyReplay", "Begins to write what a dry run said.", nil, []string{json}, map[int]string{201: "It runs."}, s.applyReplay},
		{http.MethodPost, replaysPath + "/:id/cancel", "cancelReplay", "Ends a replay between two frames.", nil, nil, done, s.cancelReplay},
	}
}

const replaysPath = "/ingest/replays"

// lookup finds a frame to look at.
type lookup func(ctx context.Context, id string, from int) (ingest.Look, error)

// plus mends an offset whose '+' was not escaped and arrived as a blank.
func plus(instant string) string { return strings.Replace(instant, " ", "+", 1) }

// small reads a small JSON body; none is as good as {}.
func (s *Server) small(c echo.Context, into any) error {
	if c.Request().ContentLength == 0 {
		return nil
	}
	return s.readJSON(c, into)
}

// strict refuses query parameters that mean nothing here.
func strict(c echo.Context, known ...string) (url.Values, error) {
	query := c.QueryParams()
	for name := range query {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, fhir.BadSearch("unknown parameter %.40q", name)
		}
	}
	return query, nil
}

// number reads a bounded number of a query.
func number(query url.Values, name string, otherwise, least, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fhir.BadSearch("%s must be %d to %d", name, least, most)
	}
	return n, nil
}

// looked answers a look, once the audit log has it: a frame tells of a patient.
func (s *Server) looked(c echo.Context, look ingest.Look, id string, err error) error {
	if noted := s.Engine.Audit.Administered(c.Request().Context(), "frame-looked-at", id, err); err == nil {
		err = noted
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, look)
}

func (s *Server) lookRefused(c echo.Context) error {
	query, err := strict(c, "from")
	if err != nil {
		return err
	}
	from, err := number(query, "from", 0, 0, 1<<30)
	if err != nil {
		return err
	}
	look, err := s.Ingest.LookRefused(c.Request().Context(), c.Param("id"), from)
	return s.looked(c, look, c.Param("id"), err)
}

func (s *Server) lookWaiting(c echo.Context) error { return s.lookBy(c, s.Ingest.LookWaiting) }

func (s *Server) lookFrame(c echo.Context) error { return s.lookBy(c, s.Ingest.LookFrame) }

func (s *Server) lookBy(c echo.Context, by lookup) error {
	query, err := strict(c, "id", "from")
	if err != nil {
		return err
	}
	from, err := number(query, "from", 0, 0, 1<<30)
	if err != nil {
		return err
	}
	look, err := by(c.Request().Context(), query.Get("id"), from)
	return s.looked(c, look, query.Get("id"), err)
}

// redrive answers POST /ingest/refused/redrive.
func (s *Server) redrive(c echo.Context) error {
	var asked struct {
		ingest.Refusal
		DryRun bool   `json:"dryRun"`
		After  string `json:"after"`
		Count  int    `json:"count"`
	}
	if err := s.small(c, &asked); err != nil {
		return err
	}
	if asked.Count == 0 {
		asked.Count = 100
	}
	if asked.Count < 1 || asked.Count > 1000 {
		return fhir.Malformed("count", "count must be 1 to 1000").WithCode(fhir.CodeValue)
	}
	tried, next, err := s.Ingest.Redrive(c.Request().Context(), asked.Refusal, asked.DryRun, asked.After, asked.Count)
	if !asked.DryRun {
		if noted := s.Engine.Audit.Administered(c.Request().Context(), "frames-redriven", asked.Adapter, err); err == nil {
			err = noted
		}
	}
	if err != nil {
		return err
	}
	taken := 0
	for _, one := range tried {
		if one.Taken {
			taken++
		}
	}
	return c.JSON(http.StatusOK, struct {
		list
		DryRun bool `json:"dryRun"`
		Taken  int  `json:"taken"`
	}{list{tried, next}, asked.DryRun, taken})
}

func (s *Server) releaseWaiting(c echo.Context) error {
	var asked struct {
		Device string `json:"device"`
	}
	if err := s.small(c, &asked); err != nil {
		return err
	}
	released, err := s.Ingest.Release(c.Request().Context(), asked.Device)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Released int `json:"released"`
	}{released})
}

func (s *Server) listFrames(c echo.Context) error {
	query, err := strict(c, "adapter", "device", "from", "to", "after", "count")
	if err != nil {
		return err
	}
	count, err := number(query, "count", 100, 1, 1000)
	if err != nil {
		return err
	}
	items, next, err := s.Ingest.Kept(c.Request().Context(), ingest.Frames{Adapter: query.Get("adapter"), Device: query.Get("device"),
		From: plus(query.Get("from")), To: plus(query.Get("to"))}, query.Get("after"), count)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list{items, next})
}

func (s *Server) listReplays(c echo.Context) error {
	items, err := s.Ingest.Replays(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list{Items: items})
}

func (s *Server) dryReplay(c echo.Context) error {
	var asked ingest.Frames
	if err := s.small(c, &asked); err != nil {
		return err
	}
	run, err := s.Ingest.Dry(c.Request().Context(), asked)
	return s.replayed(c, http.StatusCreated, "replay-tried", run, err)
}

func (s *Server) applyReplay(c echo.Context) error {
	var asked struct {
		EnteredInError bool `json:"enteredInError"`
	}
	if err := s.small(c, &asked); err != nil {
		return err
	}
	run, err := s.Ingest.Reapply(c.Request().Context(), c.Param("id"), asked.EnteredInError)
	return s.replayed(c, http.StatusCreated, "replay-applied", run, err)
}

func (s *Server) cancelReplay(c echo.Context) error {
	run, err := s.Ingest.CancelReplay(c.Request().Context(), c.Param("id"))
	return s.replayed(c, http.StatusOK, "replay-cancelled", run, err)
}

// replayed answers what was done to a replay, once the audit log has it.
func (s *Server) replayed(c echo.Context, status int, code string, run ingest.Replay, err error) error {
	if noted := s.Engine.Audit.Administered(c.Request().Context(), code, run.ID, err); err == nil {
		err = noted
	}
	if err != nil {
		return err
	}
	return c.JSON(status, run)
}

func (s *Server) getReplay(c echo.Context) error {
	run, err := s.Ingest.ReplayOf(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, run)
}

func (s *Server) listReplayed(c echo.Context) error {
	query, err := strict(c, "after", "count")
	if err != nil {
		return err
	}
	count, err := number(query, "count", 100, 1, 1000)
	if err != nil {
		return err
	}
	id := c.Param("id")
	if _, err := s.Ingest.ReplayOf(c.Request().Context(), id); err != nil {
		return err
	}
	items, err := s.Ingest.Findings(c.Request().Context(), id, query.Get("after"), count)
	if noted := s.Engine.Audit.Administered(c.Request().Context(), "replay-looked-at", id, err); err == nil {
		err = noted
	}
	if err != nil {
		return err
	}
	next := ""
	if len(items) == count {
		next = items[count-1].Frame
	}
	return c.JSON(http.StatusOK, list{items, next})
}
