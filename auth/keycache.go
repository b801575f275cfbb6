package auth

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keyCache keeps the JWK Sets of clients that named a URL (SMART 2.2,
// client-confidential-asymmetric): never longer than the client's Cache-Control
// allows, and fetched anew for a kid that is not in it, though not often.
type keyCache struct {
	client *http.Client

	mu   sync.Mutex
	sets map[string]*keySet
}

type keySet struct {
	mu      sync.Mutex // one fetch at a time
	keys    []publicKey
	fetched time.Time
	until   time.Time
}

const (
	mostKept    = time.Hour
	usuallyKept = 5 * time.Minute
	// betweenFetches bounds how often a stranger can make this server ask.
	betweenFetches = 15 * time.Second
	mostSets       = 1024
)

// key finds the key of an id and algorithm in the set at a URL.
func (c *keyCache) key(ctx context.Context, url, id, alg string, now time.Time) (publicKey, bool, error) {
	c.mu.Lock()
	set := c.sets[url]
	if set == nil {
		if c.sets == nil || len(c.sets) >= mostSets {
			c.sets = map[string]*keySet{}
		}
		set = &keySet{}
		c.sets[url] = set
	}
	c.mu.Unlock()

	set.mu.Lock()
	defer set.mu.Unlock()
	k, ok := pick(set.keys, id, alg)
	if ok && now.Before(set.until) {
		return k, true, nil
	}
	if !set.fetched.IsZero() && now.Sub(set.fetched) < betweenFetches {
		return publicKey{}, false, nil
	}
	set.fetched = now
	data, header, err := fetch(ctx, c.client, url, maxKeySet)
	if err != nil {
		return publicKey{}, false, err
	}
	keys, err := parseKeys(data)
	if err != nil {
		return publicKey{}, false, err
	}
	set.keys, set.until = keys, now.Add(cacheable(header))
	k, ok = pick(keys, id, alg)
	return k, ok, nil
}

// cacheable is how long an answer may be kept (RFC 9111 §5.2.2).
func cacheable(h http.Header) time.Duration {
	kept := usuallyKept
	for part := range strings.SplitSeq(strings.ToLower(h.Get("Cache-Control")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64); err == nil && n >= 0 {
				kept = min(time.Duration(min(n, 1<<31))*time.Second, mostKept)
			}
		}
	}
	return kept
}
