package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// launch is what the EHR says of an app that it starts (SMART 2.2, launch-ehr). It is
// kept under the hash of an opaque handle, and used up by the first code.
type launch struct {
	Client string `json:"client"`
	User   string `json:"user"`
	// Session is the one that it was started in; "" when an EHR did by the API.
	Session string `json:"session,omitempty"`
	launchContext
	Expires time.Time `json:"expires"`
}

// launchLife is how long a handle is good: the app is opened at once.
const launchLife = 5 * time.Minute

// putLaunch keeps a launch and gives its handle.
func (a *Authority) putLaunch(ctx context.Context, l launch) (handle string, err error) {
	l.Expires = a.now().UTC().Add(launchLife)
	handle = random()
	return handle, a.Shelf.Change(ctx, func(d Drawer) error { return putJSON(d, launchShelf, hashed(handle), l) })
}

// launched finds the launch of a handle that this client, user and session may use;
// nil when there is none.
func (a *Authority) launched(ctx context.Context, handle, client string, u *User, s *session) (*launch, error) {
	if !isRandom(handle) {
		return nil, nil
	}
	data, ok, err := a.Shelf.Get(ctx, launchShelf, hashed(handle))
	if err != nil || !ok {
		return nil, err
	}
	l := &launch{}
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("auth: a launch as kept: %w", err)
	}
	if l.Client != client || l.User != u.Name || l.Session != "" && l.Session != s.ID || !a.now().Before(l.Expires) {
		return nil, nil
	}
	return l, nil
}

// launchURL is where a launch sends the browser: the app's launch URL with this
// server and the handle.
func (a *Authority) launchURL(c *Client, handle string) string {
	separator := "?"
	if strings.Contains(c.LaunchURI, "?") {
		separator = "&"
	}
	return c.LaunchURI + separator + url.Values{"iss": {a.Issuer}, "launch": {handle}}.Encode()
}

// launchRequest is what an EHR posts to start an app for one of its users.
type launchRequest struct {
	Client      string          `json:"client_id"`
	User        string          `json:"user"`
	Patient     string          `json:"patient"`
	Encounter   string          `json:"encounter"`
	FHIRContext json.RawMessage `json:"fhirContext"`
	Banner      bool            `json:"need_patient_banner"`
	Intent      string          `json:"intent"`
	Tenant      string          `json:"tenant"`
}

// maxLaunch bounds the body of a launch in bytes.
const maxLaunch = 16 << 10

// launches is the launch API for an EHR: who may read and search the patients of the
// whole system says which app a user starts, and about whom. The user still signs in
// and lets the app in himself. The answer names the handle, and the URL to open.
func (a *Authority) launches(w http.ResponseWriter, r *http.Request) {
	if !a.servesApps(w, r, http.MethodPost) {
		return
	}
	access, err := a.bearer(r)
	if err != nil {
		a.fail(w, err)
		return
	}
	if !slices.ContainsFunc(access.Scopes, func(s Scope) bool {
		return s.Level == SystemLevel && Scopes{s}.Allow("Patient", Read|Search) && s.Filter == ""
	}) {
		a.fail(w, &oauthError{status: http.StatusForbidden, code: "insufficient_scope", text: "starting an app takes an access token with the scope system/Patient.rs"})
		return
	}
	answer, err := a.startApp(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.send(w, http.StatusCreated, answer)
}

func (a *Authority) startApp(w http.ResponseWriter, r *http.Request) (any, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, invalidRequest("the body must be application/json")
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLaunch))
	if err != nil {
		return nil, invalidRequest("the body is too large or ended early")
	}
	var ask launchRequest
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&ask); err != nil || decoder.More() {
		return nil, invalidRequest("the body must be one JSON object with client_id, user, patient, encounter, fhirContext, need_patient_banner, intent and tenant")
	}
	if _, err := flat(data); err != nil {
		return nil, invalidRequest("a member is given twice")
	}
	client, err := a.client(r.Context(), ask.Client)
	if err != nil {
		return nil, err
	}
	if client == nil || client.LaunchURI == "" || !client.May(codeGrant) {
		return nil, invalidRequest("no app with this client_id can be started: it takes redirect_uris and a launch_uri")
	}
	u, err := a.user(r.Context(), ask.User)
	if err != nil {
		return nil, err
	}
	if u == nil {
		return nil, invalidRequest("there is no such user")
	}
	l := launch{Client: client.ID, User: u.Name, launchContext: launchContext{Patient: ask.Patient, Encounter: ask.Encounter,
		FHIRContext: ask.FHIRContext, Banner: ask.Banner, Intent: ask.Intent, Tenant: ask.Tenant}}
	if err := a.checkContext(r.Context(), &l.launchContext); err != nil {
		return nil, err
	}
	handle, err := a.putLaunch(r.Context(), l)
	if err != nil {
		return nil, err
	}
	return map[string]any{"launch": handle, "launch_url": a.launchURL(client, handle), "expires_in": int(launchLife.Seconds())}, nil
}

// checkContext wants patient and encounter to be there, and to belong together.
func (a *Authority) checkContext(ctx context.Context, c *launchContext) error {
	if a.Chart == nil {
		return invalidRequest("this server starts no apps")
	}
	if len(c.Intent) > 200 || len(c.Tenant) > 200 {
		return invalidRequest("intent and tenant are at most 200 bytes each")
	}
	if c.Patient != "" {
		if _, ok, err := a.Chart.Entity(seenByServer(ctx), "Patient", c.Patient); err != nil {
			return err
		} else if !ok {
			return invalidRequest("there is no such patient")
		}
	}
	if c.Encounter != "" {
		if e, ok, err := a.Chart.Entity(seenByServer(ctx), "Encounter", c.Encounter); err != nil {
			return err
		} else if !ok || c.Patient == "" || e.Patient != c.Patient {
			return invalidRequest("there is no such encounter of the patient")
		}
	}
	if len(c.FHIRContext) == 0 || string(c.FHIRContext) == "null" {
		c.FHIRContext = nil
		return nil
	}
	if err := checkFHIRContext(c.FHIRContext); err != nil {
		return invalidRequest("fhirContext: " + err.Error())
	}
	return nil
}

// checkFHIRContext wants what SMART 2.2 lets an array of fhirContext be.
func checkFHIRContext(data json.RawMessage) error {
	var list []struct {
		Reference  string          `json:"reference"`
		Canonical  string          `json:"canonical"`
		Identifier json.RawMessage `json:"identifier"`
		Type       string          `json:"type"`
		Role       *string         `json:"role"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return errors.New("it is an array of objects")
	}
	for _, e := range list {
		typ, _, _ := strings.Cut(e.Reference, "/")
		switch {
		case e.Reference == "" && e.Canonical == "" && len(e.Identifier) == 0:
			return errors.New("each has a reference, a canonical or an identifier")
		case e.Role != nil && *e.Role == "":
			return errors.New("role is not empty")
		case (typ == "Patient" || typ == "Encounter") && (e.Role == nil || *e.Role == "launch"):
			return errors.New("the Patient and the Encounter of the launch are patient and encounter; another one has a role")
		}
	}
	return nil
}
