package consents

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
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
	// mark is up to which Marks.Consents the book knew what this was made of.
	mark int64
	// known is up to which store.Consented.Position it did.
	known int64
	// until is when a period of some Consent begins or ends; zero for never.
	until time.Time
	cases []consent.Formula
	table *search.CaseTable
	// refers gives what a resource refers to, as a reader sees it. A Ruling that
	// asks it is only good for that reader.
	refers   func(fhir.Key) ([]fhir.Key, bool)
	volatile bool
	authors  authorship

	mu    sync.Mutex
	views map[string]search.View
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
	authors, keep, err := b.authorship(r)
	if err != nil {
		return nil, err
	}
	if made.authors = authors; !keep {
		return made.as(r), nil
	}
	if len(b.rulings) >= mostKept {
		clear(b.rulings)
	}
	b.rulings[key] = made
	return made.as(r), nil
}

// rule decides for every class, and puts those together that come to the same.
func (b *Book) rule(by consent.Requester, self string) *Ruling {
	made := &Ruling{book: b, by: by, self: self, mark: b.mark, known: b.position, views: map[string]search.View{}}
	most := slices.Max(slices.Collect(maps.Keys(b.classes)))
	made.table = &search.CaseTable{ID: tables.Add(1), Cases: bytes.Repeat([]byte{search.NoCase}, int(most)+1)}
	known := map[string]int{}
	for _, number := range slices.Sorted(maps.Keys(b.classes)) {
		policies := b.classes[number].policies
		formula := consent.Decide(policies, by, b.Codes, b.Options).Formula
		text := formula.Text()
		n, have := known[text]
		if !have {
			n = len(made.cases)
			known[text] = n
			made.cases = append(made.cases, formula)
		}
		if n < search.NoCase { // of more the store makes an error
			made.table.Cases[number] = byte(n)
		}
		made.volatile = made.volatile || formula.Refers() || b.collecting && consent.Uncollected(policies, by, b.Codes, b.Options).Refers()
		if life := consent.Life(policies, by.Now); !life.IsZero() && (made.until.IsZero() || life.Before(made.until)) {
			made.until = life
		}
	}
	return made
}

// tables counts the tables of this process.
var tables atomic.Int64

// as is the Ruling for one reader.
func (l *Ruling) as(r store.Reader) *Ruling {
	if !l.volatile {
		return l
	}
	return &Ruling{book: l.book, by: l.by, self: l.self, mark: l.mark, known: l.known, until: l.until, cases: l.cases, table: l.table, volatile: true, authors: l.authors, views: map[string]search.View{},
		refers: func(key fhir.Key) ([]fhir.Key, bool) { return l.book.refersTo(r, key) }}
}

// Current reports whether the book knows of nothing newer: a Ruling that is not may judge
// a resource in memory by other Consents than the store did in its snapshot.
func (l *Ruling) Current() bool {
	l.book.mu.RLock()
	defer l.book.mu.RUnlock()
	return l.book.mark == l.mark
}

// Of reports whether a reader with these marks sees the same Consents as the Ruling is made
// of: a snapshot may be older than what the book knew by then.
func (l *Ruling) Of(m store.Marks) bool { return m.Consents == l.mark }

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
	compiler := l.compiler()
	made := &search.Owned{Type: typ, Table: l.table, Self: l.self, Params: params, Owners: func(s *search.Subject) []string {
		return l.book.Search.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values)
	}, NumberOf: l.book.NumberOf}
	whole := true
	for _, f := range l.cases {
		v := compiler.View(f, typ)
		whole = whole && v.Whole
		made.Cases = append(made.Cases, v)
	}
	if whole {
		return search.View{Whole: true}
	}
	return search.View{Any: []search.Clause{{Owned: made}}}
}

// Collects reports whether the owners of what would be written let it be collected
// (R4 consentaction collect): no Consent that is in force denies that by name. Else
// refuses is a patient who does not.
func (l *Ruling) Collects(s *search.Subject) (ok bool, refuses string, err error) {
	b := l.book
	compiler := l.compiler()
	for _, patient := range b.Search.Owners(fhir.Key{Type: s.Type, ID: s.ID}, s.Values) {
		if patient == l.self {
			continue
		}
		refused := consent.Uncollected(b.policiesOf(patient), l.by, b.Codes, b.Options)
		if refused.Never() {
			continue
		}
		if is, err := compiler.View(refused, s.Type).Sees(s); is || err != nil {
			return false, patient, err
		}
	}
	return true, "", nil
}

// Collecting reports whether any Consent speaks of what may be collected.
func (l *Ruling) Collecting() bool {
	l.book.mu.RLock()
	defer l.book.mu.RUnlock()
	return l.book.collecting
}

// any reports whether a Consent that is known is some way.
func (b *Book) any(is func(*consent.Policy) bool) bool {
	for _, c := range b.classes {
		if slices.ContainsFunc(c.policies, is) {
			return true
		}
	}
	return false
}

// policiesOf are the Consents of a patient as far as the book knows.
func (b *Book) policiesOf(patient string) []*consent.Policy {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if c := b.classes[b.numbers[patient]]; c != nil {
		return c.policies
	}
	return nil
}
