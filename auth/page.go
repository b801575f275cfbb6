package auth

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vitalwire/auth/page"
)

// pages answers what people see, at a path below the FHIR base; nil is none of them.
// All lie in one folder and lead to each other by relative links.
func (a *Authority) pages(path string) http.HandlerFunc {
	switch path {
	case "auth/login":
		return a.show(a.login)
	case "auth/logout":
		return a.show(a.logout)
	case "auth/external":
		return a.show(a.elsewhere)
	case "auth/callback":
		return a.show(a.callback)
	case "auth/account":
		return a.show(a.account)
	case "auth/privacy":
		return a.show(a.privacy)
	case "auth/seen":
		return a.show(a.seen)
	case "auth/glass":
		return a.show(a.glasses)
	case "auth/frames":
		return a.show(a.frames)
	case "auth/frame":
		return a.show(a.frame)
	case "auth/clients":
		return a.show(a.manageClients)
	case "auth/client":
		return a.show(a.manageClient)
	case "auth/users":
		return a.show(a.manageUsers)
	case "auth/person":
		return a.show(a.manageUser)
	case "auth/authorize":
		return a.show(a.authorize)
	case "auth/consent":
		return a.show(a.consent)
	case "auth/launch":
		return a.show(a.launchPage)
	}
	return nil
}

// show serves a page by GET and, for its forms, by POST. A page of another origin
// gets nothing here (no CORS).
func (a *Authority) show(page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPost:
			page(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", "GET, HEAD, POST, OPTIONS")
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", "GET, HEAD, POST, OPTIONS")
			a.problem(w, r, http.StatusMethodNotAllowed, "This page cannot be used so", "It is read by GET and sent by POST.")
		}
	}
}

// view is what every page is made of.
type view struct {
	// Data is the page's own.
	Data any
	// User is who is signed in; nil when nobody is.
	User *User
	// Token is of the forms: the template "token" puts it into one.
	Token string
	Style template.CSS
	// private: there is a page for patients about who sees their data. desk: there is one
	// about frames.
	private, desk bool
}

// Private reports whether the links to a patient's privacy are shown.
func (v view) Private() bool { return v.private && v.User != nil && v.User.self() != "" }

// Oversees reports whether the link to the broken glasses is shown.
func (v view) Oversees() bool { return v.private && v.User != nil && v.User.oversees() }

// Tends reports whether the link to refused and waiting frames is shown.
func (v view) Tends() bool { return v.desk && v.User != nil && v.User.tends() }

// Admin reports whether the links of administration are shown.
func (v view) Admin() bool { return v.User != nil && v.User.Role == Admin }

// leaving are the pages whose form may lead to an app, at an address of its own:
// form-action would keep some browsers from following (CSP level 3 leaves open
// whether it holds for redirects, and they differ).
var leaving = []string{"login", "consent", "picker", "encounter", "launch"}

var styleHash = func() string {
	sum := sha256.Sum256([]byte(page.Style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// page answers with the page of a name in package page, in the frame that all have.
// Inside it {{.Data}} is data.
func (a *Authority) page(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	v := view{Data: data, private: a.Privacy != nil, desk: a.Desk != nil, Style: template.CSS(page.Style)} //nolint:gosec // a constant of ours
	u, s, err := a.signedIn(r)
	if err != nil {
		// The page can still be read; its form will say that the store does not answer.
		a.Log.ErrorContext(r.Context(), "page", "error", err)
	}
	v.User, v.Token = u, a.pageToken(w, r, s)
	var body bytes.Buffer
	if err := page.Write(&body, name, v); err != nil {
		a.Log.ErrorContext(r.Context(), "page", "name", name, "error", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	a.pageHeader(w.Header(), name)
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // a browser that has gone needs no page
	}
}

// pageHeader keeps a browser from making more of a page than text and forms, from
// showing it inside another, from keeping it, and from telling where it came from
// (OWASP secure headers).
func (a *Authority) pageHeader(h http.Header, name string) {
	frames := "'none'"
	h.Set("X-Frame-Options", "DENY")
	if len(a.Frames) > 0 {
		frames = strings.Join(a.Frames, " ")
		h.Del("X-Frame-Options") // which knows no list
	}
	policy := "default-src 'none'; style-src " + styleHash + "; base-uri 'none'; frame-ancestors " + frames
	if !slices.Contains(leaving, name) {
		policy += "; form-action 'self'"
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if a.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// problem is a page that says what went wrong.
func (a *Authority) problem(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	a.page(w, r, status, "problem", struct{ Title, Text string }{title, text})
}

// pageFault answers a fault of the store with a page that tells nothing of it.
func (a *Authority) pageFault(w http.ResponseWriter, r *http.Request, err error) {
	a.Log.ErrorContext(r.Context(), "page", "error", err)
	w.Header().Set("Retry-After", "2")
	a.problem(w, r, http.StatusServiceUnavailable, "Not available", "This server cannot answer at present. Please try again in a moment.")
}

// readPage reads the form of a page into r.PostForm, or answers what is wrong with it.
func (a *Authority) readPage(w http.ResponseWriter, r *http.Request) bool {
	if _, err := readValues(w, r); err != nil {
		text := "The form cannot be read."
		if known := (*oauthError)(nil); errors.As(err, &known) {
			text = "The form cannot be read: " + known.text + "."
		}
		a.problem(w, r, http.StatusBadRequest, "Not understood", text)
		return false
	}
	return true
}

// member lets in who is signed in, to a page; another is asked to sign in.
func (a *Authority) member(w http.ResponseWriter, r *http.Request) (*User, *session, bool) {
	u, s, err := a.signedIn(r)
	switch {
	case err != nil:
		a.pageFault(w, r, err)
	case u == nil && r.Method == http.MethodPost:
		// What was posted is not repeated: it may be hours old, or not meant at all.
		goTo(w, "login")
	case u == nil:
		a.askLogin(w, r)
	}
	return u, s, err == nil && u != nil
}

// posted reads a form of who is signed in and checks that it is ours.
func (a *Authority) posted(w http.ResponseWriter, r *http.Request, s *session) bool {
	if !a.readPage(w, r) {
		return false
	}
	if !a.checkToken(r, s) {
		a.problem(w, r, http.StatusForbidden, "Not done", "This form was not sent from a page of this server, or the page had become too old. Please go back, load it again, and repeat it.")
		return false
	}
	return true
}
