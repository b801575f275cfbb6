package auth

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// externalLogin is a login under way at the OpenID provider, on the Shelf under the
// hash of what the browser's cookie holds.
type externalLogin struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Next     string    `json:"next"`
	Until    time.Time `json:"until"`
}

const (
	externalCookie = "external"
	// longestLogin is how long somebody may take to sign in there.
	longestLogin = 15 * time.Minute
	longestNext  = 8 << 10
)

// elsewhere begins a login at the OpenID provider: by POST from the login page, so
// that no other site can begin one.
func (a *Authority) elsewhere(w http.ResponseWriter, r *http.Request) {
	if a.External == nil || r.Method != http.MethodPost {
		goTo(w, "login")
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
	next := r.PostForm.Get("next")
	if !a.checkToken(r, s) || len(next) > longestNext {
		a.loginPage(w, r, http.StatusForbidden, loginView{Next: next, Fault: "This page had become too old. Please sign in again."})
		return
	}
	provider, err := a.External.discovered(r.Context(), a.now())
	if err != nil {
		a.notElsewhere(w, r, http.StatusBadGateway, err)
		return
	}
	secret := random()
	login := externalLogin{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Next: next, Until: a.now().Add(longestLogin).UTC()}
	err = a.Shelf.Change(r.Context(), func(d Drawer) error { return putJSON(d, externalShelf, hashed(secret), login) })
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.setCookie(w, externalCookie, secret)
	goTo(w, a.External.oauth(provider, a.endpoint("callback")).AuthCodeURL(login.State, oidc.Nonce(login.Nonce), oauth2.S256ChallengeOption(login.Verifier)))
}

// callback is where the OpenID provider sends a browser back to.
func (a *Authority) callback(w http.ResponseWriter, r *http.Request) {
	secret := a.cookie(r, externalCookie)
	if a.External == nil || secret == "" || r.Method != http.MethodGet {
		a.notElsewhere(w, r, http.StatusForbidden, errors.New("no login was begun in this browser"))
		return
	}
	login, err := a.takeLogin(r.Context(), hashed(secret))
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.setCookie(w, externalCookie, "")
	q := r.URL.Query()
	switch {
	case login == nil || !a.now().Before(login.Until):
		err = errors.New("no login is under way, or it took too long")
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(login.State)) != 1:
		err = errors.New("the state is another")
	case q.Has("iss") && q.Get("iss") != a.External.Issuer: // RFC 9207
		err = errors.New("the answer is from another provider")
	case q.Has("error"):
		err = fmt.Errorf("the provider answers %.100q", q.Get("error"))
	case q.Get("code") == "":
		err = errors.New("there is no code")
	}
	if err != nil {
		a.notElsewhere(w, r, http.StatusForbidden, err)
		return
	}
	u, err := a.fromElsewhere(r.Context(), q.Get("code"), login)
	if known := (*UserError)(nil); errors.As(err, &known) {
		a.Log.WarnContext(r.Context(), "a login at the OpenID provider was refused", "error", err)
		a.problem(w, r, http.StatusForbidden, "Not signed in", "You signed in, but this server does not know what you may do here. Whoever administrates it can add you.")
		return
	}
	if err != nil {
		a.notElsewhere(w, r, http.StatusForbidden, err)
		return
	}
	a.welcome(w, r, u, login.Next)
}

// takeLogin takes a login that is under way off the Shelf: an answer is good once.
func (a *Authority) takeLogin(ctx context.Context, key string) (login *externalLogin, err error) {
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		login = nil
		data, ok, err := d.Get(externalShelf, key)
		if err != nil || !ok {
			return err
		}
		login = &externalLogin{}
		if err := json.Unmarshal(data, login); err != nil {
			return err
		}
		return d.Put(externalShelf, key, nil)
	})
	return login, err
}

// notElsewhere says that a login at the OpenID provider did not succeed; why is for
// the log.
func (a *Authority) notElsewhere(w http.ResponseWriter, r *http.Request, status int, err error) {
	a.Log.WarnContext(r.Context(), "a login at the OpenID provider failed", "error", err)
	a.problem(w, r, status, "Not signed in", "Signing in with that account did not succeed. Please begin again at the login page.")
}

// fromElsewhere is the user that the OpenID provider speaks of. A *UserError is one
// that it knows and this server does not.
func (a *Authority) fromElsewhere(ctx context.Context, code string, login *externalLogin) (*User, error) {
	e := a.External
	provider, err := e.discovered(ctx, a.now())
	if err != nil {
		return nil, err
	}
	subject, claims, err := e.claims(ctx, provider, a.now, a.endpoint("callback"), code, login)
	if err != nil {
		return nil, err
	}
	said, err := e.mapped(a.Issuer, subject, claims)
	if err != nil {
		return nil, wrong("%s", err)
	}
	return a.bind(ctx, said)
}

// bind finds or adds the user that claims speak of, and holds him to the subject
// that first came in by his name: a name may be given to another person there.
func (a *Authority) bind(ctx context.Context, said User) (*User, error) {
	u, err := a.anyUser(ctx, said.Name)
	switch {
	case err != nil:
		return nil, err
	case u == nil && said.Role == "":
		return nil, wrong("%s is no user, and no claim gives a role", said.Name)
	case u == nil:
		if err := a.AddUser(ctx, said, ""); err != nil {
			return nil, err
		}
		a.Log.InfoContext(ctx, "a user was added by the OpenID provider", "user", said.Name, "role", said.Role)
		return a.user(ctx, said.Name)
	case u.Issuer != said.Issuer:
		return nil, wrong("%s is a user who does not sign in there", u.Name)
	case u.Subject != "" && u.Subject != said.Subject:
		return nil, wrong("%s is another person there now", u.Name)
	case u.Disabled:
		return nil, wrong("%s is disabled", u.Name)
	}
	was := *u
	u.Subject = said.Subject
	if said.Role != "" {
		u.Role, u.FHIRUser = said.Role, said.FHIRUser
	} else if said.FHIRUser != "" && said.FHIRUser != u.FHIRUser {
		return nil, wrong("%s is %s here and %s there", u.Name, u.FHIRUser, said.FHIRUser)
	}
	if *u != was {
		err := a.ChangeUser(ctx, u.Name, func(kept *User) { kept.Subject, kept.Role, kept.FHIRUser = u.Subject, u.Role, u.FHIRUser })
		if err != nil {
			return nil, err
		}
	}
	if u, err = a.user(ctx, u.Name); err == nil && u == nil {
		err = wrong("%s is gone", said.Name)
	}
	return u, err
}
