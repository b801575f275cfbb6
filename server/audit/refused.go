package audit

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/server/telemetry"
)

// Refused keeps a request that was refused with a status before anything was done that
// tells of itself: without a good token, too often, or malformed. What was asked is kept
// without secrets, and of who proved nothing without the query. Of what one token or
// address has refused in a minute a few are kept one by one, and the rest as a number, so
// that who sends many fills no disk.
func (l *Log) Refused(ctx context.Context, status int, method, path, query string) {
	if l == nil || telemetry.CallOf(ctx).Told.Load() {
		return
	}
	e, err := begin(ctx, Refused)
	if err != nil {
		return
	}
	if status == http.StatusUnauthorized {
		e.Kind = TokenBad
	}
	who, most := "address "+e.Agent.Address, mostOfAddress
	if e.Agent.Token != "" {
		who, most = "token "+e.Agent.Token, mostOfToken
		if query != "" {
			path += "?" + Shown(query)
		}
	}
	e.Outcome, e.Description = Minor, fmt.Sprintf("refused with status %d", status)
	if status >= http.StatusInternalServerError {
		e.Outcome = Serious
	}
	e.Code, e.Query = codeOf(status), cut(method, 16)+" "+cut(strings.ToValidUTF8(path, "?"), 1024)
	if l.refusals.counts(who, most, e) {
		l.Hint(ctx, e)
	}
}

// codeOf names what a status refuses.
func codeOf(status int) string {
	switch status {
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusTooManyRequests:
		return "throttled"
	}
	return "refused"
}

func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// How many refusals of an address or a token are kept one by one in a minute, and of how
// many of these those of a minute are told apart.
const (
	mostOfAddress = 10
	mostOfToken   = 60
	mostRefused   = 1000
)

// refusals counts what was refused in the present minute.
type refusals struct {
	mu      sync.Mutex
	began   time.Time
	counted map[string]*tally
	dropped atomic.Int64 // of all time
}

// tally are those of an address or token; last is one like those that were left out.
type tally struct {
	n, left int
	last    Event
}

// counts counts one, and reports whether it is to be kept by itself.
func (r *refusals) counts(who string, most int, e *Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.counted[who]
	if one == nil {
		if len(r.counted) >= mostRefused {
			who, most = "others", 0
			one = r.counted[who]
		}
		if one == nil {
			one = &tally{}
			if r.counted == nil {
				r.counted, r.began = map[string]*tally{}, e.At
			}
			r.counted[who] = one
		}
	}
	if one.n++; one.n <= most {
		return true
	}
	one.left++
	r.dropped.Add(1)
	one.last = *e
	if who == "others" {
		one.last.Agent = Agent{Name: "many addresses"}
	}
	return false
}

// over gives an event for each of whom some were left out, once their minute is over.
func (r *refusals) over(now time.Time, whole bool) (list []*Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counted == nil || !whole && now.Sub(r.began) < time.Minute {
		return nil
	}
	for _, one := range r.counted {
		if one.left == 0 {
			continue
		}
		e := one.last
		e.Query, e.Request, e.Description = "", "", fmt.Sprintf("%d more requests were refused since %s, the last with: %s", one.left, r.began.UTC().Format(time.RFC3339), e.Description)
		list = append(list, &e)
	}
	r.counted = nil
	return list
}

// summarize keeps what was left out of the minute that is over, or with whole of the
// present one, too.
func (l *Log) summarize(ctx context.Context, whole bool) {
	for _, e := range l.refusals.over(time.Now(), whole) {
		l.Hint(ctx, e)
	}
}

// Dropped is how many refused requests were kept as a number only.
func (l *Log) Dropped() int64 {
	if l == nil {
		return 0
	}
	return l.refusals.dropped.Load()
}
