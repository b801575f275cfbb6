package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Access is what an access token stands for.
type Access struct {
	// Client it was given to; "" for one that an operator made on the machine.
	Client          string
	Scopes          Scopes
	Issued, Expires time.Time
	// User is the login name of who let the client in, FHIRUser his resource such as
	// Practitioner/1; both "" for a backend service.
	User, FHIRUser string
	// Role of the user.
	Role Role
	// Patient and Encounter are the ids of the launch context (SMART 2.2, scopes for
	// requesting context data); "" for none.
	Patient, Encounter string
	// Other are the scopes granted that are not for resources, such as openid, fhirUser
	// and launch/patient.
	Other []string
	// Grant is the key of the Grant that the token lives with; "" for none.
	Grant string
	// Certificate is the x5t#S256 of the certificate that the token is bound to (RFC 8705
	// §3); "" for none.
	Certificate string
	// Purposes are what it is used for: codes of v3-ActReason.
	Purposes []string
	// Reason is why the glass was broken, as the user said it; "" when it was not. It
	// may tell of a patient, so it is for audit alone.
	Reason string
	// ClientResource is the Device or Organization that the client is; "" for none.
	ClientResource string
	// ID names the token in logs and audit events; it is of no other use.
	ID string
}

// Role is what a user is to this server.
type Role string

// The roles. A patient sees his own compartment, whatever the scopes say.
const (
	Patient        Role = "patient"
	Practitioner   Role = "practitioner"
	PrivacyOfficer Role = "privacy-officer"
	DeviceManager  Role = "device-manager"
	Admin          Role = "admin"
)

// FullScope is the text of all scopes granted, of both kinds.
func (a Access) FullScope() string {
	return strings.Join(append(strings.Fields(a.Scopes.String()), a.Other...), " ")
}

// Administers reports whether the caller may manage clients and users: an operator
// with every right on every type, or an administrator who let an app do all that
// he may. An app with less of an administrator may not.
func (a Access) Administers() bool {
	for _, s := range a.Scopes {
		if s.Type == "*" && s.Rights == Everything && s.Filter == "" &&
			(s.Level == SystemLevel && a.User == "" || s.Level == UserLevel && a.User != "" && a.Role == Admin) {
			return true
		}
	}
	return false
}

// Person is who a user is at present.
type Person struct {
	// FHIRUser is his resource, such as Practitioner/1.
	FHIRUser string
	Role     Role
	// BreaksGlass: he may override Consents, as far as they let him.
	BreaksGlass bool
}

// kept is an Access on the Shelf. Scope is its FullScope.
type kept struct {
	Client    string    `json:"client,omitempty"`
	Scope     string    `json:"scope"`
	Issued    time.Time `json:"issued"`
	Expires   time.Time `json:"expires"`
	User      string    `json:"user,omitempty"`
	FHIRUser  string    `json:"fhirUser,omitempty"`
	Role      Role      `json:"role,omitempty"`
	Patient   string    `json:"patient,omitempty"`
	Encounter string    `json:"encounter,omitempty"`
	ID        string    `json:"id,omitempty"`
	Grant     string    `json:"grant,omitempty"`
	// Certificate is that of Access.
	Certificate string   `json:"x5t#S256,omitempty"`
	Purposes    []string `json:"purposes,omitempty"`
	Reason      string   `json:"reason,omitempty"`
}

func keep(a Access) kept {
	return kept{a.Client, a.FullScope(), a.Issued, a.Expires, a.User, a.FHIRUser, a.Role, a.Patient, a.Encounter, a.ID, a.Grant, a.Certificate, a.Purposes, a.Reason}
}

func (k kept) access() Access {
	a := Access{Client: k.Client, Scopes: ParseScopes(k.Scope), Issued: k.Issued, Expires: k.Expires,
		User: k.User, FHIRUser: k.FHIRUser, Role: k.Role, Patient: k.Patient, Encounter: k.Encounter, ID: k.ID, Grant: k.Grant, Certificate: k.Certificate, Purposes: k.Purposes, Reason: k.Reason}
	for _, word := range strings.Fields(k.Scope) {
		if _, ok := ParseScope(word); !ok {
			a.Other = append(a.Other, word)
		}
	}
	return a
}

