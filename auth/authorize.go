package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorization is an app's request for a code (RFC 6749 §4.1.1, RFC 7636 §4.3,
// SMART 2.2 obtain authorization code).
type authorization struct {
	client    *Client
	redirect  string
	state     string
	scope     string
	launch    string
	nonce     string
	challenge string
	quiet     bool // prompt=none: no page is shown
	// query is the request as it came, for the forms of the pages.
	query string
}

// The bounds of a request.
const (
	longestQuery = 12 << 10
	longestState = 4 << 10
)

// authorize is the authorization endpoint (RFC 6749 §3.1), by GET and by POST. What
// is posted comes from another site, to which a browser lends no cookie of ours, so
// it comes back by GET.
func (a *Authority) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.RawQuery
	if r.Method == http.MethodPost {
		if !a.readPage(w, r) {
			return
		}
		query = r.PostForm.Encode()
	}
	ask, ok := a.readAuthorization(w, r, query)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		goTo(w, "authorize?"+ask.query)
		return
	}
	u, s, err := a.signedIn(r)
	switch {
	case err != nil:
		a.pageFault(w, r, err)
	case u == nil && ask.quiet:
		a.refuse(w, ask, "login_required", "nobody is signed in")
	case u == nil:
		a.askLogin(w, r)
	default:
		a.consider(w, r, &deciding{ask: ask, user: u, session: s})
	}
}

// readAuthorization reads a request, or answers what is wrong with it: on a page as
// long as it is not sure that the app is who gets the answer (RFC 6749 §4.1.2.1),
// else to the app.
func (a *Authority) readAuthorization(w http.ResponseWriter, r *http.Request, query string) (*authorization, bool) {
	if len(query) > longestQuery {
		a.problem(w, r, http.StatusBadRequest, "The app cannot be let in", "The app's request is too long.")
		return nil, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		a.problem(w, r, http.StatusBadRequest, "The app cannot be let in", "The app's request cannot be read.")
		return nil, false
	}
	one := func(name string) string {
		if len(values[name]) != 1 {
			return ""
		}
		return values[name][0]
	}
	client, err := a.client(r.Context(), one("client_id"))
	if err != nil {
		a.pageFault(w, r, err)
		return nil, false
	}
	redirect := one("redirect_uri")
	switch {
	case client == nil || !client.May(codeGrant):
		a.problem(w, r, http.StatusBadRequest, "The app cannot be let in", "No app with this client_id may ask people to let it in.")
		return nil, false
	case !client.redirects(redirect):
		a.problem(w, r, http.StatusBadRequest, "The app cannot be let in", "The app wants you sent to an address (redirect_uri) that it is not registered with.")
		return nil, false
	}
	ask := &authorization{
		client: client, redirect: redirect, state: one("state"), scope: one("scope"), launch: one("launch"),
		nonce: one("nonce"), challenge: one("code_challenge"), query: values.Encode(),
	}
	if code, text := a.judge(ask, values); code != "" {
		a.refuse(w, ask, code, text)
		return nil, false
	}
	ask.quiet = one("prompt") == "none"
	return ask, true
}

