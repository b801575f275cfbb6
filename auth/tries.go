package auth

import (
	"context"
	"encoding/json"
	"time"
)

// attempts are the failed logins of a name or of an address, on the Shelf: all
// servers of one database count together.
type attempts struct {
	Failed int       `json:"failed"`
	Last   time.Time `json:"last"`
}

// How many failures are free, and how the wait grows then: a second, doubled with
// each more, up to longestWait. Many people may share an address, so that it is
// given more. A quiet day forgets all.
const (
	freeForName    = 5
	freeForAddress = 30
	firstWait      = time.Second
	longestWait    = 15 * time.Minute
	triesForgotten = 24 * time.Hour
)

// wait is how long to wait until the next try.
func (t attempts) wait(free int, now time.Time) time.Duration {
	if t.Failed < free || t.stale(now) {
		return 0
	}
	pause := longestWait
	if n := t.Failed - free; n < 10 {
		pause = min(firstWait<<n, longestWait)
	}
	return max(0, pause-now.Sub(t.Last))
}

func (t attempts) stale(now time.Time) bool { return now.Sub(t.Last) >= triesForgotten }

// tryKey is where the failures of a name are counted. One that nobody has is
// counted as any other, so that being locked out tells nothing; it is hashed, as
// people type passwords into the wrong field.
func tryKey(name string) string { return "name/" + hashed(name) }

// tried counts a login of a name from an address before it is judged, so that many
// at once are no more guesses than one after the other. One that has to wait counts
// for nothing.
func (a *Authority) tried(ctx context.Context, name, from string) (wait time.Duration, err error) {
	free := map[string]int{tryKey(name): freeForName, "address/" + from: freeForAddress}
	now := a.now().UTC()
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		wait = 0
		counts := map[string]attempts{}
		for key, n := range free {
			t, err := readAttempts(d, key)
			if err != nil {
				return err
			}
			wait = max(wait, t.wait(n, now))
			if t.stale(now) {
				t = attempts{}
			}
			counts[key] = attempts{t.Failed + 1, now}
		}
		if wait > 0 {
			return nil
		}
		for key, t := range counts {
			if err := putJSON(d, triesShelf, key, t); err != nil {
				return err
			}
		}
		return nil
	})
	return wait, err
}

// triedWell takes back what tried counted: all of the name, and one of the address,
// as who has one account could else go on guessing others.
func (a *Authority) triedWell(ctx context.Context, name, from string) error {
	return a.Shelf.Change(ctx, func(d Drawer) error {
		key := "address/" + from
		t, err := readAttempts(d, key)
		if err != nil {
			return err
		}
		if t.Failed--; t.Failed <= 0 {
			err = d.Put(triesShelf, key, nil)
		} else {
			err = putJSON(d, triesShelf, key, t)
		}
		if err != nil {
			return err
		}
		return d.Put(triesShelf, tryKey(name), nil)
	})
}

// readAttempts reads what was counted; what cannot be read is nothing.
func readAttempts(d Drawer, key string) (t attempts, err error) {
	data, ok, err := d.Get(triesShelf, key)
	if err == nil && ok && json.Unmarshal(data, &t) != nil {
		t = attempts{}
	}
	return t, err
}
