package auth

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// granted lets an app in as somebody and gives what the token endpoint answers.
func (p *place) granted(t *testing.T, b *browser, q url.Values, change func(page string, form url.Values)) (scope []string, answer map[string]any) {
	t.Helper()
	back := answerOf(t, b.decide(q, change))
	if back.Get("code") == "" {
		return []string{back.Get("error")}, nil
	}
	_, answer = p.ask(t, "auth/token", nil, exchangeCode(back.Get("code"))...)
	text, _ := answer["scope"].(string)
	return strings.Fields(text), answer
}

// A patient/ scope comes with a patient, or not at all.
func TestSMART22_Z7_PatientScopesHaveAPatient(t *testing.T) {
	p := office(t)
	for _, c := range []struct{ user, scope, patient, want string }{
		{"alice", "patient/Observation.rs", "p1", "patient/Observation.rs"},
		{"alice", "launch/patient patient/*.read", "p1", "patient/*.read launch/patient"},
		{"maria", "patient/Observation.rs", "p1", "patient/Observation.rs"},
		{"son", "patient/Observation.rs", "p2", "patient/Observation.rs"},
		{"root", "patient/Observation.rs openid", "", "openid"},
		{"root", "patient/Observation.rs", "", "invalid_scope"},
		{"devices", "patient/Observation.rs user/Device.rs openid fhirUser", "", "openid fhirUser"},
		{"alice", "user/Observation.rs", "", "user/Observation.rs"},
		{"alice", "system/Observation.rs", "", "invalid_scope"},
		{"alice", "system/Observation.rs openid", "", "openid"},
	} {
		scope, answer := p.granted(t, p.member(t, c.user), asking(c.scope), nil)
		patient, _ := answer["patient"].(string)
		if strings.Join(scope, " ") != c.want || patient != c.patient {
			t.Errorf("%s asks for %s: %v of %q", c.user, c.scope, scope, patient)
		}
	}
	p.Chart = nil
	if scope, _ := p.granted(t, p.member(t, "alice"), asking("patient/Observation.rs"), nil); scope[0] != "invalid_scope" {
		t.Errorf("without a chart: %v", scope)
	}
}

// Only patients that exist, and whom the user may see, are picked.
func TestSMART22_Z7_PickerTakesNobodyElse(t *testing.T) {
	p := office(t)
	for _, patient := range []string{"p9", "../p1", "p1/../p2", "", "Patient/p1"} {
		b := p.member(t, "alice")
		form := inputs(b.send("authorize?"+asking("launch/patient").Encode(), nil).Body.String())
		form.Set("patient", patient)
		form.Set("decision", "allow")
		if w := b.send("consent", form); w.Code != 200 || !strings.Contains(w.Body.String(), "<h1>Choose a patient") {
			t.Errorf("%q: %d %v", patient, w.Code, w.Header())
		}
	}
	// A patient has no choice: what his browser sends is not asked for.
	_, answer := p.granted(t, p.member(t, "maria"), asking("launch/patient"), func(_ string, form url.Values) { form.Set("patient", "p2") })
	if answer["patient"] != "p1" {
		t.Errorf("%v", answer["patient"])
	}
	// Neither is another patient's encounter taken.
	b := p.member(t, "alice")
	form := inputs(b.send("authorize?"+asking("launch/patient launch/encounter").Encode(), nil).Body.String())
	form.Set("patient", "p1")
	form.Set("encounter", "e2")
	if w := b.send("consent", form); !strings.Contains(w.Body.String(), "<h1>Choose an encounter") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The user narrows: whole scopes, types of a wildcard, kinds of one type, and what
// was not offered cannot be had.
func TestSMART22_Z8_UserNarrows(t *testing.T) {
	p := office(t)
	const (
		vital  = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
		lab    = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
		asked  = "openid fhirUser offline_access patient/Observation.rs patient/Condition.rs patient/Patient.r"
		offers = "keep this access while you are away"
	)
	for name, c := range map[string]struct {
		asked       string
		scope, only []string
		want        string
	}{
		"all":              {asked, strings.Fields("openid offline_access patient/Observation.rs patient/Condition.rs patient/Patient.r"), nil, "patient/Observation.rs patient/Condition.rs patient/Patient.r openid fhirUser offline_access"},
		"one type":         {asked, []string{"patient/Observation.rs"}, nil, "patient/Observation.rs"},
		"no identity":      {asked, []string{"patient/Patient.r", "offline_access"}, nil, "patient/Patient.r offline_access"},
		"kinds":            {asked, []string{"patient/Observation.rs"}, []string{vital, lab}, lab + " " + vital},
		"kinds unticked":   {asked, []string{"patient/Condition.rs"}, []string{vital}, "patient/Condition.rs"},
		"types":            {"patient/*.rs", []string{"patient/*.rs"}, []string{"patient/Observation.rs", "patient/Condition.rs"}, "patient/Condition.rs patient/Observation.rs"},
		"types of SMART 1": {"patient/*.read", []string{"patient/*.read"}, []string{"patient/Observation.read"}, "patient/Observation.read"},
		"more than asked":  {"patient/Observation.rs", []string{"patient/Observation.rs", "patient/*.cruds", "openid", "user/*.rs"}, []string{"patient/Patient.rs"}, "patient/Observation.rs"},
		"nothing":          {"patient/Observation.rs", nil, nil, "access_denied"},
	} {
		scope, _ := p.granted(t, p.member(t, "alice"), asking(c.asked), func(page string, form url.Values) {
			if form.Get("decision") == "" {
				return
			}
			if name == "all" && !strings.Contains(strings.ToLower(page), offers) {
				t.Error("offline_access is not explained")
			}
			form["scope"], form["only"] = c.scope, c.only
		})
		if strings.Join(scope, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, scope, c.want)
		}
	}
}

