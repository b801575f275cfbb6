package server_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"vitalwire/internal/browser"
	"vitalwire/server"
)

const attack = `<script>alert(1)</script><img src=x onerror=alert(2)>"'{{.}}`

// laboratory is a server where three frames are refused, one of them an attack on who looks
// at it, and readings wait.
func laboratory(t *testing.T, store string) *office {
	t.Helper()
	o := &office{Server: start(t, store, required, func(c *server.Config) { c.Authorities = map[string]string{} }), store: store, passwords: map[string]string{}}
	o.root = asker{o.Base, command(t, store, "token", "--scope", "system/*.cruds")}
	o.root.put(t, `{"resourceType":"Patient","id":"anna","name":[{"family":"Svensson"}]}`)
	gate := asker{o.Root, o.root.token}
	for _, c := range []struct {
		path, media, body string
		status            int
	}{
		{"/ingest/hl7pcd01", "application/hl7-v2", "MSH|^~\\&|MON" + attack + "\rPID|||" + attack + "\rOBX|1|NM|" + attack, 400},
		{"/ingest/blegatt", "application/json", `{"deviceId":"00A1C90000000901","receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"01"}`, 400},
		{"/ingest/devices", "application/json", `{"device":"00A1C90000000902","state":"blocked"}`, 200},
		{"/ingest/blegatt", "application/json", `{"deviceId":"00A1C90000000902","receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"003C"}`, 422},
		{"/ingest/blegatt", "application/json", `{"deviceId":"00A1C90000000903","receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"003C"}`, 202},
		{"/ingest/hl7pcd01", "application/hl7-v2", "MSH|^~\\&|MON^00A1C90000000904^EUI-64|W|||20261120100000+0000||ORU^R01^ORU_R01|1|P|2.6|||NE|AL\rOBR|1|1^MON|1^MON|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||20261120100000+0000\r" +
			"OBX|1|ST|9001^" + strings.ReplaceAll(attack, "|", "") + "^99X|1.1.1.1|" + attack + "||||||F|||20261120100000+0000\r", 202},
	} {
		if status, _, answer := gate.ask(t, "POST", c.path, c.body, "Content-Type", c.media); status/100 != c.status/100 {
			t.Fatalf("%s: %d %s", c.body, status, answer)
		}
	}
	for name, role := range map[string]string{"mona": "device-manager", "ada": "admin", "dora": "practitioner"} {
		o.passwords[name] = command(t, store, "user", "add", name, "--role", role, "--fhir-user", "Practitioner/"+name)
	}
	return o
}

// chartOf counts the Observations of a patient.
func chartOf(t *testing.T, who asker, patient string) int {
	t.Helper()
	_, _, answer := who.ask(t, "GET", "/Observation?patient="+patient+"&_summary=count", "")
	var found struct{ Total int }
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		t.Fatal(err, answer)
	}
	return found.Total
}

var frameLink = regexp.MustCompile(`frame\?(?:refused|waiting)=[^"#&]+`)

