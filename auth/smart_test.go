package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

// record is a Chart of two patients, one with an encounter.
type record struct{}

var (
	recordPatients   = []Entity{{ID: "p1", Title: "Maria Lindqvist", Detail: "1958-03-14"}, {ID: "p2", Title: "Omar Haddad"}}
	recordEncounters = []Entity{{ID: "e1", Title: "ambulatory", Patient: "p1"}, {ID: "e2", Title: "other", Patient: "p2"}}
)

func (record) Patients(_ context.Context, text string, limit int) (list []Entity, err error) {
	for _, e := range recordPatients {
		if len(list) < limit && strings.Contains(e.Title, text) {
			list = append(list, e)
		}
	}
	return list, nil
}

func (record) Encounters(_ context.Context, patient string, _ int) (list []Entity, err error) {
	for _, e := range recordEncounters {
		if e.Patient == patient {
			list = append(list, e)
		}
	}
	return list, nil
}

func (record) Entity(_ context.Context, typ, id string) (Entity, bool, error) {
	from := map[string][]Entity{"Patient": recordPatients, "Encounter": recordEncounters, "RelatedPerson": {{ID: "r1", Patient: "p2"}}}[typ]
	i := slices.IndexFunc(from, func(e Entity) bool { return e.ID == id })
	if i < 0 {
		return Entity{}, false, nil
	}
	return from[i], true, nil
}

const (
	appRedirect = "https://app.example.org/done"
	appScope    = "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access patient/*.cruds user/*.cruds system/*.rs"
)

// office is people with a record and three apps: "app" is public, "secret" has one,
// "keys" signs.
func office(t *testing.T) *place {
	t.Helper()
	p := people(t)
	p.Chart = record{}
	p.Rules = &Rules{Base: base, Search: search.NewRegistry(profiles.R4(), base)}
	keyed := newPlace(t)
	p.ec, p.rsa = keyed.ec, keyed.rsa
	for _, c := range []Client{
		{ID: "app", Name: "Vitals <chart>", Public: true},
		{ID: "other", Public: true},
		{ID: "secret"},
		{ID: "keys", Keys: jwks(t, jwk("ec1", &p.ec.PublicKey))},
	} {
		c.Scope, c.RedirectURIs, c.LaunchURI = appScope, []string{appRedirect, "https://app.example.org/two?x=1"}, "https://app.example.org/launch"
		if c.Public {
			c.Scope = strings.ReplaceAll(c.Scope, " system/*.rs", "")
		}
		given, err := p.Register(t.Context(), c, c.ID == "secret")
		if err != nil {
			t.Fatal(err)
		}
		if given != "" {
			p.secret = given
		}
	}
	for _, u := range []User{{Name: "maria", Role: Patient, FHIRUser: "Patient/p1"}, {Name: "son", Role: Patient, FHIRUser: "RelatedPerson/r1"}, {Name: "devices", Role: DeviceManager, FHIRUser: "Practitioner/9"}} {
		u.Hash = quickHash(t)
		if err := p.Shelf.Change(t.Context(), func(d Drawer) error { return putUser(d, &u) }); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// verifier is a code_verifier, and challenge its S256.
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// asking are the parameters of a good request, with changes: "" takes one away.
func asking(scope string, pairs ...string) url.Values {
	q := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {appRedirect}, "scope": {scope}, "state": {"s t&te"},
		"aud": {base}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "nonce": {"n-1"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return q
}

// member is a browser in which somebody is signed in.
func (p *place) member(t *testing.T, name string) *browser {
	t.Helper()
	b := p.browser(t)
	if w := b.signIn(name, goodPassword); w.Code != http.StatusFound {
		t.Fatalf("login of %s: %d %s", name, w.Code, w.Body)
	}
	return b
}

var hiddenInput = regexp.MustCompile(`<input type="(hidden|checkbox|radio)"(?: id="[^"]*")? name="([^"]*)" value="([^"]*)"( checked)?`)

// inputs are what a page's last form sends when nothing on it is touched.
func inputs(page string) url.Values {
	form := url.Values{}
	page = page[max(0, strings.LastIndex(page, "<form")):]
	for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
		if m[1] == "hidden" || m[4] != "" {
			form.Add(m[2], html.UnescapeString(m[3]))
		}
	}
	return form
}

// answerOf is what an app gets in its redirect.
func answerOf(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	where := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(where, appRedirect+"?") {
		t.Fatalf("not sent to the app: %d %s %s", w.Code, where, w.Body)
	}
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// decide walks the pages from a request to the app's answer; change is done to each form.
func (b *browser) decide(q url.Values, change func(page string, form url.Values)) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.send("authorize?"+q.Encode(), nil)
	for range 5 {
		if w.Code != http.StatusOK {
			return w
		}
		page := w.Body.String()
		form := inputs(page)
		switch {
		case strings.Contains(page, "<h1>Choose a patient"):
			form.Set("patient", "p1")
		case strings.Contains(page, "<h1>Choose an encounter"):
			form.Set("encounter", "e1")
		default:
			form.Set("decision", "allow")
		}
		if change != nil {
			change(page, form)
		}
		w = b.send("consent", form)
	}
	b.t.Fatalf("no end: %s", w.Body)
	return nil
}

// code lets the app in and gives its code.
func (b *browser) code(q url.Values) string {
	b.t.Helper()
	answer := answerOf(b.t, b.decide(q, nil))
	if answer.Get("code") == "" {
		b.t.Fatalf("no code: %v", answer)
	}
	return answer.Get("code")
}

// exchangeCode is the token request of the public app.
func exchangeCode(code string, pairs ...string) []string {
	return append([]string{"grant_type", "authorization_code", "code", code, "redirect_uri", appRedirect, "client_id", "app", "code_verifier", verifier}, pairs...)
}

// tokens are those for a code.
func (p *place) tokens(t *testing.T, scope string) map[string]any {
	t.Helper()
	w, answer := p.ask(t, "auth/token", nil, exchangeCode(p.member(t, "alice").code(asking(scope)))...)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %v", w.Code, answer)
	}
	return answer
}

func (p *place) active(t *testing.T, token any) bool {
	t.Helper()
	text, ok := token.(string)
	if !ok {
		t.Fatalf("no token: %v", token)
	}
	_, err := p.Lookup(t.Context(), text)
	return err == nil
}

func (p *place) document(t *testing.T, path string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, base+"/"+path, nil)
	w := httptest.NewRecorder()
	p.Handler(path)(w, r)
	var document map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %v %s", path, w.Code, err, w.Body)
	}
	return document
}
