package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// session is a browser in which somebody is signed in.
type session struct {
	// ID is the hash of what the browser's cookie holds, and the key on the Shelf: who
	// reads the store has no session.
	ID   string `json:"-"`
	User string `json:"user"`
	// Epoch is that of the user when he signed in.
	Epoch string    `json:"epoch"`
	Began time.Time `json:"began"`
	Seen  time.Time `json:"seen"`

	secret string // what the cookie holds
}

// How long a session lasts without a request, and at most; Seen is written no more
// often than seenStep.
const (
	idleSession    = 30 * time.Minute
	longestSession = 12 * time.Hour
	seenStep       = time.Minute
)

// over reports whether a session has ended by time.
func (s *session) over(now time.Time) bool {
	return now.Sub(s.Seen) >= idleSession || now.Sub(s.Began) >= longestSession
}

// secure reports whether browsers reach this server by TLS.
func (a *Authority) secure() bool { return strings.HasPrefix(a.Issuer, "https:") }

// cookieName is that of a cookie. With __Host- a browser takes it from this very
// host alone, by TLS (RFC 6265bis §4.1.3.2).
func (a *Authority) cookieName(name string) string {
	if a.secure() {
		return "__Host-vitalwire-" + name
	}
	return "vitalwire-" + name
}

// The cookies: of a session, and of a form that is sent before there is one.
const (
	sessionCookie = "session"
	formCookie    = "form"
)

// setCookie gives a browser a cookie for as long as it runs; "" takes it away.
func (a *Authority) setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: a.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: a.secure(), SameSite: http.SameSiteLaxMode} //nolint:gosec // without TLS there is only loopback, where browsers drop Secure ones
	if len(a.Frames) > 0 && a.secure() {
		// In the frame of an EHR every request is one from another site.
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie is what the browser holds under a name; "" when that cannot be ours.
func (a *Authority) cookie(r *http.Request, name string) string {
	given := r.CookiesNamed(a.cookieName(name))
	if len(given) != 1 || !isRandom(given[0].Value) {
		return ""
	}
	return given[0].Value
}

// isRandom reports whether a text has the form of what random makes.
func isRandom(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == 32
}

// begin signs a user in. The session is a new one, whatever the browser brought, so
// that nobody can make another's browser use a session that he knows.
func (a *Authority) begin(w http.ResponseWriter, r *http.Request, u *User) error {
	old := a.cookie(r, sessionCookie)
	now := a.now().UTC()
	s := &session{User: u.Name, Epoch: u.Epoch, Began: now, Seen: now, secret: random()}
	s.ID = hashed(s.secret)
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = a.Shelf.Change(r.Context(), func(d Drawer) error {
		if old != "" {
			if err := d.Put(sessionShelf, hashed(old), nil); err != nil {
				return err
			}
		}
		return d.Put(sessionShelf, s.ID, data)
	})
	if err != nil {
		return err
	}
	a.setCookie(w, sessionCookie, s.secret)
	return nil
}

// end signs the browser out.
func (a *Authority) end(w http.ResponseWriter, r *http.Request) error {
	secret := a.cookie(r, sessionCookie)
	a.setCookie(w, sessionCookie, "")
	if secret == "" {
		return nil
	}
	err := a.Shelf.Change(r.Context(), func(d Drawer) error { return d.Put(sessionShelf, hashed(secret), nil) })
	a.forget() // tokens of online_access end with it
	return err
}

// signedIn is who is signed in in the browser that sends a request; both nil when
// nobody is.
func (a *Authority) signedIn(r *http.Request) (*User, *session, error) {
	secret := a.cookie(r, sessionCookie)
	if secret == "" {
		return nil, nil, nil
	}
	u, s, err := a.session(r.Context(), hashed(secret))
	if err != nil || s == nil {
		return nil, nil, err
	}
	s.secret = secret
	if now := a.now(); now.Sub(s.Seen) >= seenStep {
		if err := a.touch(r.Context(), s, now); err != nil {
			return nil, nil, err
		}
	}
	return u, s, nil
}

// session is a session that lasts, and whose it is; both nil when there is none of
// that id. Tokens of online_access are good as long as there is one.
func (a *Authority) session(ctx context.Context, id string) (*User, *session, error) {
	data, ok, err := a.Shelf.Get(ctx, sessionShelf, id)
	if err != nil || !ok {
		return nil, nil, err
	}
	s := &session{ID: id}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, nil, fmt.Errorf("auth: a session as kept: %w", err)
	}
	if s.over(a.now()) {
		return nil, nil, nil
	}
	u, err := a.user(ctx, s.User)
	if err != nil || u == nil || u.Epoch != s.Epoch {
		return nil, nil, err
	}
	return u, s, nil
}

// touch notes that a session was used. One that ended meanwhile stays ended.
func (a *Authority) touch(ctx context.Context, s *session, now time.Time) error {
	s.Seen = now.UTC()
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return a.Shelf.Change(ctx, func(d Drawer) error {
		_, ok, err := d.Get(sessionShelf, s.ID)
		if err != nil || !ok {
			return err
		}
		return d.Put(sessionShelf, s.ID, data)
	})
}

// token is what every form of a session carries, so that no other site can send
// one (synchroniser token; OWASP cross-site request forgery prevention).
func (s *session) token() string { return formToken(s.secret) }

// formToken follows from what a cookie holds, and tells nothing of it.
func formToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// tokenField is the name of the token in a form.
const tokenField = "form_token"

// checkToken reports whether a form that was read (r.PostForm) is one that this
// server gave to this session; s is nil for one before somebody signed in. What a
// browser says to come from another site is none either way.
func (a *Authority) checkToken(r *http.Request, s *session) bool {
	sites := http.NewCrossOriginProtection()
	if u, err := url.Parse(a.Issuer); err == nil {
		// By which browsers come, where a proxy in front asks by another name.
		if err := sites.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return false
		}
	}
	if sites.Check(r) != nil {
		return false
	}
	secret := a.cookie(r, formCookie)
	if s != nil {
		secret = s.secret
	}
	return secret != "" && hmac.Equal([]byte(r.PostForm.Get(tokenField)), []byte(formToken(secret)))
}

// pageToken is the token for a page that answers r: that of the session or, when
// there is none, of a cookie for the form alone, which the browser gets now.
func (a *Authority) pageToken(w http.ResponseWriter, r *http.Request, s *session) string {
	if s != nil {
		return s.token()
	}
	secret := a.cookie(r, formCookie)
	if secret == "" {
		secret = random()
		a.setCookie(w, formCookie, secret)
	}
	return formToken(secret)
}
