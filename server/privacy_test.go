package server_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"vitalwire/auth"
	"vitalwire/internal/browser"
	"vitalwire/server"
)

// office is a server with the patients anna and bert, who sign in, and clinicians.
type office struct {
	*server.Server
	store string
	root  asker
	// who signs in, by login name.
	passwords map[string]string
}

func newOffice(t *testing.T, store string, configure func(*server.Config)) *office {
	t.Helper()
	o := &office{Server: start(t, store, configure), store: store, passwords: map[string]string{}}
	o.root = asker{o.Base, command(t, store, "token", "--scope", "system/*.cruds")}
	for _, body := range []string{
		`{"resourceType":"Patient","id":"anna","name":[{"given":["Anna"],"family":"Svensson"}]}`,
		`{"resourceType":"Patient","id":"bert","name":[{"family":"Bertsson"}]}`,
		`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/anna"}}`,
		`{"resourceType":"Practitioner","id":"doc","name":[{"given":["Dora"],"family":"Doctor"}]}`,
		`{"resourceType":"Practitioner","id":"other","name":[{"given":["Otto"],"family":"Other"}]}`,
		`{"resourceType":"Organization","id":"clinic","name":"Doctor House Clinic"}`,
		measured("hr-anna", "anna", "8867-4", ""), measured("hr-bert", "bert", "8867-4", ""), measured("marked-anna", "anna", "8867-4", restricted),
		`{"resourceType":"Condition","id":"hiv-anna","subject":{"reference":"Patient/anna"},"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B20"}]}}`,
		`{"resourceType":"Condition","id":"drinks-anna","subject":{"reference":"Patient/anna"},"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"F10.2"}]}}`,
	} {
		o.root.put(t, body)
	}
	for name, args := range map[string][]string{
		"anna": {"--role", "patient", "--fhir-user", "Patient/anna", "--display", "Anna"}, "bert": {"--role", "patient", "--fhir-user", "Patient/bert"},
		"mother": {"--role", "patient", "--fhir-user", "RelatedPerson/mother"}, "dora": {"--role", "practitioner", "--fhir-user", "Practitioner/doc", "--display", "Dr Dora", "--break-glass"},
	} {
		o.passwords[name] = command(t, store, append([]string{"user", "add", name}, args...)...)
	}
	return o
}

// visitor is a browser in which somebody is signed in.
func (o *office) visitor(t *testing.T, name string) visitor {
	t.Helper()
	v := newVisitor(t)
	if status, _, page := v.signIn(o.Server, name, o.passwords[name]); status != 200 || !strings.Contains(page, "Your account") {
		t.Fatalf("%s signs in: %d %s", name, status, page)
	}
	return v
}

