// Package consents knows what the patients of a store agree to, and makes of it what a
// caller may see (auth/consent). What it keeps in memory is only ever as old as the
// snapshot that is looked at: every commit of a Consent moves store.Marks.Consents, on
// whatever server it was made.
package consents

import (
	"context"
	"fmt"
	"sync"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Book holds the Consents of a store by the classes of its patients. Its exported
// fields are set once, before use.
type Book struct {
	Search *search.Registry
	// Base is the FHIR base of references to resources of this server.
	Base    string
	Options consent.Options
	// Codes subsumes codes of actors, purposes and labels.
	Codes consent.Codes
	// Alarm is told of what the store gave and the Consents hide; nil is told nothing.
	Alarm func(key fhir.Key, what string)
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu sync.RWMutex
	// mark is up to which Marks.Consents, and position up to which store.Consented.Position,
	// the rest is known.
	mark, position int64
	known          bool
	classes        map[string]int64
	members        map[int64]int // how many patients are of a class
	policies       map[int64][]*consent.Policy
	callers        map[string]*standing
	rulings        map[string]*Ruling
}

// Bounds of what is kept for callers: contexts differ by who asks and what for.
const mostKept = 1024

func (b *Book) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// learn brings the book to what a reader sees. An error leaves it as it was, and
// nothing may be shown.
func (b *Book) learn(r store.Reader) error {
	marks, err := r.Marks()
	if err != nil {
		return err
	}
	b.mu.RLock()
	current := b.known && marks.Consents <= b.mark
	b.mu.RUnlock()
	if current {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known && marks.Consents <= b.mark {
		return nil
	}
	if b.classes == nil {
		b.classes, b.members, b.policies = map[string]int64{}, map[int64]int{}, map[int64][]*consent.Policy{}
	}
	for {
		list, err := r.Consented(b.position, learnedAtOnce)
		if err != nil {
			return err
		}
		for _, one := range list {
			if err := b.place(r, one); err != nil {
				return err
			}
			b.position = one.Position
		}
		if len(list) < learnedAtOnce {
			break
		}
	}
	b.mark, b.known = marks.Consents, true
	b.callers, b.rulings = map[string]*standing{}, map[string]*Ruling{}
	return nil
}

const learnedAtOnce = 1000

// place notes the class of a patient.
func (b *Book) place(r store.Reader, one store.Consented) error {
	if _, have := b.policies[one.Class]; !have {
		policies, err := b.read(r, one)
		if err != nil {
			return err
		}
		b.policies[one.Class] = policies
	}
	was, known := b.classes[one.Patient]
	if known {
		if b.members[was]--; b.members[was] == 0 {
			delete(b.members, was)
			delete(b.policies, was)
		}
	}
	b.classes[one.Patient] = one.Class
	b.members[one.Class]++
	if _, have := b.policies[one.Class]; !have { // it was the only one of its class, and still is
		return b.place(r, one)
	}
	return nil
}

// read gives the policies of a class by the Consents of one patient of it.
func (b *Book) read(r store.Reader, one store.Consented) ([]*consent.Policy, error) {
	if one.Class == 0 {
		return nil, nil
	}
	list, agreed, err := b.of(r, one.Patient)
	if err != nil {
		return nil, err
	}
	if store.ClassOf(agreed) != one.Class {
		// A reader that sees the newest moment each time, and another came between.
		return nil, store.Stale()
	}
	return list, nil
}

// of are the Consents of a patient that a reader sees.
func (b *Book) of(r store.Reader, patient string) (list []*consent.Policy, agreed []store.Agreed, err error) {
	clause, ok := b.Search.Compartment("Patient").Clause("Consent", patient)
	if !ok {
		return nil, nil, fmt.Errorf("consents: R4 has Consent in the compartment of Patient")
	}
	q := &search.Query{Type: "Consent", Filter: []search.Clause{clause}, Count: 200, Sight: search.Everything}
	for {
		page, err := r.Search(q)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range page.Matches {
			resource, err := fhir.ParseResource(v.Body)
			if err != nil {
				return nil, nil, fmt.Errorf("stored body of %s: %w", v.Key, err)
			}
			said, ok := store.AgreedIn(resource)
			if !ok || said.Patient != patient {
				continue
			}
			policy, err := consent.Read(resource, b.Base)
			if err != nil {
				// It came in before such were refused: what it denies is not known.
				policy = consent.Unreadable(v.Key, patient)
			}
			list, agreed = append(list, policy), append(agreed, said)
		}
		if page.Next == nil {
			return list, agreed, nil
		}
		q.After = page.Next
	}
}

// ClassOf is the class of a patient as far as the book knows.
func (b *Book) ClassOf(patient string) int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.classes[patient]
}

// Policies are the Consents of a patient that a reader sees, for explanations.
func (b *Book) Policies(r store.Reader, patient string) ([]*consent.Policy, error) {
	list, _, err := b.of(r, patient)
	return list, err
}

// Follow keeps the book near what the store has, so that requests find it so. It ends
// with the context.
func (b *Book) Follow(ctx context.Context, s store.Store, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		_ = s.View(ctx, b.learn) // the next request tells what is wrong
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
