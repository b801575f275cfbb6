package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vitalwire/auth/choice"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

// told is what a page of privacy is shown from; saved is what was saved.
type told struct {
	standing Standing
	seen     SeenPage
	name     string
	err      error
	saved    []*choice.Choices
	version  string
	who      []string // by whom it was asked
}

func (d *told) note(ctx context.Context, patient string) error {
	a, _ := From(ctx)
	d.who = append(d.who, a.User+" "+a.FHIRUser+" "+patient)
	return d.err
}

func (d *told) Standing(ctx context.Context, patient string) (*Standing, error) {
	s := d.standing
	return &s, d.note(ctx, patient)
}

func (d *told) Preview(ctx context.Context, patient string, _ *choice.Choices) ([]Difference, error) {
	return []Difference{{Who: d.name, Gains: []string{d.name}, Losses: []string{d.name}}}, d.note(ctx, patient)
}

func (d *told) Save(ctx context.Context, patient string, c *choice.Choices, version string) error {
	d.saved, d.version = append(d.saved, c), version
	return d.note(ctx, patient)
}

func (d *told) Parties(_ context.Context, text string) ([]Party, error) {
	return []Party{{fhir.Key{Type: "Practitioner", ID: "p"}, d.name + text, d.name}}, nil
}

func (d *told) Names(_ context.Context, keys []fhir.Key) (map[fhir.Key]string, error) {
	names := map[fhir.Key]string{}
	for _, key := range keys {
		if key.ID != "gone" {
			names[key] = d.name + key.ID
		}
	}
	return names, nil
}

func (d *told) Seen(ctx context.Context, patient string, _ SeenBy) (*SeenPage, error) {
	s := d.seen
	return &s, d.note(ctx, patient)
}

func (d *told) Glasses(ctx context.Context, _ string) (*BrokenPage, error) {
	return &BrokenPage{Audited: d.seen.Audited, Next: d.name, List: []Broken{{Who: d.name, App: d.name, Reason: d.name, Patients: []string{d.name}, More: true}, {}}}, d.note(ctx, "")
}

// home is people with a patient, and the mother of one, whose privacy is told.
func home(t *testing.T) (*place, *told) {
	t.Helper()
	p := people(t)
	for _, u := range []User{{Name: "anna", Role: Patient, FHIRUser: "Patient/a"}, {Name: "mother", Role: Patient, FHIRUser: "RelatedPerson/m"}} {
		u.Hash = quickHash(t)
		if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return putUser(d, &u) }); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d := &told{name: "Dora ", standing: Standing{Binds: true, Implicit: consent.AllNormal, Audited: true, Version: "c/3", Active: true,
		Kinds:    []choice.Kind{{Coding: consent.Coding{System: consent.ActCode, Code: "HIV"}, Confidentiality: "R"}},
		Choices:  choice.Choices{Who: choice.Named, Alone: []fhir.Key{{Type: "Practitioner", ID: "d"}}, End: "2099-01-01"},
		Counting: []GivenConsent{{Own: true, Title: "Yours", Given: now, Words: []string{"a word"}}},
		Idle:     []GivenConsent{{Title: "Theirs", Until: "until then", Idle: "it is over", Rules: []choice.Rule{{Depth: 0, Text: "This."}, {Depth: 1, Text: "But: that."}}}},
		Sights:   []OthersSight{{Who: "Somebody", Sees: []string{"this"}, Hidden: []string{"that"}}}},
		seen: SeenPage{Audited: true, Next: "more", Rows: []SeenRow{{When: now, User: "dora", Who: "Dora", App: "Chart", What: "read your weight", Why: "treatment"},
			{When: now, Who: "A service", What: "broke the glass", Glass: true, Reason: "unconscious"}}}}
	p.Privacy = d
	return p, d
}

