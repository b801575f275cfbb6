package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/internal/judge"
	"vitalwire/server"
)

// TestD6_ConsentHidesAsIfItNeverWas: random worlds, random consents, random requesters,
// every path: with what consents hide in the database, and without it, every answer is
// the same, byte by byte but for ids and times. What is hidden, internal/judge says.
//
// VITALWIRE_SEED repeats a run, VITALWIRE_WORLDS asks of more worlds, VITALWIRE_FOR
// (such as 3h) goes on that long; make consents does that without the race detector.
func TestD6_ConsentHidesAsIfItNeverWas(t *testing.T) {
	seed, worlds := variable(t, "VITALWIRE_SEED", rand.Uint64()), variable(t, "VITALWIRE_WORLDS", 5)
	var until time.Time
	if text := os.Getenv("VITALWIRE_FOR"); text != "" {
		long, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		until, worlds = time.Now().Add(long), 1<<40
	}
	t.Logf("VITALWIRE_SEED=%d", seed)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			for n := range worlds {
				if t.Failed() || !until.IsZero() && time.Now().After(until) {
					break
				}
				asked += compareScene(t, open, seed+n)
			}
			t.Logf("%d requests", asked)
			if asked < 1000 && worlds > 4 {
				t.Errorf("only %d requests", asked)
			}
		})
	}
}