// as is a token of somebody for purposes.
func (o *office) as(t *testing.T, role auth.Role, user string, purposes ...string) asker {
	t.Helper()
	return as(t, o.Server, auth.Access{FHIRUser: user, Role: role, Scopes: auth.ParseScopes("user/*.cruds"), Purposes: purposes})
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// carried are the hidden fields of a page.
func carried(page string) url.Values {
	form := url.Values{}
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		form.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return form
}

// send posts a form as it stands.
func (v visitor) send(page string, form url.Values) (int, http.Header, string) {
	v.t.Helper()
	return v.answer(v.client.PostForm(page, form))
}

// decide fills in the form of the privacy page, looks at what would change, and saves it.
func (o *office) decide(t *testing.T, v visitor, pairs ...string) (review, saved string) {
	t.Helper()
	_, _, page := v.visit(o.Base+"/auth/privacy", nil)
	form := carried(page)
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	form.Set("do", "review")
	status, _, review := v.send(o.Base+"/auth/privacy", form)
	if status != 200 || !strings.Contains(review, "Nothing is saved yet") {
		t.Fatalf("the review of %v: %d %s", pairs, status, review)
	}
	form = carried(review)
	form.Set("do", "save")
	status, _, saved = v.send(o.Base+"/auth/privacy", form)
	if status != 200 || !strings.Contains(saved, "Your choices are saved") {
		t.Fatalf("saving %v: %d %s", pairs, status, saved)
	}
	// Whatever was chosen is a Consent without a fault.
	_, _, page = v.visit(o.Base+"/auth/account", nil)
	patient := regexp.MustCompile(`Patient/[a-z]+`).FindString(page)
	_, _, found := o.root.ask(t, "GET", "/Consent?patient="+patient+"&identifier="+url.QueryEscape("urn:vitalwire:privacy-page|"), "")
	var made struct {
		Entry []struct{ Resource json.RawMessage }
	}
	if err := json.Unmarshal([]byte(found), &made); err != nil || len(made.Entry) != 1 {
		t.Fatalf("the Consent: %v %s", err, found)
	}
	if status, _, answer := o.root.ask(t, "POST", "/Consent/$validate", string(made.Entry[0].Resource)); status != 200 || strings.Contains(answer, `"error"`) || strings.Contains(answer, `"warning"`) {
		t.Errorf("%v does not validate: %d %s", pairs, status, answer)
	}
	return text(review), text(saved)
}

// text is what can be read of a page.
func text(page string) string {
	page = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

const kindPrefix = "http://terminology.hl7.org/CodeSystem/v3-ActCode|"

// What a patient chooses is one Consent, which holds with the next request of a clinician
// and is the same on both stores; those of others stay as they are.
func TestPrivacy_ChoicesBindAtOnce(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, open(t), consenting)
			doc, other := o.as(t, auth.Practitioner, "Practitioner/doc", "TREAT"), o.as(t, auth.Practitioner, "Practitioner/other", "TREAT")
			study, glass := o.as(t, auth.Practitioner, "Practitioner/other", "HRESCH"), o.as(t, auth.Practitioner, "Practitioner/doc", "TREAT", "BTG")
			mother := o.as(t, auth.Patient, "RelatedPerson/mother", "PATRQT")
			want := func(who asker, what, ids string) {
				t.Helper()
				got := seen(t, who, "/Observation?patient=anna") + "; " + seen(t, who, "/Condition?patient=anna")
				if got != ids {
					t.Errorf("%s sees %q, not %q", what, got, ids)
				}
			}
			v := o.visitor(t, "anna")
			_, _, page := v.visit(o.Base+"/auth/privacy", nil)
			if strings.Contains(page, " checked") {
				t.Error("something is chosen before anybody chose it")
			}
			if got := text(page); !strings.Contains(got, "You gave no consent that counts") || !strings.Contains(got, "Those who treat you may see what is not especially confidential") {
				t.Errorf("before any choice: %s", got)
			}
			want(doc, "a clinician without a Consent", "hr-anna; ")
			review, saved := o.decide(t, v, "who", "everybody", "open", kindPrefix+"HIV", "glass", "on")
			if !strings.Contains(review, "Those who treat you would see, besides what is seen now, what is about HIV and AIDS") || !strings.Contains(review, "Research would no longer see what is not especially confidential") {
				t.Errorf("what would change: %s", review)
			}
			if !strings.Contains(saved, "Everybody who treats you may see your data.") || !strings.Contains(saved, "People who act for you may see nothing") {
				t.Errorf("what holds: %s", saved)
			}
			want(doc, "a clinician", "hr-anna; hiv-anna")
			want(study, "research", "; ")
			want(mother, "a mother", "; ")
			want(glass, "a clinician in an emergency", "hr-anna marked-anna; drinks-anna hiv-anna")

			// Others see what they saw of others.
			if got := seen(t, doc, "/Observation?patient=bert"); got != "hr-bert" {
				t.Errorf("of bert: %q", got)
			}
			status, _, answer := o.root.ask(t, "GET", "/Consent?patient=anna", "")
			var found struct {
				Entry []struct{ Resource json.RawMessage }
			}
			if json.Unmarshal([]byte(answer), &found) != nil || status != 200 || len(found.Entry) != 1 {
				t.Fatalf("%d %s", status, answer)
			}
			var made struct {
				ID   string
				Meta struct{ VersionID string }
			}
			if err := json.Unmarshal(found.Entry[0].Resource, &made); err != nil {
				t.Fatal(err)
			}
			if status, _, answer := o.root.ask(t, "POST", "/Consent/$validate", string(found.Entry[0].Resource)); status != 200 || strings.Contains(answer, `"error"`) || strings.Contains(answer, `"warning"`) {
				t.Errorf("it does not validate: %d %s", status, answer)
			}

			// A Consent of somebody else that forbids more: deny overrides.
			o.root.put(t, consentOf("foreign", "anna", `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Practitioner/other"}}]}]}`))
			want(other, "who is denied by another Consent", "; ")
			_, _, page = v.visit(o.Base+"/auth/privacy", nil)
			if got := text(page); !strings.Contains(got, "A consent that was recorded for you It is allowed to see all data. But: Otto Other may not see all data.") || !strings.Contains(got, "Otto Other may see nothing") {
				t.Errorf("the other Consent: %s", got)
			}
			_, saved = o.decide(t, v, "who", "named", "p:Practitioner/doc", "alone", "research", "on", "acting", "on", "end", "2099-12-31")
			if !strings.Contains(saved, "only Dora Doctor may see your data") || !strings.Contains(saved, "This holds until 31 December 2099") {
				t.Errorf("what holds: %s", saved)
			}
			want(doc, "who is named", "hr-anna; ")
			want(other, "who is not named", "; ")
			want(study, "research", "; ") // by Practitioner/other, whom the other Consent denies
			want(o.as(t, auth.Practitioner, "Practitioner/doc", "HRESCH"), "research by another", "hr-anna; ")
			want(mother, "a mother", "hr-anna; ")
			want(glass, "a clinician in an emergency", "hr-anna; ")
			o.decide(t, v, "who", "everybody", "p:Organization/clinic", "none", "p:Practitioner/doc", "bar", "glass", "on", "silent", "on")
			want(doc, "who is barred", "; ")
			want(glass, "who is barred, in an emergency", "; ")
			if status, _, answer := doc.ask(t, "POST", "/Observation", measured("new", "anna", "8867-4", "")); status != 403 {
				t.Errorf("a measurement is recorded: %d %s", status, answer)
			}
			_, _, page = v.visit(o.Base+"/auth/privacy", nil)
			form := carried(page)
			form.Set("do", "withdraw")
			_, _, page = v.send(o.Base+"/auth/privacy", form)
			if got := text(page); !strings.Contains(got, "Withdraw your choices?") || !strings.Contains(got, "Dora Doctor would see, besides what is seen now, ") {
				t.Errorf("withdrawing: %s", got)
			}
			form = carried(page)
			form.Set("do", "withdrawn")
			if status, _, page := v.send(o.Base+"/auth/privacy", form); status != 200 || !strings.Contains(text(page), "It does not count: you withdrew it.") {
				t.Errorf("withdrawn: %d %s", status, text(page))
			}
			want(doc, "a clinician by the other Consent", "hr-anna marked-anna; drinks-anna hiv-anna")
			status, _, answer = o.root.ask(t, "GET", "/Consent/"+made.ID+"/_history", "")
			if status != 200 || strings.Count(answer, `"resourceType":"Consent"`) != 4 || !strings.Contains(answer, `"status":"inactive"`) {
				t.Errorf("its history: %d %s", status, answer)
			}
			if status, header, answer := o.root.ask(t, "GET", "/Consent/foreign", ""); status != 200 || header.Get("ETag") != `W/"1"` {
				t.Errorf("the Consent of others: %d %s %s", status, header.Get("ETag"), answer)
			}
			// It is chosen anew: the same Consent again.
			o.decide(t, v, "who", "nobody")
			want(doc, "a clinician", "; ")
			if status, _, answer := o.root.ask(t, "GET", "/Consent/"+made.ID, ""); status != 200 || !strings.Contains(answer, `"status":"active"`) {
				t.Errorf("it is another one: %d %s", status, answer)
			}
		})
	}
}