// The pages of privacy are for the patient himself, whoever asks and by whatever name.
func TestPrivacy_IsForThePatientAlone(t *testing.T) {
	p, d := home(t)
	for _, page := range []string{"privacy", "seen"} {
		stranger := p.browser(t)
		if w := stranger.send(page, nil); w.Code != http.StatusFound || w.Header().Get("Location") != "login?next="+page {
			t.Errorf("a stranger: %s: %d", page, w.Code)
		}
		if w := stranger.send(page, url.Values{"do": {"save"}}); w.Code != http.StatusFound {
			t.Errorf("a stranger's form: %s: %d", page, w.Code)
		}
		for _, name := range []string{"alice", "root", "mother"} {
			b := p.browser(t)
			b.signIn(name, goodPassword)
			if w := b.send(page, nil); w.Code != http.StatusForbidden {
				t.Errorf("%s: %s: %d", name, page, w.Code)
			}
			if w := b.send(page, b.fill("logout", "do", "save", "who", "nobody", "version", "c/3", "patient", "a")); w.Code != http.StatusForbidden {
				t.Errorf("%s: the form of %s: %d", name, page, w.Code)
			}
			if strings.Contains(b.send("account", nil).Body.String(), `href="`+page) {
				t.Errorf("%s has a link to %s", name, page)
			}
		}
	}
	if len(d.who) > 0 || d.saved != nil {
		t.Errorf("something was asked for: %q", d.who)
	}
	b := p.browser(t)
	b.signIn("anna", goodPassword)
	if !strings.Contains(b.send("account", nil).Body.String(), `href="privacy"`) {
		t.Error("the account page does not lead there")
	}
	for _, page := range []string{"privacy", "privacy?patient=b&patient=Patient/b", "seen?patient=b"} {
		if w := b.send(page, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d", page, w.Code)
		}
	}
	b.send("privacy", b.fill("privacy", "do", "save", "who", "nobody", "version", "c/3", "patient", "b"))
	for _, who := range d.who {
		if who != "anna Patient/a a" {
			t.Errorf("asked as %q", who)
		}
	}
	if len(d.saved) != 1 || d.saved[0].Who != choice.Nobody || d.version != "c/3" {
		t.Errorf("saved: %+v %s", d.saved, d.version)
	}
	d.who = nil
	for name, want := range map[string]int{"anna": http.StatusForbidden, "alice": http.StatusForbidden, "mother": http.StatusForbidden, "root": http.StatusOK} {
		other := p.browser(t)
		other.signIn(name, goodPassword)
		if w := other.send("glass", nil); w.Code != want || strings.Contains(other.send("account", nil).Body.String(), `href="glass"`) != (want == http.StatusOK) {
			t.Errorf("%s: glass: %d", name, w.Code)
		}
	}
	if len(d.who) != 1 || d.who[0] != "root  " {
		t.Errorf("glasses were asked for by %q", d.who)
	}
	p.Privacy = nil
	if w := b.send("privacy", nil); w.Code != http.StatusForbidden {
		t.Errorf("without privacy: %d", w.Code)
	}
}

