package auth

import (
	"encoding/csv"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SeenBy says which page of what was seen is asked for.
type SeenBy struct {
	// From and To are days such as 2026-12-31, User a login name; each may be "".
	From, To, User string
	// After is where the page begins: SeenPage.Next, or "" for the first.
	After string
	Count int
	// Own: also what the patient looked at on these pages himself.
	Own bool
}

// SeenPage is what was done with what is kept of a patient, the newest first.
type SeenPage struct {
	// Audited: what is done is kept at all.
	Audited bool
	Rows    []SeenRow
	Next    string
}

// SeenRow is one thing that was done, in words that name no other patient.
type SeenRow struct {
	When time.Time
	// User is the login name, "" for none; Who is who it was and App what he used.
	User, Who, App string
	What, Why      string
	// Glass: consents were overridden in an emergency, for the Reason; "" when it is not
	// for the patient to know.
	Glass  bool
	Reason string
	Failed bool
}

// seenView is what the page shows.
type seenView struct {
	Fault string
	SeenPage
	SeenBy
	// Older and File are the parameters of the next page, and of the whole as a file.
	Older, File template.URL
}

// seenRows are those of one page; seenFile those of a file at most.
const (
	seenRows = 50
	seenFile = 10_000
)

// seen is the page where a patient sees who did what with his data.
func (a *Authority) seen(w http.ResponseWriter, r *http.Request) {
	u, s, patient, ok := a.himself(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		if a.posted(w, r, s) {
			goTo(w, "seen?"+filter(r.PostForm).Encode())
		}
		return
	}
	query := r.URL.Query()
	by := SeenBy{From: query.Get("from"), To: query.Get("to"), User: query.Get("user"), After: query.Get("after"), Count: seenRows, Own: query.Get("own") != ""}
	view := seenView{SeenBy: by}
	for _, day := range []string{by.From, by.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			view.Fault = "A day is written such as 2026-12-31."
		}
	}
	if by.User != "" && !loginName.MatchString(by.User) {
		view.Fault = "There is nobody of that name."
	}
	if view.Fault != "" {
		view.Audited = true
		a.page(w, r, http.StatusUnprocessableEntity, "seen", view)
		return
	}
	ctx := privately(r.Context(), u)
	if query.Get("format") == "csv" {
		by.Count = seenFile
	}
	page, err := a.Privacy.Seen(ctx, patient, by)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	if query.Get("format") == "csv" && page.Audited {
		a.seenCSV(w, page)
		return
	}
	again := filter(query)
	view.SeenPage = *page
	again.Set("format", "csv")
	view.File = template.URL(again.Encode()) //nolint:gosec // it is encoded
	again.Del("format")
	again.Set("after", page.Next)
	view.Older = template.URL(again.Encode()) //nolint:gosec // it is encoded
	a.page(w, r, http.StatusOK, "seen", view)
}

// filter are the parameters by which what was seen is narrowed.
func filter(given url.Values) url.Values {
	list := url.Values{}
	for _, name := range []string{"from", "to", "user", "own"} {
		if value := strings.TrimSpace(given.Get(name)); value != "" {
			list.Set(name, value)
		}
	}
	return list
}

// seenCSV answers with a table for spreadsheets (RFC 4180).
func (a *Authority) seenCSV(w http.ResponseWriter, page *SeenPage) {
	var b strings.Builder
	table := csv.NewWriter(&b)
	table.UseCRLF = true
	rows := [][]string{{"When (UTC)", "Who", "App", "What", "Why", "Emergency", "Reason"}}
	for _, row := range page.Rows {
		emergency := ""
		if row.Glass {
			emergency = "the glass was broken"
		}
		rows = append(rows, []string{row.When.UTC().Format(time.RFC3339), row.Who, row.App, row.What, row.Why, emergency, row.Reason})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		_ = table.Write(row) // into memory
	}
	table.Flush()
	a.pageHeader(w.Header(), "seen")
	w.Header().Set("Content-Disposition", `attachment; filename="who-saw-my-data.csv"`)
	a.answerBytes(w, http.StatusOK, "text/csv; charset=utf-8", "no-store", []byte(b.String()))
}

// cell is a text that a spreadsheet takes for no formula (OWASP, CSV injection).
func cell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