// The page is the patient's own; two windows do not overwrite each other; what somebody
// else made of its Consent is told and kept until the patient decides.
func TestPrivacy_ConflictsAndOthers(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, open(t), consenting)
			page := o.Base + "/auth/privacy"
			first, second := o.visitor(t, "anna"), o.visitor(t, "anna")
			read := func(v visitor) url.Values {
				_, _, text := v.visit(page, nil)
				form := carried(text)
				form.Set("do", "save")
				return form
			}
			one, two := read(first), read(second)
			one.Set("who", "nobody")
			two.Set("who", "everybody")
			if status, _, answer := first.send(page, one); status != 200 || !strings.Contains(answer, "Your choices are saved") {
				t.Fatalf("%d %s", status, answer)
			}
			for range 2 {
				if status, _, answer := second.send(page, two); status != 409 || !strings.Contains(answer, "Nothing of what you did now is saved") {
					t.Errorf("an old page: %d %s", status, answer)
				}
			}
			doc := o.as(t, auth.Practitioner, "Practitioner/doc", "TREAT")
			if got := seen(t, doc, "/Observation"); got != "hr-bert" {
				t.Errorf("a clinician sees %q", got)
			}
			// What is sent at the same time makes one Consent, and one version of it.
			bert := o.visitor(t, "bert")
			form := read(bert)
			form.Set("who", "nobody")
			answers := make(chan int)
			for range 4 {
				go func() {
					status := 0
					if r, err := bert.client.PostForm(page, form); err == nil {
						status = r.StatusCode
						_ = r.Body.Close()
					}
					answers <- status
				}()
			}
			count := map[int]int{}
			for range 4 {
				count[<-answers]++
			}
			if got := seen(t, o.root, "/Consent?patient=bert"); count[200] != 1 || count[409] != 3 || strings.Count(got, "-") != 4 {
				t.Errorf("at the same time: %v, %q", count, got)
			}
			// A privacy officer changes it to what the page cannot say as choices.
			id := strings.Fields(seen(t, o.root, "/Consent?patient=bert"))[0]
			_, _, kept := o.root.ask(t, "GET", "/Consent/"+id, "")
			if status, _, answer := o.root.ask(t, "PUT", "/Consent/"+id, strings.Replace(kept, `"provision":{"type":"deny"}`, `"provision":{"type":"deny","provision":[{"type":"permit","code":[{"coding":[{"system":"http://loinc.org","code":"8867-4"}]}]}]}`, 1)); status != 200 || answer == kept {
				t.Fatalf("%d %s", status, answer)
			}
			_, _, shown := bert.visit(page, nil)
			if got := text(shown); !strings.Contains(got, "was changed by somebody else") || !strings.Contains(got, "But: It is allowed to see records with the code 8867-4.") || strings.Contains(shown, " checked") {
				t.Errorf("changed by somebody else: %s", got)
			}
			if strings.Contains(text(shown), "nna") {
				t.Errorf("bert reads of anna: %s", text(shown))
			}
			o.decide(t, bert, "who", "everybody")
			// A patient cannot name somebody who is not there, or another kind of thing.
			form = read(bert)
			form.Set("do", "review")
			form.Set("who", "named")
			form.Set("p:Patient/anna", "alone")
			form.Set("p:Practitioner/none", "alone")
			if status, _, answer := bert.send(page, form); status != 422 || !strings.Contains(answer, "Practitioner/none") {
				t.Errorf("somebody who is not there: %d %s", status, text(answer))
			}
		})
	}
}

