// Package consents knows what the patients of a store agree to, and makes of it what a
// caller may see (auth/consent). What it keeps in memory is only ever as old as the
// snapshot that is looked at: every commit of a Consent moves store.Marks.Consents, on
// whatever server it was made.
package consents

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// epoch is that of the search parameters that rulings ask by.
	epoch   int64
	known   bool
	numbers map[string]int64 // of the class of each patient
	classes map[int64]*class // by number
	callers map[string]*standing
	rulings map[string]*Ruling
	// authored is who counts as whom where Consents name authors.
	authored authored

	// What patients said as of a position, for InForce.
	askedMu sync.Mutex
	askedAt int64
	asked   map[string]*saying
	// naming and collecting report whether any Consent names who may see, and says what
	// may be collected.
	naming, collecting bool

	shown shown
}

// class are patients whose Consents say the same.
type class struct {
	policies []*consent.Policy
	members  int
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
	current := b.known && marks.Consents <= b.mark && b.epoch == b.Search.Epoch()
	b.mu.RUnlock()
	if current {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if epoch := b.Search.Epoch(); b.epoch != epoch {
		b.epoch, b.rulings = epoch, map[string]*Ruling{}
	}
	if b.known && marks.Consents <= b.mark {
		return nil
	}
	if b.classes == nil {
		b.numbers, b.classes = map[string]int64{}, map[int64]*class{0: {}}
	}
	for {
		list, err := r.Consented(b.position, learnedAtOnce)
		if err != nil {
			return err
		}
		if err := b.place(r, list); err != nil {
			return err
		}
		if len(list) < learnedAtOnce {
			break
		}
	}
	b.naming, b.collecting = b.any((*consent.Policy).Names), b.any((*consent.Policy).Collects)
	b.mark, b.known = marks.Consents, true
	b.callers, b.rulings = map[string]*standing{}, map[string]*Ruling{}
	return nil
}

// How many patients are learned of at once, and of how many of them Consents are read.
const (
	learnedAtOnce = 1000
	readAtOnce    = 50
)

// place notes the classes of patients.
func (b *Book) place(r store.Reader, list []store.Consented) error {
	var unknown []store.Consented
	seen := map[int64]bool{}
	for _, one := range list {
		if b.classes[one.Number] == nil && !seen[one.Number] {
			seen[one.Number] = true
			unknown = append(unknown, one)
		}
	}
	for some := range slices.Chunk(unknown, readAtOnce) {
		if err := b.read(r, some); err != nil {
			return err
		}
	}
	for _, one := range list {
		if was, known := b.numbers[one.Patient]; known {
			b.classes[was].members--
		}
		b.numbers[one.Patient] = one.Number
		b.classes[one.Number].members++
		b.position = one.Position
	}
	for number, c := range b.classes {
		if c.members == 0 && number != 0 {
			delete(b.classes, number)
		}
	}
	return nil
}

// read notes the policies of classes, by the Consents of one patient of each.
func (b *Book) read(r store.Reader, list []store.Consented) error {
	patients := make([]string, len(list))
	for i, one := range list {
		patients[i] = one.Patient
	}
	found, err := b.of(r, patients)
	if err != nil {
		return err
	}
	for _, one := range list {
		said := found[one.Patient]
		if said == nil {
			said = &saying{}
		}
		if store.ClassOf(said.agreed) != one.Class {
			// A reader that sees the newest moment each time, and another came between.
			return store.Stale()
		}
		b.classes[one.Number] = &class{policies: said.policies}
	}
	return nil
}

// saying are the Consents of a patient.
type saying struct {
	policies   []*consent.Policy
	references []string // to their versions
	agreed     []store.Agreed
}

// of are the Consents of patients that a reader sees.
func (b *Book) of(r store.Reader, patients []string) (map[string]*saying, error) {
	clause, ok := b.Search.Compartment("Patient").Clause("Consent", "")
	if !ok {
		return nil, errors.New("consents: R4 has Consent in the compartment of Patient")
	}
	clause.Operands = nil
	for _, id := range patients {
		clause.Operands = append(clause.Operands, search.Operand{Target: search.Target{Type: "Patient", ID: id}})
	}
	found := map[string]*saying{}
	q := &search.Query{Type: "Consent", Filter: []search.Clause{clause}, Count: learnedAtOnce, Sight: search.Everything}
	for {
		page, err := r.Search(q)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Matches {
			if err := b.note(found, v); err != nil {
				return nil, err
			}
		}
		if page.Next == nil {
			return found, nil
		}
		q.After = page.Next
	}
}

// note reads a Consent.
func (b *Book) note(found map[string]*saying, v store.Version) error {
	resource, err := fhir.ParseResource(v.Body)
	if err != nil {
		return fmt.Errorf("stored body of %s: %w", v.Key, err)
	}
	agreed, ok := store.AgreedIn(resource)
	if !ok {
		return nil
	}
	policy, err := consent.Read(resource, b.Base)
	if err != nil {
		// It came in before such were refused: what it denies is not known.
		policy = consent.Unreadable(v.Key, agreed.Patient)
	}
	said := found[agreed.Patient]
	if said == nil {
		said = &saying{}
		found[agreed.Patient] = said
	}
	said.policies, said.agreed = append(said.policies, policy), append(said.agreed, agreed)
	said.references = append(said.references, reference(v))
	return nil
}

// NumberOf is the number of a patient's class as far as the book knows.
func (b *Book) NumberOf(patient string) int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.numbers[patient]
}

// Known is up to which store.Consented.Position the Consents are known.
func (b *Book) Known() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.position
}

// policies are the Consents of a patient that a reader sees, with their keys.
func (b *Book) policies(r store.Reader, patient string) ([]*consent.Policy, error) {
	found, err := b.of(r, []string{patient})
	if err != nil || found[patient] == nil {
		return nil, err
	}
	return found[patient].policies, nil
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
