package auth

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// allowance is how often one caller may ask: so many a second, and so many at once
// after a pause.
type allowance struct {
	perSecond float64
	burst     int
}

// The allowances of an address, by the last segment of the path; what has none is
// not limited. A login costs memory, a token a write; an address may be that of many
// people, or of a resource server that asks about every token.
var allowances = map[string]allowance{
	"login":      {5, 60},
	"external":   {5, 60},
	"callback":   {5, 60},
	"account":    {10, 100},
	"privacy":    {10, 100},
	"seen":       {10, 100},
	"glass":      {10, 100},
	"frames":     {10, 100},
	"frame":      {10, 100},
	"authorize":  {20, 200},
	"consent":    {20, 200},
	"token":      {100, 1000},
	"revoke":     {100, 1000},
	"introspect": {10000, 20000},
	// Each makes the audit loud.
	"break-glass": {1, 20},
}

// ofClient is that of one client at the token endpoint, wherever it asks from.
var ofClient = allowance{50, 500}

// limiter counts how often callers ask, in this server alone.
type limiter struct {
	mu     sync.Mutex
	counts map[string]*rate.Limiter
}

// mostCounted bounds the callers that are remembered. Past it all are forgotten: who
// has so many addresses is not held by this anyway.
const mostCounted = 65536

// wait is how long a caller has to wait; 0 when he may go on, which counts.
func (l *limiter) wait(key string, a allowance, factor float64, now time.Time) time.Duration {
	if factor <= 0 {
		return 0
	}
	l.mu.Lock()
	count := l.counts[key]
	if count == nil {
		if l.counts == nil || len(l.counts) >= mostCounted {
			l.counts = map[string]*rate.Limiter{}
		}
		count = rate.NewLimiter(rate.Limit(a.perSecond*factor), max(1, int(float64(a.burst)*factor)))
		l.counts[key] = count
	}
	l.mu.Unlock()
	r := count.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now) // a request that is refused takes nothing
	}
	return wait
}

// limited answers 429 to who asks too often, and else goes on. Reading a page costs
// little; what is sent counts, and authorize by GET as well.
func (a *Authority) limited(name string, next http.HandlerFunc) http.HandlerFunc {
	bound, ok := allowances[name]
	if !ok || next == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		counts := r.Method == http.MethodPost || r.Method == http.MethodGet && (name == "authorize" || name == "callback")
		if counts {
			if wait := a.limits.wait(name+" "+addressOf(r), bound, a.Rate, a.now()); wait > 0 {
				a.tooOften(w, r, wait)
				return
			}
		}
		next(w, r)
	}
}

func (a *Authority) tooOften(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
	if a.pages("auth/"+lastOf(r.URL.Path)) != nil {
		a.problem(w, r, http.StatusTooManyRequests, "Too often", "This page is asked for too often from where you are. Please try again in "+inWords(wait)+".")
		return
	}
	a.fail(w, &oauthError{status: http.StatusTooManyRequests, code: "temporarily_unavailable", text: "too many requests", retry: seconds(wait)})
}