// What is no scope, or one out of order, is ignored and never read as another; of SMART
// 1 the words come back (T6).
func TestSMART22_Z9_T6_ScopesAsAsked(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	for asked, want := range map[string]string{
		"patient/Observation.sr patient/Condition.rs":              "patient/Condition.rs",
		"patient/Observation.dus patient/Condition.read":           "patient/Condition.read",
		"patient/Observation.* patient/Condition.write":            "patient/Observation.* patient/Condition.write",
		"patient/observation.rs Patient/Observation.rs user/*.rs":  "user/*.rs",
		"patient/Resource.rs patient/DomainResource.rs user/*.r":   "user/*.r",
		"patient/Observation.rs%3Fcategory=x openid":               "openid",
		"patient/Observation.rs?_has:Observation:x=1 openid":       "openid",
		"patient/Observation.rs?category=x&_include=y openid":      "openid",
		"patient/Observation.rs\tpatient/Condition.rs":             "patient/Observation.rs patient/Condition.rs",
		"openid openid fhirUser":                                   "openid fhirUser",
		"fhirUser":                                                 "invalid_scope",
		"offline_access online_access openid":                      "offline_access openid",
		"nonsense patient/Observation.rs?category=laboratory":      "patient/Observation.rs?category=laboratory",
		"patient/Observation.rs?category=survey user/Condition.rs": "patient/Observation.rs?category=survey user/Condition.rs",
	} {
		scope, _ := p.granted(t, b, asking(asked), nil)
		if strings.Join(scope, " ") != want {
			t.Errorf("%s: %q, want %s", asked, scope, want)
		}
	}
}

// CSRF, session fixation and the wrong session on the consent form (E.3 OAuth).
func TestSMART22_ConsentFormIsOurs(t *testing.T) {
	p := office(t)
	b := p.member(t, "alice")
	form := func() url.Values {
		f := inputs(b.send("authorize?"+asking("openid").Encode(), nil).Body.String())
		f.Set("decision", "allow")
		return f
	}
	without := form()
	without.Del(tokenField)
	other := form()
	other.Set(tokenField, inputs(p.member(t, "root").send("authorize?"+asking("openid").Encode(), nil).Body.String()).Get(tokenField))
	for name, f := range map[string]url.Values{"no token": without, "another session's token": other} {
		if w := b.send("consent", f); w.Code != 403 || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	// A request changed in the form is judged like one that came from the app.
	for name, change := range map[string][2]string{"redirect": {"redirect_uri", "https://evil.example/"}, "client": {"client_id", "nobody"}} {
		f := form()
		q, _ := url.ParseQuery(f.Get("request"))
		q.Set(change[0], change[1])
		f.Set("request", q.Encode())
		if w := b.send("consent", f); w.Code != 400 || w.Header().Get("Location") != "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	if w := p.browser(t).send("consent", form()); w.Code != 302 || w.Header().Get("Location") != "login" {
		t.Errorf("signed out: %d %v", w.Code, w.Header())
	}
	if !slices.Contains([]int{405, 400}, b.send("consent", nil).Code) {
		t.Error("consent by GET")
	}
}
