package auth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// authenticate finds the client that a request is from: by an assertion, by HTTP
// Basic or by a secret in the body, and by one of them alone (RFC 6749 §2.3). A public
// one says who it is by client_id (§3.2.1).
func (a *Authority) authenticate(ctx context.Context, f form) (*Client, error) {
	from := addressOf(f.request)
	if wait := a.slow.blocked(from, a.now()); wait > 0 {
		return nil, &oauthError{status: http.StatusTooManyRequests, code: "temporarily_unavailable",
			text: "too many failed attempts", retry: int(wait/time.Second) + 1}
	}
	client, err := a.prove(ctx, f)
	if refused := (*assertionError)(nil); errors.As(err, &refused) {
		a.slow.failed(from, a.now())
		a.Log.Warn("a client did not prove to be who it says", "address", from, "error", err)
		return nil, &oauthError{status: http.StatusUnauthorized, code: "invalid_client",
			text: "the client is not known, or did not prove to be who it says"}
	}
	return client, err
}

// prove gives the client or, as an assertionError, why there is none.
func (a *Authority) prove(ctx context.Context, f form) (*Client, error) {
	id, secret, basic := f.request.BasicAuth()
	ways := 0
	for _, way := range []bool{basic, f.values.Has("client_secret"), f.values.Has("client_assertion")} {
		if way {
			ways++
		}
	}
	if ways == 0 {
		if f.request.TLS != nil && len(f.request.TLS.VerifiedChains) > 0 && f.values.Has("client_id") {
			client, err := a.certified(ctx, f.get("client_id"), f.request.TLS)
			if refused := (*assertionError)(nil); !errors.As(err, &refused) {
				return client, err
			}
		}
		return a.unproven(ctx, f)
	}
	if ways > 1 {
		return nil, &assertionError{errors.New("more than one way of authentication")}
	}
	if f.values.Has("client_assertion") {
		if f.get("client_assertion_type") != assertionType {
			return nil, &assertionError{errors.New("client_assertion_type is another")}
		}
		client, err := a.assert(ctx, f.get("client_assertion"))
		if err == nil && f.values.Has("client_id") && f.get("client_id") != client.ID {
			err = &assertionError{errors.New("client_id is another than iss")}
		}
		return client, err
	}
	if basic {
		var wrong [2]error // both are escaped as in a form (RFC 6749 §2.3.1)
		id, wrong[0] = url.QueryUnescape(id)
		secret, wrong[1] = url.QueryUnescape(secret)
		if errors.Join(wrong[:]...) != nil || f.values.Has("client_id") && f.get("client_id") != id {
			return nil, &assertionError{errors.New("HTTP Basic is wrongly escaped, or another client than client_id")}
		}
	} else {
		id, secret = f.get("client_id"), f.get("client_secret")
	}
	client, err := a.client(ctx, id)
	if err == nil && !client.holds(secret) {
		err = &assertionError{errors.New("no such client, or a wrong secret")}
	}
	return client, err
}

// unproven finds a client that can keep no secret. One that can must prove itself. A
// refresh token says by itself whose it is (RFC 6749 §6 asks a public client for no
// more, and fhirclient sends no more).
func (a *Authority) unproven(ctx context.Context, f form) (*Client, error) {
	id := f.get("client_id")
	if id == "" && f.get("grant_type") == refreshGrant {
		_, g, err := a.renewal(ctx, f.get("refresh_token"))
		if err != nil {
			return nil, err
		}
		if g != nil {
			id = g.Client
		}
	}
	client, err := a.client(ctx, id)
	if err == nil && (client == nil || !client.Public) {
		err = &assertionError{errors.New("no such public client")}
	}
	return client, err
}

// addressOf is the network address of a caller, of IPv6 its /64.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String()
	}
	return host
}

// throttle slows down who guesses: after some failures an address waits.
type throttle struct {
	mu    sync.Mutex
	tries map[string]tries
}

type tries struct {
	failures int
	since    time.Time
}

const (
	mostFailures = 20
	watched      = time.Minute
	mostWatched  = 16384
)

// blocked is how long an address has to wait; 0 when it need not.
func (t *throttle) blocked(from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if seen := t.tries[from]; seen.failures >= mostFailures {
		return max(0, watched-now.Sub(seen.since))
	}
	return 0
}

func (t *throttle) failed(from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tries == nil || len(t.tries) >= mostWatched {
		t.tries = map[string]tries{}
	}
	seen := t.tries[from]
	if now.Sub(seen.since) >= watched {
		seen = tries{since: now}
	}
	seen.failures++
	t.tries[from] = seen
}
