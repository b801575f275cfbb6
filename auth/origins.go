package auth

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// origins remembers whose pages may ask: those that apps are registered with.
type origins struct {
	mu    sync.Mutex
	known map[string]bool
	until time.Time
	age   uint64
}

// Welcomes reports whether the pages of an origin may ask (Fetch standard, CORS
// protocol): one that users of an app are sent back to. It knows of a client that
// another server of the database registered within seenFor.
func (a *Authority) Welcomes(ctx context.Context, origin string) (bool, error) {
	now := a.now()
	a.origins.mu.Lock()
	known, age, fresh := a.origins.known, a.origins.age, now.Before(a.origins.until)
	a.origins.mu.Unlock()
	if fresh {
		return welcomes(known, origin), nil
	}
	known = map[string]bool{}
	const some = 500
	for after := ""; ; {
		clients, err := a.Clients(ctx, after, some)
		if err != nil {
			return false, err
		}
		for _, c := range clients {
			after = c.ID
			for _, uri := range c.RedirectURIs {
				if c.Disabled {
					continue
				}
				known[originOf(uri)] = true
				if c.Native && loopback(uri) != "" {
					known[anyPort+loopback(originOf(uri))] = true
				}
			}
		}
		if len(clients) < some {
			break
		}
	}
	delete(known, "") // of private schemes
	a.origins.mu.Lock()
	defer a.origins.mu.Unlock()
	if a.origins.age == age {
		a.origins.known, a.origins.until = known, now.Add(seenFor)
	}
	return welcomes(known, origin), nil
}

// anyPort marks the loopback addresses of native apps, whose port is their own.
const anyPort = "any port of "

func welcomes(known map[string]bool, origin string) bool {
	return known[origin] || loopback(origin) != "" && known[anyPort+loopback(origin)]
}

func (o *origins) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.until = time.Time{}
	o.age++
}

// servesApps is serves for what only apps ask: pages of origins that no app is
// registered with are not let see the answer.
func (a *Authority) servesApps(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	origin := r.Header.Get("Origin")
	welcome := false
	if origin != "" {
		var err error
		if welcome, err = a.Welcomes(r.Context(), origin); err != nil {
			a.fail(w, err)
			return false
		}
	}
	return a.offers(w, r, welcome, methods)
}
