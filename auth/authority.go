package auth

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Authority is the authorization server of one FHIR base. Its fields are set once,
// before use.
type Authority struct {
	// Issuer is the FHIR base URL, without a trailing slash; all endpoints lie below it.
	Issuer string
	Shelf  Shelf
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	Log *slog.Logger
	// Rules say which scopes can be enforced; nil only those of backend services that
	// are not narrowed.
	Rules *Rules
	// Person says who a user is at present, by his login name; ok is false of one who is
	// gone or may not log in. New sets it to who is among the users on the Shelf; nil
	// knows nobody, so that no token of a user is good.
	Person func(ctx context.Context, login string) (p Person, ok bool, err error)
	// Frames are the origins that may show the pages in a frame, such as that of an
	// EHR; by default none may.
	Frames []string
	// External is where people may sign in besides here; nil for nowhere else.
	External *External
	// Chart is asked about patients and encounters; nil knows none, so that no app gets
	// the context of one unless it is launched.
	Chart Chart
	// Privacy is what patients are shown of who may see and who saw their data; nil has no
	// pages for it.
	Privacy Privacy
	// Desk is what who looks after devices is shown of frames; nil has no such pages.
	Desk Desk
	// JWTs makes access tokens that other resource servers can read (RFC 9068); by
	// default they are opaque.
	JWTs bool
	// Certificates says that clients may prove by a certificate who they are.
	Certificates bool
	// Broke is told of each glass that is broken, before the token is given; an error keeps
	// it back. nil is told nothing.
	Broke func(ctx context.Context, access Access) error
	// Rate is a factor to how often callers may ask for tokens and pages; 0 does not
	// limit it. (Failed logins always are.)
	Rate float64
	// Audit keeps what happens to people, clients and tokens; nil keeps nothing. Its error
	// says that it could not.
	Audit func(ctx context.Context, h Happening) error
	// Brands are published when there are any.
	Brands *Brands

	keys    keyCache
	cache   tokenCache
	origins origins
	slow    throttle

	limits limiter
}

// New makes the authorization server of a FHIR base. Outbound fetches the JWK Sets
// of clients.
func New(issuer string, shelf Shelf, outbound *http.Client, log *slog.Logger) *Authority {
	a := &Authority{Issuer: issuer, Shelf: shelf, Log: log, keys: keyCache{client: outbound}}
	a.Person = a.person
	return a
}

func (a *Authority) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

// endpoint is the URL of one of the endpoints.
func (a *Authority) endpoint(name string) string { return a.Issuer + "/auth/" + name }

// Handler answers what lies at path below the FHIR base; nil is not of this server.
func (a *Authority) Handler(path string) http.HandlerFunc {
	return a.limited(lastOf(path), a.served(path))
}

func (a *Authority) served(path string) http.HandlerFunc {
	switch path {
	case ".well-known/smart-configuration":
		return a.discover
	case ".well-known/openid-configuration":
		return a.discoverOpenID
	case "auth/keys":
		return a.keySetDocument
	case "auth/" + styleName:
		return a.styling
	case "auth/launches":
		return a.launches
	case "auth/brands":
		if a.Brands == nil {
			return nil
		}
		return a.brands
	case "auth/token":
		return a.post(a.token)
	case "auth/introspect":
		return a.post(a.introspect)
	case "auth/revoke":
		return a.post(a.revocation)
	case "auth/break-glass":
		return a.post(a.breakGlass)
	}
	return a.pages(path)
}