func TestDesk_OverHTTP(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			o := laboratory(t, open(t))
			at := func(page string) string { return o.Base + "/auth/" + page }
			v := o.visitor(t, "mona")
			status, _, page := v.visit(at("frames"), nil)
			links := frameLink.FindAllString(page, -1)
			if status != 200 || len(links) != 5 {
				t.Fatalf("%d %v %s", status, links, page)
			}
			attacks := 0
			for _, link := range links {
				status, _, one := v.visit(at(strings.ReplaceAll(link, "&amp;", "&")), nil)
				if status != 200 || !strings.Contains(one, "What was sent") || !strings.Contains(one, "What is read from it now") {
					t.Errorf("%s: %d %s", link, status, one)
				}
				if strings.Contains(one, "alert(1)") {
					attacks++
				}
				if strings.Contains(page+one, "<script") || strings.Contains(page+one, "<img") || strings.Contains(page+one, `"'{{.}}`) {
					t.Errorf("%s: what was sent is in the page as it is", link)
				}
			}
			if attacks != 2 {
				t.Errorf("%d frames with script are shown", attacks)
			}
			if status, _, _ := v.visit(at("frame?refused=0000"), nil); status != 404 {
				t.Errorf("what is not there: %d", status)
			}

			t.Run("try again: dry first", func(t *testing.T) {
				form := carried(page)
				form.Set("adapter", "blegatt")
				form.Set("do", "dry")
				status, _, dry := v.send(at("frames"), form)
				if status != 200 || !strings.Contains(dry, "Nothing is stored yet") || !strings.Contains(dry, "Of 2 refused frames 0 would be taken") || strings.Contains(dry, `value="redrive"`) {
					t.Errorf("%d %s", status, text(dry))
				}
				form.Set("adapter", "no such")
				if _, _, none := v.send(at("frames"), form); !strings.Contains(none, "No refused frame is selected") {
					t.Error(text(none))
				}
				form.Set("device", "nonsense")
				if status, _, bad := v.send(at("frames"), form); status != 422 || !strings.Contains(bad, "Not tried") {
					t.Error(status, text(bad))
				}
			})
			t.Run("try again what is mended", func(t *testing.T) {
				o.root.put(t, `{"resourceType":"Patient","id":"bert"}`)
				api := asker{o.Root, o.root.token}
				for path, body := range map[string]string{"/ingest/devices": `{"device":"00A1C90000000902","state":"approved"}`,
					"/ingest/associations": `{"device":"00A1C90000000902","patient":"Patient/bert","start":"2026-11-19T00:00:00Z"}`} {
					if status, _, answer := api.ask(t, "POST", path, body, "Content-Type", "application/json"); status/100 != 2 {
						t.Fatal(status, answer)
					}
				}
				form := carried(page)
				form.Set("device", "00-A1-C9-00-00-00-09-02")
				form.Set("do", "dry")
				_, _, dry := v.send(at("frames"), form)
				if !strings.Contains(dry, "Of 1 refused frames 1 would be taken") || !strings.Contains(dry, `value="redrive"`) {
					t.Fatal(text(dry))
				}
				if count := chartOf(t, o.root, "bert"); count != 0 {
					t.Errorf("the dry run stored %d", count)
				}
				form = carried(dry)
				form.Set("do", "redrive")
				if _, _, done := v.send(at("frames"), form); !strings.Contains(done, "Of 1 refused frames 1 are taken") {
					t.Error(text(done))
				}
				if count := chartOf(t, o.root, "bert"); count != 1 {
					t.Errorf("%d are stored", count)
				}
				// A frame by itself.
				_, _, page := v.visit(at("frames"), nil)
				one := frameLink.FindAllString(page, -1)
				if len(one) != 4 {
					t.Fatal(one)
				}
				_, _, shown := v.visit(at(one[0]), nil)
				form = carried(shown)
				form.Set("do", "dry")
				if status, _, dry := v.send(at("frames"), form); status != 200 || !strings.Contains(dry, "Of 1 refused frames 0 would be taken") {
					t.Error(status, text(dry))
				}
				form.Set("id", "none")
				if status, _, _ := v.send(at("frames"), form); status != 404 {
					t.Error(status)
				}
			})
			t.Run("whose it is", func(t *testing.T) {
				link := at("frame?waiting=" + url.QueryEscape("00A1C90000000903/"))
				for _, l := range links {
					if strings.Contains(l, "0903") {
						link = at(strings.ReplaceAll(l, "&amp;", "&"))
					}
				}
				_, _, one := v.visit(link, nil)
				if !strings.Contains(one, "no association of the device, or of its bed, covers its time") || !strings.Contains(one, `value="00A1C90000000903"`) {
					t.Errorf("%s", one)
				}
				form := carried(one)
				form.Set("device", "00A1C90000000903")
				form.Set("start", "2026-11-19T00:00:00Z")
				for patient, says := range map[string]string{"Patient/nobody": "Patient/nobody does not exist", attack: "patient must be Patient/id"} {
					form.Set("patient", patient)
					if status, _, bad := v.send(at("frame"), form); status != 422 || !strings.Contains(bad, says) || strings.Contains(bad, "<script") {
						t.Errorf("%s: %d %s", patient, status, bad)
					}
				}
				form.Set("patient", "Patient/anna")
				form.Set("form_token", "x")
				if status, _, _ := v.send(at("frame"), form); status != 403 {
					t.Errorf("a form without its token: %d", status)
				}
				form.Set("form_token", carried(one).Get("form_token"))
				if status, _, done := v.send(at("frame"), form); status != 200 || !strings.Contains(done, "1 waiting reading found the patient") {
					t.Errorf("%d %s", status, text(done))
				}
				if count := chartOf(t, o.root, "anna"); count != 1 {
					t.Errorf("the chart has %d", count)
				}
				if status, _, _ := v.visit(link, nil); status != 404 {
					t.Errorf("what was released is still there: %d", status)
				}
				form = carried(page)
				form.Set("do", "release")
				if status, _, done := v.send(at("frames"), form); status != 200 || !strings.Contains(done, "0 waiting readings had a patient by now") {
					t.Errorf("%d %s", status, text(done))
				}
			})
			t.Run("only who looks after devices", func(t *testing.T) {
				for who, want := range map[string]int{"ada": 200, "dora": 403} {
					v := o.visitor(t, who)
					for _, page := range []string{"frames", links[0]} {
						if status, _, _ := v.visit(at(page), nil); status != want {
							t.Errorf("%s, %s: %d", who, page, status)
						}
					}
					if _, _, account := v.visit(at("account"), nil); strings.Contains(account, `href="frames"`) != (want == 200) {
						t.Errorf("%s: the link", who)
					}
					form := carried(page)
					form.Set("do", "release")
					if want == 403 {
						if status, _, _ := v.send(at("frames"), form); status != 403 {
							t.Errorf("%s releases: %d", who, status)
						}
					}
				}
				if _, _, page := newVisitor(t).visit(at("frames"), nil); !strings.Contains(page, "Sign in") {
					t.Errorf("who is not signed in: %s", text(page))
				}
			})
		})
	}
}

// A device manager with a keyboard looks at frames on a narrow screen, in Chromium.
func TestDesk_InBrowser(t *testing.T) {
	p := browser.Open(t)
	o := laboratory(t, stores["sqlite"](t))
	p.Go(o.Base+"/auth/frames", "/auth/login")
	p.Until("document.activeElement.name == 'name'")
	p.Type("mona")
	p.Press("Tab")
	p.Type(o.passwords["mona"])
	p.Press("Enter")
	p.Wait("/auth/frames")
	spoken(t, p)
	stops(t, p)
	p.Narrow(320) // WCAG 2.2 1.4.10, reflow
	_, _, page := o.visitor(t, "mona").visit(o.Base+"/auth/frames", nil)
	for _, link := range frameLink.FindAllString(page, -1) {
		p.Go(o.Base+"/auth/"+strings.ReplaceAll(link, "&amp;", "&"), "/auth/frame")
		spoken(t, p)
		stops(t, p)
		if scripts := p.Eval("document.querySelectorAll('script, img').length"); scripts != "0" {
			t.Errorf("%s: %s elements of what was sent", link, scripts)
		}
	}
	p.Go(o.Base+"/auth/frames", "/auth/frames")
	press(t, p, "BUTTON do dry")
	p.Until("document.title.startsWith('What would become')")
	spoken(t, p)
	stops(t, p)
}
