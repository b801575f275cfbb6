package consents

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Ruling is what the Consents of all patients let one requester see, until they
// change.
type Ruling struct {
	book *Book
	by   consent.Requester
	self string // the Patient that the requester is; "" for none
	// until is when a period of some Consent begins or ends; zero for never.
	until  time.Time
	groups []group // the last one is the largest
	// refers gives what a resource refers to, as a reader sees it. A Ruling that
	// asks it is only good for that reader.
	refers   func(fhir.Key) ([]fhir.Key, bool)
	volatile bool

	mu    sync.Mutex
	views map[string]search.View
}

// group are the classes that come to the same.
type group struct {
	formula consent.Formula
	classes []int64
	members int
}

// Ruling gives what a requester may see, as a reader sees it. self is the Patient that
// he is; "" for none.
func (b *Book) Ruling(r store.Reader, by consent.Requester, self string) (*Ruling, error) {
	if err := b.learn(r); err != nil {
		return nil, err
	}
	by.Now = b.now()
	// Views ask by the labels that resources have now (search.Registry.Label).
	key := strconv.FormatInt(b.Search.Epoch(), 10) + "\n" + self + "\n" + by.Key()
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept, ok := b.rulings[key]; ok && (kept.until.IsZero() || by.Now.Before(kept.until)) {
		return kept.as(r), nil
	}
	made := b.rule(by, self)
	if len(b.rulings) >= mostKept {
		clear(b.rulings)
	}
	b.rulings[key] = made
	return made.as(r), nil
}

// rule decides for every class, and puts those together that come to the same.
func (b *Book) rule(by consent.Requester, self string) *Ruling {
	made := &Ruling{book: b, by: by, self: self, views: map[string]search.View{}}
	groups := map[string]*group{}
	add := func(class int64, members int, policies []*consent.Policy) {
		formula := consent.Decide(policies, by, b.Codes, b.Options).Formula
		text := formula.Text()
		g := groups[text]
		if g == nil {
			g = &group{formula: formula}
			groups[text] = g
		}
		g.classes, g.members = append(g.classes, class), g.members+members
		made.volatile = made.volatile || formula.Refers()
		if life := consent.Life(policies, by.Now); !life.IsZero() && (made.until.IsZero() || life.Before(made.until)) {
			made.until = life
		}
	}
	add(0, 1, nil)
	for _, class := range slices.Sorted(maps.Keys(b.members)) {
		if class != 0 {
			add(class, b.members[class], b.policies[class])
		}
	}
	for _, text := range slices.Sorted(maps.Keys(groups)) {
		made.groups = append(made.groups, *groups[text])
	}
	slices.SortStableFunc(made.groups, func(x, y group) int {
		return cmp.Or(cmp.Compare(len(x.classes), len(y.classes)), cmp.Compare(x.members, y.members))
	})
	return made
}

// as is the Ruling for one reader.
func (l *Ruling) as(r store.Reader) *Ruling {
	if !l.volatile {
		return l
	}
	return &Ruling{book: l.book, by: l.by, self: l.self, until: l.until, groups: l.groups, volatile: true, views: map[string]search.View{},
		refers: func(key fhir.Key) ([]fhir.Key, bool) { return l.book.refersTo(r, key) }}
}

// refersTo are the resources that a resource refers to; of one that is not there, none.
func (b *Book) refersTo(r store.Reader, key fhir.Key) (list []fhir.Key, ok bool) {
	v, err := r.Read(key)
	if err != nil {
		return nil, fhir.SituationOf(err) == fhir.SituationNotFound
	}
	if v.Deleted {
		return nil, true
	}
	resource, err := fhir.ParseResource(v.Body)
	if err != nil {
		return nil, false
	}
	for _, value := range b.Search.Extract(resource) {
		if to, is := value.Target.Key(); is && !slices.Contains(list, to) {
			list = append(list, to)
		}
	}
	return list, true
}

// View is what the Consents show of a resource type.
func (l *Ruling) View(typ string) search.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, ok := l.views[typ]; ok {
		return v
	}
	v := l.view(typ)
	l.views[typ] = v
	return v
}

func (l *Ruling) view(typ string) search.View {
	params, owned := l.book.Search.OwnerParams(typ)
	if !owned {
		return search.View{Whole: true}
	}
	compiler := consent.Compiler{Search: l.book.Search, Codes: l.book.Codes, Refers: l.refers}
	made := &search.Owned{Type: typ, Self: l.self, Params: params, Owners: func(s *search.Subject) []string {
		return l.book.Search.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values)
	}, ClassOf: l.book.ClassOf}
	whole := true
	for i, g := range l.groups {
		v := compiler.View(g.formula, typ)
		whole = whole && v.Whole
		if i == len(l.groups)-1 {
			made.Rest = v
			break
		}
		made.Cases = append(made.Cases, search.OwnedCase{Classes: g.classes, View: v})
	}
	if whole {
		return search.View{Whole: true}
	}
	return search.View{Any: []search.Clause{{Owned: made}}}
}

// Collects reports whether the owners of what would be written let it be collected
// (R4 consentaction collect): no Consent that is in force denies that by name.
func (l *Ruling) Collects(s *search.Subject) (bool, error) {
	b := l.book
	compiler := consent.Compiler{Search: b.Search, Codes: b.Codes, Refers: l.refers}
	for _, patient := range b.Search.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values) {
		if patient == l.self {
			continue
		}
		b.mu.RLock()
		policies := b.policies[b.classes[patient]]
		b.mu.RUnlock()
		refused := consent.Uncollected(policies, l.by, b.Codes, b.Options)
		if refused.Never() {
			continue
		}
		if is, err := compiler.View(refused, s.Type).Sees(s); is || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Collecting reports whether any Consent speaks of what may be collected.
func (l *Ruling) Collecting() bool {
	b := l.book
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, policies := range b.policies {
		if slices.ContainsFunc(policies, (*consent.Policy).Collects) {
			return true
		}
	}
	return false
}