// With --consent off the page says that it changes nothing; without an audit log, that
// nothing is kept.
func TestPrivacy_Off(t *testing.T) {
	o := newOffice(t, stores["sqlite"](t), func(c *server.Config) { c.Auth, c.Audited.Audit = "required", "off" })
	v := o.visitor(t, "anna")
	_, _, page := v.visit(o.Base+"/auth/privacy", nil)
	if got := text(page); !strings.Contains(got, "does not act by them") || strings.Contains(got, "Who sees what") {
		t.Error(got)
	}
	review, saved := o.decide(t, v, "who", "nobody")
	if !strings.Contains(review, "does not act by them") || !strings.Contains(saved, "Nobody who treats you may see your data.") {
		t.Errorf("%s\n%s", review, saved)
	}
	if got := seen(t, o.as(t, auth.Practitioner, "Practitioner/doc", "TREAT"), "/Observation?patient=anna"); got != "hr-anna marked-anna" {
		t.Errorf("a clinician sees %q", got)
	}
	if _, _, page := v.visit(o.Base+"/auth/seen", nil); !strings.Contains(text(page), "its audit log is off") {
		t.Error(text(page))
	}
}

// Who did what with the data of a patient is told to him in words, by pages and by person,
// with the reason of a broken glass, and names no other patient.
func TestPrivacy_WhoSaw(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, open(t), consenting)
			o.root.put(t, `{"resourceType":"Observation","id":"bp","status":"final","code":{"text":"Blood pressure"},"subject":{"reference":"Patient/anna"}}`)
			dora := auth.Access{User: "dora", FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.rs"), Purposes: []string{"TREAT"}}
			doc := as(t, o.Server, dora)
			for _, path := range []string{"/Observation/bp", "/Observation?patient=anna", "/Condition?patient=bert,anna", "/Patient/bert", "/Patient/anna/$everything"} {
				if status, _, answer := doc.ask(t, "GET", path, ""); status != 200 {
					t.Fatal(path, status, answer)
				}
			}
			v := o.visitor(t, "anna")
			where := o.Base + "/auth/seen"
			_, _, page := v.visit(where, nil)
			got := text(page)
			for _, want := range []string{"Dr Dora (dora) read your Blood pressure (Observation).", "Dr Dora (dora) searched your measurements (Observation).", "Dr Dora (dora) searched your diagnoses (Condition).",
				"Dr Dora (dora) read all that is kept of you.", "recorded your Blood pressure (Observation).", "For treatment."} {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in %s", want, got)
				}
			}
			if strings.Contains(page, "bert") {
				t.Errorf("anna reads of bert: %s", got)
			}
			if strings.Contains(got, "broken") {
				t.Errorf("no glass was broken: %s", got)
			}
			// The glass is broken, for anna alone and for others, too.
			for reason, paths := range map[string][]string{"unconscious in the hall": {"/Observation/bp"}, "a fire with many hurt": {"/Observation/bp", "/Patient/bert"}} {
				status, broken := doc.breakGlass(t, reason)
				if status != 200 {
					t.Fatal(status)
				}
				for _, path := range paths {
					if status, _, answer := broken.ask(t, "GET", path, ""); status != 200 {
						t.Fatal(status, answer)
					}
				}
			}
			_, _, page = v.visit(where, nil)
			if got = text(page); strings.Count(got, "Emergency, the glass was broken.") != 2 || !strings.Contains(got, "Reason: unconscious in the hall") || strings.Contains(got, "fire") || !strings.Contains(got, "as it may name other people, too") {
				t.Errorf("the broken glass: %s", got)
			}
			if _, _, own := v.visit(where+"?own=on", nil); strings.Contains(got, "You searched") || !strings.Contains(text(own), "You searched your list of who saw your data (AuditEvent).") {
				t.Errorf("what she looked at herself: %s", text(own))
			}
			// Who looks after privacy sees all of it.
			o.passwords["olga"] = command(t, o.store, "user", "add", "olga", "--role", "privacy-officer")
			if _, _, page := o.visitor(t, "olga").visit(o.Base+"/auth/glass", nil); !strings.Contains(text(page), "Reason: unconscious in the hall Data of Patient/anna.") ||
				!regexp.MustCompile(`Reason: a fire with many hurt Data of Patient/(anna, Patient/bert|bert, Patient/anna)\.`).MatchString(text(page)) {
				t.Errorf("the broken glasses: %s", text(page))
			}
			// By person and by day.
			for query, has := range map[string]bool{"user=dora": true, "user=anna": false, "from=2020-01-01": true, "to=2020-01-01": false, "from=2020-01-01&to=2099-01-01&user=dora": true, "user=nobody": false} {
				status, _, page := v.visit(where+"?"+query, nil)
				if status != 200 || strings.Contains(text(page), "Dr Dora (dora) read your Blood pressure") != has {
					t.Errorf("%s: %d %s", query, status, text(page))
				}
			}
			// The form leads to the same.
			if status, _, page := v.visit(where, url.Values{"user": {"dora"}, "from": {""}}); status != 200 || !strings.Contains(page, `value="dora"`) || strings.Contains(text(page), "You searched") {
				t.Errorf("the form: %d %s", status, text(page))
			}
			// Pages: each line once, and a page of one patient is of no use to another.
			for range 60 {
				if status, _, _ := doc.ask(t, "GET", "/Observation/bp", ""); status != 200 {
					t.Fatal(status)
				}
			}
			lines, next := 0, "?user=dora"
			for next != "" {
				_, _, page := v.visit(where+next, nil)
				lines += strings.Count(page, "<time ")
				older := regexp.MustCompile(`href="seen(\?[^"]*after=[^"]*)"`).FindStringSubmatch(page)
				if next = ""; older != nil {
					next = html.UnescapeString(older[1])
					_, _, others := o.visitor(t, "bert").visit(where+next, nil)
					if strings.Contains(text(others), "Blood pressure") {
						t.Errorf("bert reads of anna: %s", text(others))
					}
				}
			}
			_, _, table := v.visit(where+"?user=dora&format=csv", nil)
			if got := strings.Count(table, "\r\n") - 1; lines < 66 || got != lines {
				t.Errorf("%d lines by pages, %d in the table", lines, got)
			}
			// That it was looked at is audited.
			if status, _, answer := (asker{o.Base, command(t, o.store, "token", "--scope", "system/AuditEvent.rs")}).ask(t, "GET", "/AuditEvent?patient=anna&agent:identifier="+url.QueryEscape(o.Base+"|anna")+"&_count=500", ""); status != 200 || strings.Count(answer, `"resourceType":"AuditEvent"`) < 5 {
				t.Errorf("what the patient did: %d %.2000s", status, answer)
			}
		})
	}
}