func variable(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// How much of each world is asked: more worlds find more than more of one.
const readsAsked, writesAsked = 260, 50

// compareScene asks of one world, as one of its requesters.
func compareScene(t *testing.T, open func(testing.TB) string, seed uint64) (asked int) {
	t.Helper()
	g := rand.New(rand.NewPCG(seed, 9))
	var v *view
	for try := uint64(0); v == nil; try++ {
		v = telling(judge.Random(seed+try<<32, 36, time.Now()), g)
	}
	with, without := consentServer(t, open(t), v.scene.Options), consentServer(t, open(t), v.scene.Options)
	v.fill(t, with.root, true)
	v.fill(t, without.root, false)
	one, other := with.as(t, v.by), without.as(t, v.by)
	v.exactly(t, one)
	keys := append(pickSome(g, v.hidden, 4), pickSome(g, v.seen, 2)...)
	reads, writes := probesOf(v.scene, g, append(keys, v.goneKeys()...), 120)
	g.Shuffle(len(reads), func(i, j int) { reads[i], reads[j] = reads[j], reads[i] })
	g.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	different := 0
	for _, p := range slices.Concat(reads[:min(len(reads), readsAsked)], writes[:min(len(writes), writesAsked)], everyPath()[:12]) {
		a, b := toldWhole(t, one, p), toldWhole(t, other, p)
		if asked++; a != b {
			if different++; different < 4 {
				t.Errorf("VITALWIRE_SEED=%d, %+v, %v: %s %s %.300s %v:\nwith:    %.900s\nwithout: %.900s\nwhere they part: %.900s\nwithout: %.900s\nhidden: %v",
					seed, v.by, v.scene.Options, p.method, p.path, p.body, p.header, a, b, fromWhere(a, b), fromWhere(b, a), v.hidden)
			}
		}
		if strings.HasPrefix(a, "500") {
			t.Errorf("VITALWIRE_SEED=%d, %+v: %s %s: %.300s", seed, v.by, p.method, p.path, a)
		}
	}
	t.Logf("seed %d: %d seen, %d hidden, %d requests, %d told apart", seed, len(v.seen), len(v.hidden), asked, different)
	return asked
}

// fromWhere is a text a little before it is another one than the other.
func fromWhere(text, other string) string {
	n := 0
	for n < min(len(text), len(other)) && text[n] == other[n] {
		n++
	}
	return text[max(0, n-400):]
}

// view is what one requester sees of a scene.
type view struct {
	scene *judge.Scene
	by    judge.Requester
	// seen and hidden are the keys of what is patients' and what he may not see.
	seen, hidden []string
	// gone were there once; those of goneHidden he might not have seen.
	gone, goneHidden []judge.Resource
}

// telling picks a requester of a scene who sees some and not all; nil when there is
// none, or when what is hidden from him decides of what is not: then the world without
// it is another one.
func telling(s *judge.Scene, g *rand.Rand) *view {
	v := &view{scene: s, by: s.Requesters[g.IntN(len(s.Requesters))]}
	world := s.World()
	var rest []judge.Resource
	for _, r := range s.Resources {
		visible := world.Visible(r, v.by, s.Options)
		switch {
		case !visible:
			v.hidden = append(v.hidden, judge.Key(r))
		case len(judge.Owners(r)) > 0:
			v.seen = append(v.seen, judge.Key(r))
		}
		if visible || r["resourceType"] == "Consent" { // which decide in both
			rest = append(rest, r)
		}
		if typ := r["resourceType"]; g.IntN(8) == 0 && typ != "Consent" && typ != "Patient" && typ != "Group" && typ != "CareTeam" && typ != "PractitionerRole" {
			clone := maps.Clone(r)
			clone["id"] = fmt.Sprint("gone-", r["id"])
			if world.Visible(clone, v.by, s.Options) {
				v.gone = append(v.gone, clone)
			} else {
				v.goneHidden = append(v.goneHidden, clone)
			}
		}
	}
	if len(v.seen) < 6 || len(v.hidden) < 6 || !same(s, rest, v.by) {
		return nil
	}
	return v
}

func (v *view) goneKeys() (keys []string) {
	for _, list := range [][]judge.Resource{v.gone, v.goneHidden} {
		if len(list) > 0 {
			keys = append(keys, judge.Key(list[0]))
		}
	}
	return keys
}

// fill stores the scene, with what is hidden and its past or without.
func (v *view) fill(t *testing.T, root asker, whole bool) {
	t.Helper()
	var past, present, gone, deleted []string
	put := func(r judge.Resource) string {
		return fmt.Sprintf(`{"request":{"method":"PUT","url":%q},"resource":%s}`, judge.Key(r), encoded(r))
	}
	for i, r := range v.scene.Resources {
		hidden := slices.Contains(v.hidden, judge.Key(r))
		if hidden && r["resourceType"] != "Consent" {
			if !whole {
				continue
			}
			if i%2 == 0 { // it was less confidential once
				before := maps.Clone(r)
				before["meta"], before["language"] = judge.Resource{"tag": []any{judge.Resource{"system": "urn:tag", "code": "x"}}}, "en"
				past = append(past, put(before))
			}
		}
		present = append(present, put(r))
	}
	list := v.gone
	if whole {
		list = slices.Concat(v.goneHidden, v.gone)
	}
	for _, r := range list {
		gone = append(gone, put(r))
		deleted = append(deleted, fmt.Sprintf(`{"request":{"method":"DELETE","url":%q}}`, judge.Key(r)))
	}
	half := len(present) / 2
	for _, entries := range [][]string{past, gone, present[:half], present[half:], deleted} {
		if status, _, answer := root.ask(t, "POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); status != 200 {
			t.Fatalf("%d %.900s", status, answer)
		}
	}
}

// exactly holds what is read and found to what the judge says: not too little, either.
func (v *view) exactly(t *testing.T, who asker) {
	t.Helper()
	confined := strings.HasPrefix(v.by.User, "Patient/")
	expected := map[string][]string{}
	for _, r := range v.scene.Resources {
		key, want := judge.Key(r), 200
		if slices.Contains(v.hidden, key) {
			want = 404
		} else if owners := judge.Owners(r); confined && !slices.Contains(owners, v.by.User[len("Patient/"):]) {
			continue // which is for scopes to say
		}
		typ, _, _ := strings.Cut(key, "/")
		if status, _, answer := who.ask(t, "GET", "/"+key, ""); status != want {
			t.Errorf("%+v, %v: %s: %d, want %d: %.300s", v.by, v.scene.Options, key, status, want, answer)
		}
		if want == 200 {
			expected[typ] = append(expected[typ], key)
		} else if expected[typ] == nil {
			expected[typ] = []string{}
		}
	}
	for typ, want := range expected {
		_, _, answer := who.ask(t, "GET", "/"+typ+"?_count=500", "")
		slices.Sort(want)
		if got := found(t, answer); got != strings.Join(want, " ") && !confined {
			t.Errorf("%+v, %v: found %s, want %s", v.by, v.scene.Options, got, want)
		}
	}
}

// same reports whether a world without what is hidden decides alike.
func same(s *judge.Scene, rest []judge.Resource, by judge.Requester) bool {
	whole, part := s.World(), (&judge.Scene{Resources: rest}).World()
	for _, r := range rest {
		if whole.Visible(r, by, s.Options) != part.Visible(r, by, s.Options) {
			return false
		}
	}
	return true
}

func pickSome(g *rand.Rand, list []string, n int) []string {
	list = slices.Clone(list)
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// toldWhole is told with every page there is.
func toldWhole(t *testing.T, who asker, p probe) string {
	t.Helper()
	return toldPages(t, who, 80, p.method, p.path, p.body, p.header...)
}

func encoded(r judge.Resource) string {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// bound is a server that enforces consents, and who stores whatever there is to store.
type bound struct {
	*server.Server
	root asker
}

// consentServer runs a server that enforces consents as an operator chose.
func consentServer(t *testing.T, store string, o judge.Options, more ...func(*server.Config)) bound {
	t.Helper()
	chosen := func(c *server.Config) {
		c.Validate, c.ConsentVerified, c.ConsentSelf = "off", o.Verified, o.SelfToo
		if c.Consent = "deny"; o.Implicit != "" {
			_, c.Consent, _ = strings.Cut(o.Implicit, "/Policy-")
		}
		if o.MostRecent {
			c.ConsentsMerge = "most-recent"
		}
	}
	running := start(t, store, append([]func(*server.Config){required, chosen}, more...)...)
	purposes := []string{"TREAT", "ETREAT", "HPAYMT", "HOPERAT", "HRESCH", "CLINTRCH", "PATRQT", "http://example.org/policies/purposeOfUse|FooBar"}
	for _, client := range []auth.Client{{ID: "gate", Scope: "user/*.cruds system/*.cruds", Resource: "Device/gateway", Purposes: purposes}, {ID: "plain", Scope: "user/*.cruds system/*.cruds", Purposes: purposes}} {
		if err := running.Register(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	return bound{running, as(t, running, auth.Access{Scopes: auth.ParseScopes("system/*.cruds")})}
}

// as has a token of who asks.
func (w bound) as(t *testing.T, by judge.Requester) asker {
	t.Helper()
	a := auth.Access{Client: "plain", FHIRUser: by.User, Scopes: auth.ParseScopes("user/*.cruds"), Role: auth.Practitioner}
	for _, p := range by.Purposes {
		if a.Purposes = append(a.Purposes, auth.PurposeText(cmp.Or(p.System, consent.ActReason), p.Code)); p.Code == auth.BreakGlass {
			a.Reason = "to save a life" // it comes of no client
		}
	}
	if by.Client != "" {
		a.Client = "gate"
	}
	switch {
	case by.User == "": // all scopes would make it an administrator
		a.Scopes, a.Role = auth.ParseScopes("system/*.rs system/Observation.cud system/Condition.cud"), ""
	case by.Oversees:
		a.Role = auth.Admin
	case strings.HasPrefix(by.User, "Patient/"):
		a.Role = auth.Patient
	}
	return as(t, w.Server, a)
}
