package auth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// loginView is what the login page shows.
type loginView struct {
	// Next is where to go then, as askLogin made it.
	Next, Name string
	Fault      string
	// Elsewhere is the name of the OpenID provider to sign in at; "" for none.
	Elsewhere string
}

// askLogin sends a browser to the login page, which comes back with the same
// parameters. A form that was posted comes back as a GET with the same ones.
func (a *Authority) askLogin(w http.ResponseWriter, r *http.Request) {
	query := r.URL.RawQuery
	if r.Method == http.MethodPost {
		values := url.Values{}
		for name, value := range r.PostForm {
			if name != tokenField {
				values[name] = value
			}
		}
		query = values.Encode()
	}
	next := lastOf(r.URL.Path)
	if query != "" {
		next += "?" + query
	}
	goTo(w, "login?"+url.Values{"next": {next}}.Encode())
}

// goTo answers with the way to another page. It is relative to the one that
// answers, so that it holds by whatever name and path the browser came here.
func goTo(w http.ResponseWriter, where string) {
	h := w.Header()
	h.Set("Location", where)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
}

// lastOf is the last segment of a path: the name of a page.
func lastOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// comeBack are the pages that somebody who signed in may go on to. What is not one
// of them is not gone to, so that a link to the login page leads nowhere else.
var comeBack = []string{"account", "authorize", "launch", "clients", "client", "users", "person", "privacy", "seen", "glass", "frames", "frame"}

// nextPage is where to go after a login that was asked for with next: one of our
// own pages with its parameters, else the account page.
func nextPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Fragment != "" || !slices.Contains(comeBack, u.Path) {
		return "account"
	}
	if u.RawQuery == "" {
		return u.Path
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "account"
	}
	return u.Path + "?" + values.Encode()
}

// login is the login page.
func (a *Authority) login(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		u, _, err := a.signedIn(r)
		if err != nil {
			a.pageFault(w, r, err)
			return
		}
		next := r.URL.Query().Get("next")
		if u != nil && next == "" {
			goTo(w, "account")
			return
		}
		a.loginPage(w, r, http.StatusOK, loginView{Next: next})
		return
	}
	if !a.readPage(w, r) {
		return
	}
	_, s, err := a.signedIn(r)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	view := loginView{Next: r.PostForm.Get("next"), Name: loginNameOf(r.PostForm.Get("name"))}
	if !a.checkToken(r, s) {
		// A page that lay open for long, or another site that signs somebody in.
		view.Fault = "This page had become too old. Please sign in again."
		a.loginPage(w, r, http.StatusForbidden, view)
		return
	}
	u, wait, err := a.signIn(r, view.Name, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "5")
		view.Fault = "Too many people sign in at this moment. Please try again in a few seconds."
		a.loginPage(w, r, http.StatusServiceUnavailable, view)
	case err != nil:
		a.pageFault(w, r, err)
	case wait > 0:
		_ = a.report(r.Context(), Happening{What: SignInWaits}) // he has proved nothing
		w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
		view.Fault = "There were too many failed attempts. Please try again in " + inWords(wait) + "."
		a.loginPage(w, r, http.StatusTooManyRequests, view)
	case u == nil:
		_ = a.report(r.Context(), Happening{What: SignInFailed})
		view.Fault = "That name and password do not belong together."
		a.loginPage(w, r, http.StatusUnauthorized, view)
	default:
		a.welcome(w, r, u, view.Next)
	}
}

// welcome begins the session of who has proved to be a user, and goes on.
func (a *Authority) welcome(w http.ResponseWriter, r *http.Request, u *User, next string) {
	if err := a.report(r.Context(), Happening{What: SignedIn, User: u.Name, Proved: true}); err != nil {
		a.pageFault(w, r, err)
		return
	}
	if err := a.begin(w, r, u); err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.setCookie(w, formCookie, "")
	a.Log.InfoContext(r.Context(), "somebody signed in", "user", u.Name, "address", addressOf(r))
	goTo(w, nextPage(next))
}

func (a *Authority) loginPage(w http.ResponseWriter, r *http.Request, status int, view loginView) {
	if a.External != nil {
		view.Elsewhere = a.External.Name
	}
	a.page(w, r, status, "login", view)
}

// signIn checks a name and a password. A nil user is a wrong one of them, and it is
// never told which; wait says how long he may not try.
func (a *Authority) signIn(r *http.Request, name, password string) (u *User, wait time.Duration, err error) {
	ctx, from := r.Context(), addressOf(r)
	if wait, err = a.tried(ctx, name, from); err != nil || wait > 0 {
		return nil, wait, err
	}
	if u, err = a.user(ctx, name); err != nil {
		return nil, 0, err
	}
	known, hash := "", ""
	if u != nil {
		known, hash = u.Name, u.Hash
	}
	if len(password) > 4*mostPassword {
		password = "" // which nobody has
	}
	right, stale, err := verify(ctx, password, hash)
	if err != nil {
		return nil, 0, err
	}
	if !right {
		// A name that nobody has may be a password in the wrong field.
		a.Log.WarnContext(ctx, "a login failed", "user", known, "address", from)
		return nil, 0, nil
	}
	if stale {
		fresh, err := hashPassword(ctx, password)
		if err == nil {
			err = a.keepHash(ctx, u, fresh)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	return u, 0, a.triedWell(ctx, name, from)
}

// keepHash replaces the hash of a password by one of other parameters. The password
// is the same, so that no session ends.
func (a *Authority) keepHash(ctx context.Context, u *User, hash string) error {
	return a.Shelf.Change(ctx, func(d Drawer) error {
		data, ok, err := d.Get(userShelf, u.Name)
		if err != nil || !ok {
			return err
		}
		now, err := readUser(data)
		if err != nil || now.Hash != u.Hash {
			return err // changed meanwhile
		}
		now.Hash = hash
		return putUser(d, now)
	})
}

// logout signs out: by GET it asks, as a link on another site must not do it.
func (a *Authority) logout(w http.ResponseWriter, r *http.Request) {
	u, s, err := a.signedIn(r)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	switch {
	case s == nil:
		goTo(w, "login")
	case r.Method != http.MethodPost:
		a.page(w, r, http.StatusOK, "logout", nil)
	case !a.readPage(w, r):
	case !a.checkToken(r, s):
		a.page(w, r, http.StatusForbidden, "logout", nil)
	default:
		if err := a.end(w, r); err != nil {
			a.pageFault(w, r, err)
			return
		}
		if u != nil {
			_ = a.report(r.Context(), Happening{What: SignedOut, User: u.Name, Proved: true}) // he is out
		}
		goTo(w, "login")
	}
}

func seconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }

// inWords is a time to wait, for people.
func inWords(wait time.Duration) string {
	n := seconds(wait)
	switch {
	case n == 1:
		return "1 second"
	case n < 120:
		return strconv.Itoa(n) + " seconds"
	}
	return strconv.Itoa((n+59)/60) + " minutes"
}