// A patient with a keyboard decides who sees his data, looks at what would change, saves
// it and reads who saw it, in Chromium; also on a small screen.
func TestPrivacy_InBrowser(t *testing.T) {
	p := browser.Open(t)
	o := newOffice(t, stores["sqlite"](t), consenting)
	doc := as(t, o.Server, auth.Access{User: "dora", FHIRUser: "Practitioner/doc", Role: auth.Practitioner, Scopes: auth.ParseScopes("user/*.rs"), Purposes: []string{"TREAT"}})
	if status, broken := doc.breakGlass(t, "unconscious in the hall"); status != 200 || seen(t, broken, "/Observation?patient=anna") == "" {
		t.Fatal("the glass is not broken")
	}
	p.Go(o.Base+"/auth/privacy", "/auth/login")
	p.Until("document.activeElement.name == 'name'")
	p.Type("anna")
	p.Press("Tab")
	p.Type(o.passwords["anna"])
	p.Press("Enter")
	p.Wait("/auth/privacy")
	spoken(t, p)
	stops(t, p)
	tab := func(name string) {
		t.Helper()
		for range 100 {
			p.Press("Tab")
			if p.Eval("document.activeElement.id") == name {
				return
			}
		}
		t.Fatalf("the Tab key does not lead to %s", name)
	}
	tab("find")
	p.Type("Doctor")
	p.Press("Enter")
	p.Until("document.getElementById('found')")
	if at := p.Eval("document.activeElement.id"); at != "find" {
		t.Errorf("after the search the focus is at %s", at)
	}
	spoken(t, p)
	stops(t, p)
	p.Eval("document.getElementById('who-everybody').focus()")
	p.Press(" ")
	p.Eval("document.getElementById('bar1').focus()")
	p.Press(" ")
	tab("glass")
	p.Press(" ")
	press(t, p, "BUTTON do review")
	p.Until("document.title.startsWith('Is this what you want?')")
	spoken(t, p)
	stops(t, p)
	if got := p.Eval("document.body.innerText"); !strings.Contains(got, "In no case, also not in an emergency: ") || !strings.Contains(got, "would no longer see") {
		t.Errorf("the review: %s", got)
	}
	press(t, p, "BUTTON do save")
	p.Until("document.querySelector('[role=status]') && document.querySelector('[role=status]').innerText.includes('saved')")
	spoken(t, p)
	if got := p.Eval("document.getElementById('who-everybody').checked && document.getElementById('glass').checked && !document.getElementById('research').checked"); got != "true" {
		t.Errorf("the form does not show what was saved: %s", got)
	}
	p.Go(o.Base+"/auth/seen", "/auth/seen")
	spoken(t, p)
	stops(t, p)
	if got := p.Eval("document.body.innerText"); !strings.Contains(got, "Reason: unconscious in the hall") {
		t.Errorf("who saw: %s", got)
	}
	p.Narrow(320) // WCAG 2.2 1.4.10, reflow
	for _, page := range []string{"seen", "privacy"} {
		p.Go(o.Base+"/auth/"+page, "/auth/"+page)
		spoken(t, p)
	}
}