// BackendLife is how long a token of client_credentials is good: SMART Backend
// Services recommends no more than five minutes.
const BackendLife = 5 * time.Minute

// ErrToken is a token that is unknown, expired or revoked: which one is not told.
var ErrToken = errors.New("auth: the access token is not good")

// Mint makes an access token, opaque or a JWT (Authority.JWTs), that stands for an access, whose
// times and ID it sets. Only the token's hash is kept.
func (a *Authority) Mint(ctx context.Context, access Access, life time.Duration) (token string, made Access, err error) {
	access.Issued = a.now().UTC().Truncate(time.Second)
	access.Expires = access.Issued.Add(life)
	access.ID = random()[:16]
	told := Happening{What: TokenMade, User: access.User, Client: access.Client, Token: access.ID, Grant: access.FullScope(), Proved: true}
	if err = a.report(ctx, told); err != nil {
		return "", access, err
	}
	if token, err = a.accessToken(ctx, access); err != nil {
		return "", access, err
	}
	err = a.Shelf.Change(ctx, func(d Drawer) error { return d.Put(tokenShelf, hashed(token), access.Record()) })
	return token, access, err
}

// Lookup says what a token stands for. ErrToken is one that is not good.
func (a *Authority) Lookup(ctx context.Context, token string) (Access, error) {
	if !wellFormed(token) {
		return Access{}, ErrToken
	}
	key, now := hashed(token), a.now()
	access, age, ok := a.cache.get(key, now)
	if !ok {
		var err error
		if access, err = a.lookup(ctx, key); err != nil {
			return Access{}, err
		}
		a.cache.put(key, access, now, age)
	}
	if !now.Before(access.Expires) {
		return Access{}, ErrToken
	}
	return access, nil
}

func (a *Authority) lookup(ctx context.Context, key string) (Access, error) {
	value, ok, err := a.Shelf.Get(ctx, tokenShelf, key)
	if err != nil {
		return Access{}, err
	}
	if !ok {
		return Access{}, ErrToken
	}
	return a.Still(ctx, value)
}

// Record is the access as Still reads it.
func (a Access) Record() []byte {
	value, err := json.Marshal(keep(a))
	if err != nil {
		panic(err) // texts and times
	}
	return value
}

// Still is what an access (Access.Record) is good for at present, whatever became of its
// token. ErrToken when it is good for nothing.
func (a *Authority) Still(ctx context.Context, record []byte) (Access, error) {
	if len(record) == 0 {
		return Access{}, ErrToken
	}
	var k kept
	if err := json.Unmarshal(record, &k); err != nil {
		return Access{}, fmt.Errorf("auth: a token as kept: %w", err)
	}
	access := k.access()
	if access.Client != "" {
		// A client that is gone, or has less than it had, takes its tokens along.
		c, err := a.client(ctx, access.Client)
		if err != nil {
			return Access{}, err
		}
		if c == nil {
			return Access{}, ErrToken
		}
		access.Scopes = access.Scopes.Within(ParseScopes(c.Scope))
		access.ClientResource = c.Resource
		if !access.keepsTo(c.purposes(access.Role)) {
			return Access{}, ErrToken
		}
	} else if len(access.Purposes) == 0 {
		access.Purposes = UsualPurposes(access.Role)
	}
	return access, a.alive(ctx, access)
}

// alive wants the grant of an access, if it has one, to stand, and the user to be who
// he was: a token ends with its grant and its user, and when he becomes another person
// or gets another role.
func (a *Authority) alive(ctx context.Context, access Access) error {
	if access.Grant != "" {
		g, err := a.grant(ctx, access.Grant)
		if err != nil || g == nil {
			return cmp.Or(err, ErrToken)
		}
		if g.Session != "" { // online_access ends with it
			if _, s, err := a.session(ctx, g.Session); err != nil || s == nil {
				return cmp.Or(err, ErrToken)
			}
		}
	}
	if access.User == "" {
		return nil
	}
	if a.Person == nil {
		return ErrToken
	}
	p, ok, err := a.Person(ctx, access.User)
	if err == nil && (!ok || p.FHIRUser != access.FHIRUser || p.Role != access.Role || access.broke() && !p.BreaksGlass) {
		err = ErrToken
	}
	return err
}