// E.3 OAuth: CSRF. No form without the token of the session changes anything.
func TestPrivacy_CSRF(t *testing.T) {
	p, d := home(t)
	b, other := p.browser(t), p.browser(t)
	b.signIn("anna", goodPassword)
	other.signIn("mother", goodPassword)
	good := b.fill("privacy", "do", "save", "who", "everybody", "version", "c/3")
	for name, change := range map[string]func(url.Values, *http.Request){
		"no token":      func(f url.Values, _ *http.Request) { f.Del(tokenField) },
		"another's":     func(f url.Values, _ *http.Request) { f.Set(tokenField, other.fill("logout").Get(tokenField)) },
		"another site":  func(_ url.Values, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"the same site": func(_ url.Values, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
	} {
		for _, do := range []string{"save", "withdrawn", "withdraw", "review"} {
			form := url.Values{}
			for k, v := range good {
				form[k] = v
			}
			form.Set("do", do)
			change(form, &http.Request{Header: http.Header{}})
			w := b.send("privacy", form, func(r *http.Request) { change(url.Values{}, r) })
			if w.Code != http.StatusForbidden {
				t.Errorf("%s, %s: %d", name, do, w.Code)
			}
		}
	}
	if d.saved != nil {
		t.Errorf("saved: %+v", d.saved)
	}
	if w := b.send("privacy", good); w.Code != http.StatusFound || len(d.saved) != 1 {
		t.Errorf("the good form: %d", w.Code)
	}
}

// WCAG 2.2: the pages can be used with a keyboard and a screen reader, whatever they show;
// what stands in them is text.
func TestPrivacy_PagesAccessible(t *testing.T) {
	for _, name := range []string{"Dora ", `"><script>alert(1)</script>`, `</title><svg onload=alert(1)>`, `' autofocus onfocus='alert(1)`} {
		p, d := home(t)
		d.name = name
		d.seen.Rows[0].Who, d.seen.Rows[0].What, d.seen.Rows[1].Reason, d.seen.Rows[0].App = name, name, name, name
		d.standing.Counting[0].Words, d.standing.Idle[0].Title = []string{name}, name
		b := p.browser(t)
		b.signIn("anna", goodPassword)
		fill := func(pairs ...string) url.Values {
			return b.fill("privacy", append([]string{"version", "c/3", "who", "named", "p:Practitioner/d", "alone", "p:Organization/o", "bar", "kind", consent.ActCode + "|HIV"}, pairs...)...)
		}
		pages := map[string]string{
			"privacy": b.send("privacy", nil).Body.String(), "done": b.send("privacy?done=saved", nil).Body.String(),
			"found": b.send("privacy", fill("do", "find", "find", name)).Body.String(), "review": b.send("privacy", fill("do", "review")).Body.String(),
			"fault": b.send("privacy", fill("do", "review", "who", "")).Body.String(), "withdraw": b.send("privacy", fill("do", "withdraw")).Body.String(),
			"seen": b.send("seen", nil).Body.String(), "seen, refused": b.send("seen?from="+url.QueryEscape(name), nil).Body.String(),
			"gone": b.send("privacy", fill("do", "review", "p:Practitioner/gone", "alone")).Body.String(), "end": b.send("privacy", fill("do", "review", "end", name)).Body.String(),
		}
		officer := p.browser(t)
		officer.signIn("root", goodPassword)
		pages["glass"] = officer.send("glass", nil).Body.String()
		d.standing.Binds, d.standing.Counting, d.standing.Foreign, d.seen = false, nil, true, SeenPage{}
		pages["not bound"], pages["not audited"] = b.send("privacy", nil).Body.String(), b.send("seen", nil).Body.String()
		form := fill("do", "save")
		d.err = ErrChanged
		pages["conflict"] = b.send("privacy", form).Body.String()
		for where, text := range pages {
			for _, fault := range accessible(text) {
				t.Errorf("%q, %s: %s", name, where, fault)
			}
		}
		for where, word := range map[string]string{"not bound": "does not act by them", "not audited": "audit log is off", "conflict": "Changed meanwhile", "review": "Nothing is saved yet",
			"withdraw": "Withdraw your choices?", "fault": "Please choose who may see", "gone": "Practitioner/gone", "end": "The last day", "seen": "the glass was broken", "done": "are saved"} {
			if !strings.Contains(pages[where], word) {
				t.Errorf("%s does not say %q: %s", where, word, pages[where])
			}
		}
	}
}

// A conflict, a fault of the store, and what the server would not take are told, and
// nothing is said to be saved.
func TestPrivacy_NotSaved(t *testing.T) {
	p, d := home(t)
	b := p.browser(t)
	b.signIn("anna", goodPassword)
	form := b.fill("privacy", "who", "everybody", "version", "c/2")
	form.Set("do", "review")
	if w := b.send("privacy", form); w.Code != http.StatusConflict {
		t.Errorf("the review of an old page: %d", w.Code)
	}
	form.Set("do", "save")
	for status, err := range map[int]error{http.StatusConflict: ErrChanged, http.StatusServiceUnavailable: errors.New("no store"), http.StatusUnprocessableEntity: fhir.Forbidden("no")} {
		d.err = err
		if w := b.send("privacy", form); w.Code != status || strings.Contains(w.Body.String(), "no store") {
			t.Errorf("%v: %d", err, w.Code)
		}
	}
	d.err = nil
	for _, pairs := range [][]string{{"who", "all"}, {"who", "named"}, {"who", "everybody", "p:Practitioner/1", "alone"}, {"end", "2020-01-01"}, {"end", "31.12.2099"}, {"do", "nothing"}} {
		f := b.fill("privacy", append([]string{"who", "everybody", "version", "c/3", "do", "save"}, pairs...)...)
		saved := len(d.saved)
		if w := b.send("privacy", f); w.Code/100 != 4 || len(d.saved) != saved {
			t.Errorf("%q: %d", pairs, w.Code)
		}
	}
}

// What was seen as a table: no cell is a formula (OWASP, CSV injection).
func TestPrivacy_SeenCSV(t *testing.T) {
	p, d := home(t)
	d.seen.Rows[0].Who, d.seen.Rows[1].Reason = `=cmd|' /C calc'!A0`, "\"quoted\",\r\n+1"
	b := p.browser(t)
	b.signIn("anna", goodPassword)
	w := b.send("seen?format=csv", nil)
	if h := w.Header(); h.Get("Content-Type") != "text/csv; charset=utf-8" || h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		t.Errorf("%v", h)
	}
	want := "When (UTC),Who,App,What,Why,Emergency,Reason\r\n" + `2026-11-22T12:00:00Z,'=cmd|' /C calc'!A0,Chart,read your weight,treatment,,` + "\r\n" +
		`2026-11-22T12:00:00Z,A service,,broke the glass,,the glass was broken,"""quoted"",` + "\r\n+1\"\r\n"
	if got := w.Body.String(); got != want {
		t.Errorf("%q", got)
	}
}