// judge says what is wrong with a request whose client and redirect_uri are right.
func (a *Authority) judge(ask *authorization, values url.Values) (code, text string) {
	for name, list := range values {
		if len(list) > 1 {
			return "invalid_request", "a parameter is given twice: " + printable(name)
		}
	}
	for _, name := range []string{"request", "request_uri"} {
		if values.Has(name) {
			return name + "_not_supported", "parameters are given one by one"
		}
	}
	audience := values.Get("aud")
	if audience == "" {
		audience = values.Get("resource") // RFC 8707, which other clients send
	}
	switch {
	case values.Get("response_type") == "":
		return "invalid_request", "response_type is missing"
	case values.Get("response_type") != "code":
		return "unsupported_response_type", "response_type must be code"
	case values.Has("response_mode") && values.Get("response_mode") != "query":
		return "invalid_request", "response_mode must be query"
	case ask.state == "":
		return "invalid_request", "state is missing"
	case len(ask.state) > longestState || len(ask.nonce) > longestState:
		return "invalid_request", "state or nonce is too long"
	case len(strings.Fields(ask.scope)) == 0:
		return "invalid_scope", "scope is missing"
	case len(strings.Fields(ask.scope)) > maxScopes:
		return "invalid_scope", "more scopes than are read"
	case audience == "":
		return "invalid_request", "aud is missing; it is the FHIR base URL " + a.Issuer
	case strings.TrimSuffix(audience, "/") != a.Issuer:
		return "invalid_request", "aud is another server; this one is " + a.Issuer
	case ask.challenge == "":
		return "invalid_request", "code_challenge is missing (PKCE, RFC 7636)"
	case values.Get("code_challenge_method") != "S256":
		return "invalid_request", "code_challenge_method must be S256"
	case !isRandom(ask.challenge):
		return "invalid_request", "code_challenge is not that of S256: 43 characters of base64url"
	case ask.launch != "" && !slices.Contains(strings.Fields(ask.scope), launchScope):
		return "invalid_scope", "with launch goes the scope launch"
	case ask.launch == "" && slices.Contains(strings.Fields(ask.scope), launchScope):
		return "invalid_request", "the scope launch takes the launch parameter that the EHR gave"
	}
	return "", ""
}

// printable is a text of a stranger as an error_description may have it (RFC 6749
// §4.1.2.1).
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, text)
	return text[:min(len(text), 60)]
}

// refuse sends the browser back to the app with an error.
func (a *Authority) refuse(w http.ResponseWriter, ask *authorization, code, text string) {
	a.back(w, ask, url.Values{"error": {code}, "error_description": {text}})
}

// back sends the browser back to the app, with its state and, so that no server can
// pass for another, the issuer (RFC 9207 §2).
func (a *Authority) back(w http.ResponseWriter, ask *authorization, answer url.Values) {
	if ask.state != "" {
		answer.Set("state", ask.state)
	}
	answer.Set("iss", a.Issuer)
	separator := "?"
	if strings.Contains(ask.redirect, "?") {
		separator = "&"
	}
	h := w.Header()
	h.Set("Location", ask.redirect+separator+answer.Encode())
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther) // so that no form is sent on (RFC 9700 §4.12)
}

// asked are the scopes that an app can be given at most, for who lets it in: of what
// it asks for, what it is registered for, what can be enforced, and what the user
// can give.
func (a *Authority) asked(ask *authorization, u *User) (other []string, resources Scopes) {
	wanted, text := splitScopes(ask.scope)
	allowed, bounds := splitScopes(ask.client.Scope)
	for _, s := range a.enforced(ParseScopes(text).Within(ParseScopes(bounds))) {
		switch {
		case s.Level == SystemLevel: // no person is the system
		case !u.hasPatients(): // whose record would it be?
		default:
			resources = append(resources, s)
		}
	}
	for _, scope := range wanted {
		switch {
		case !slices.Contains(allowed, scope):
		case scope == fhirUserScope && (u.FHIRUser == "" || !slices.Contains(wanted, openidScope)):
		case (scope == launchPatient || scope == launchVisit) && !u.hasPatients():
		case (scope == offlineScope || scope == onlineScope) && !ask.client.May(refreshGrant):
		case scope == onlineScope && slices.Contains(wanted, offlineScope) && slices.Contains(allowed, offlineScope):
		default:
			other = append(other, scope)
		}
	}
	return other, resources
}

// hasPatients reports whether a user can give an app access to records: his own, or
// those of patients whom he treats.
func (u *User) hasPatients() bool { return u.Role == Patient || u.treats() }

// treats reports whether a user may see patients other than himself.
func (u *User) treats() bool {
	return (u.Role == Practitioner || u.Role == Admin) && strings.HasPrefix(u.FHIRUser, "Practitioner")
}

// ownPatient is the patient that somebody is, or is related to.
func (a *Authority) ownPatient(ctx context.Context, u *User) (string, error) {
	typ, id, _ := strings.Cut(u.FHIRUser, "/")
	switch {
	case typ == "Patient":
		return id, nil
	case typ == "RelatedPerson" && a.Chart != nil:
		e, ok, err := a.Chart.Entity(seenByServer(ctx), typ, id)
		if err != nil || !ok {
			return "", err
		}
		return e.Patient, nil
	}
	return "", nil
}
