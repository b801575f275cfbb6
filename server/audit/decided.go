package audit

import (
	"context"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"

	"vitalwire/server/store"
)

// Decided is what the Consents of one patient decided of a request (BALP AuthZconsent).
type Decided struct {
	Patient string `json:"patient"`
	Permit  bool   `json:"permit,omitempty"`
	// Class is what the patient agrees to, as a number; 0 for who said nothing.
	Class int64 `json:"class,omitempty"`
	// Consents are those in force, as references with their version. They are looked up
	// when the event is stored.
	Consents []string `json:"consents,omitempty"`
}

// InForce looks up the Consents that were in force for an event: of each of some
// patients, references with their versions (consents.Book.InForce).
type InForce func(r store.Reader, e *Event, patients []string) (map[string][]string, error)

// Decisions is which decisions by Consents are kept.
type Decisions string

// The choices.
const (
	// EachRequest keeps all.
	EachRequest Decisions = "request"
	// EachToken keeps every denial, all there is under a broken glass, and what is permitted
	// once for each token, patient, purpose, and what the patient agrees to: the events of
	// the accesses name the token.
	EachToken Decisions = "token"
	// NoDecisions keeps none.
	NoDecisions Decisions = "off"
)

// deciding knows which decisions were told. Its methods are safe for concurrent use.
type deciding struct {
	which Decisions
	seed  maphash.Seed

	mu   sync.Mutex
	told map[uint64]struct{}
}

// mostTold bounds what is known of decisions that were told; beyond it they are told again.
const mostTold = 1 << 16

func newDeciding(which Decisions) *deciding {
	return &deciding{which: which, seed: maphash.MakeSeed(), told: map[uint64]struct{}{}}
}

// take gives an event those of some decisions that are to be kept. It gives what to call
// when they are.
func (d *deciding) take(e *Event, list []Decided) (kept func()) {
	var marks []uint64
	for _, one := range list {
		if d.which == NoDecisions {
			break
		}
		if d.which == EachToken && one.Permit && !slices.Contains(e.Purposes, "BTG") {
			mark := d.mark(e, one)
			d.mu.Lock()
			_, known := d.told[mark]
			d.mu.Unlock()
			if known {
				continue
			}
			marks = append(marks, mark)
		}
		e.Decided = append(e.Decided, one)
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.told)+len(marks) > mostTold {
			clear(d.told)
		}
		for _, mark := range marks {
			d.told[mark] = struct{}{}
		}
	}
}

// mark tells decisions apart.
func (d *deciding) mark(e *Event, one Decided) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	for _, text := range append([]string{e.Agent.Token, one.Patient, strconv.FormatInt(one.Class, 10)}, e.Purposes...) {
		_, _ = h.WriteString(text)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// Decides reports whether decisions by Consents are kept, so that it is worth while to
// find out what they are.
func (l *Log) Decides() bool { return l != nil && l.decisions.which != NoDecisions }

// resolve looks up the Consents of the decisions of events.
func (l *Log) resolve(ctx context.Context, events []*Event) error {
	if l.inForce == nil || !slices.ContainsFunc(events, func(e *Event) bool { return len(e.Decided) > 0 }) {
		return nil
	}
	return l.store.View(ctx, func(r store.Reader) error {
		for _, e := range events {
			patients := make([]string, len(e.Decided))
			for i, d := range e.Decided {
				patients[i] = d.Patient
			}
			if len(patients) == 0 {
				continue
			}
			found, err := l.inForce(r, e, patients)
			if err != nil {
				return err
			}
			for i := range e.Decided {
				e.Decided[i].Consents = found[e.Decided[i].Patient]
			}
		}
		return nil
	})
}

// decisions are the AuditEvents of what Consents decided. A permit that no Consent gave is
// none of theirs; a denial without one is that of the policy for patients without.
func (s Source) decisions(e *Event) []store.Write {
	var writes []store.Write
	for i, d := range e.Decided {
		if d.Permit && len(d.Consents) == 0 {
			continue
		}
		one := Event{ID: e.ID + "-c" + strconv.Itoa(i), At: e.At, Kind: Consented, Patients: []string{d.Patient}, Consents: d.Consents,
			Purposes: e.Purposes, Agent: e.Agent, Description: "permitted by Consent"}
		if !d.Permit {
			one.Outcome, one.Description = Minor, "denied by Consent"
			if len(d.Consents) == 0 {
				one.Description = "denied by the policy for patients without a Consent"
			}
		}
		writes = append(writes, s.write(&one, one.ID, d.Patient))
	}
	return writes
}