// revoke forgets a token of a client; of another's it forgets nothing.
func (a *Authority) revoke(ctx context.Context, token, client string) error {
	key := hashed(token)
	err := a.Shelf.Change(ctx, func(d Drawer) error {
		value, ok, err := d.Get(tokenShelf, key)
		if err != nil || !ok {
			return err
		}
		var k kept
		if err := json.Unmarshal(value, &k); err != nil || k.Client != client {
			return err
		}
		return d.Put(tokenShelf, key, nil)
	})
	a.forget()
	return err
}

// seenFor is how long a token is believed without asking the Shelf: so long may a
// token that another server of the same database revoked still be good here.
const seenFor = 10 * time.Second

// tokenCache remembers tokens that were good a moment ago.
type tokenCache struct {
	mu   sync.Mutex
	seen map[string]seen
	// age grows with every revocation: what was looked up before one is not kept.
	age uint64
}

type seen struct {
	access Access
	until  time.Time
}

const mostSeen = 16384

func (c *tokenCache) get(key string, now time.Time) (access Access, age uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.seen[key]
	return s.access, c.age, ok && now.Before(s.until)
}

func (c *tokenCache) put(key string, access Access, now time.Time, age uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.age != age {
		return
	}
	if c.seen == nil || len(c.seen) >= mostSeen {
		c.seen = map[string]seen{}
	}
	c.seen[key] = seen{access, now.Add(seenFor)}
}

// forget empties the cache, after a revocation or a change of a client.
func (a *Authority) forget() {
	a.cache.mu.Lock()
	defer a.cache.mu.Unlock()
	a.cache.seen = nil
	a.cache.age++
	a.origins.forget()
}

// Sweep removes tokens, used assertions, sessions and counts of failed logins that
// are past their end.
func (a *Authority) Sweep(ctx context.Context) error {
	now := a.now()
	ended := map[string]func([]byte) bool{
		tokenShelf: func(value []byte) bool {
			var k kept
			return json.Unmarshal(value, &k) == nil && !now.Before(k.Expires)
		},
		grantShelf: func(value []byte) bool {
			g, err := readGrant(value)
			return err == nil && !now.Before(g.Expires)
		},
		codeShelf:    over(func(c issued) bool { return now.After(c.Expires.Add(AccessLife)) }),
		refreshShelf: over(func(r renewal) bool { return now.After(r.Expires) }),
		launchShelf:  over(func(l launch) bool { return now.After(l.Expires) }),
		usedShelf: func(value []byte) bool {
			var end time.Time
			return json.Unmarshal(value, &end) == nil && now.After(end)
		},
		sessionShelf:  over(func(s session) bool { return s.over(now) }),
		externalShelf: over(func(l externalLogin) bool { return !now.Before(l.Until) }),
		triesShelf:    over(func(t attempts) bool { return t.stale(now) }),
	}
	for collection, past := range ended {
		if err := a.sweep(ctx, collection, past); err != nil {
			return err
		}
	}
	return nil
}

// over reads what is kept, for who judges whether it is past its end.
func over[T any](judge func(T) bool) func([]byte) bool {
	return func(data []byte) bool {
		var value T
		return json.Unmarshal(data, &value) == nil && judge(value)
	}
}

func (a *Authority) sweep(ctx context.Context, collection string, over func([]byte) bool) error {
	const some = 500
	for after := ""; ; {
		entries, err := a.Shelf.List(ctx, collection, after, some)
		if err != nil || len(entries) == 0 {
			return err
		}
		after = entries[len(entries)-1].Key
		err = a.Shelf.Change(ctx, func(d Drawer) error {
			for _, e := range entries {
				if !over(e.Value) {
					continue
				}
				// What was used meanwhile stays.
				value, ok, err := d.Get(collection, e.Key)
				if err != nil {
					return err
				}
				if ok && over(value) {
					if err := d.Put(collection, e.Key, nil); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil || len(entries) < some {
			return err
		}
	}
}
