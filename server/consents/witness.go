package consents

import (
	"sync"

	"vitalwire/auth/consent"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Witness notes what the Consents decided of one request, for the audit log. A nil one
// notes nothing. It is safe for concurrent use.
type Witness struct {
	mu      sync.Mutex
	ruling  *Ruling
	noted   []Noted
	refused []string
}

// Noted is a resource that was asked for by itself.
type Noted struct {
	Version store.Version
	// Permit: its Consents showed it; else they hid it, and nothing else did.
	Permit bool
}

// mostNoted bounds what is kept of one request, such as a transaction.
const mostNoted = 1000

// Under notes the Ruling that the request is under.
func (w *Witness) Under(l *Ruling) {
	if w == nil || l == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ruling = l
}

// Saw notes that a resource was shown or hidden by its Consents.
func (w *Witness) Saw(v store.Version, permit bool) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.noted) < mostNoted {
		w.noted = append(w.noted, Noted{v, permit})
	}
}

// Refused notes that a patient lets nobody record what was to be written.
func (w *Witness) Refused(patient string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = append(w.refused, patient)
}

// Ruling is the one that the request is under; nil when no Consent binds it.
func (w *Witness) Ruling() *Ruling {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ruling
}

// Take gives what was noted since it was last taken.
func (w *Witness) Take() (noted []Noted, refused []string) {
	if w == nil {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	noted, refused, w.noted, w.refused = w.noted, w.refused, nil, nil
	return noted, refused
}

// Owners are the patients whose Consents decide about a resource: not the one who asks
// for what is about himself.
func (l *Ruling) Owners(s *search.Subject) []string {
	var list []string
	for _, patient := range l.book.Search.OwnersOf(s) {
		if patient != l.self {
			list = append(list, patient)
		}
	}
	return list
}

// Permits reports whether one of the owners of a resource shows it.
func (l *Ruling) Permits(patient string, s *search.Subject) (bool, error) {
	f, ok := l.caseOf(patient)
	if !ok {
		return false, nil
	}
	return l.compiler().View(f, s.Type).Sees(s)
}

// Shows reports whether a patient lets anything of a type be seen, "" for any type. known
// is false for who asks for what is about himself, and when a Consent of the patient has
// changed since the Ruling was made.
func (l *Ruling) Shows(patient, typ string) (some, known bool) {
	f, known := l.caseOf(patient)
	switch {
	case !known || patient == l.self:
		return false, false
	case typ == "" || f.Never():
		return !f.Never(), true
	}
	view := l.compiler().View(f, typ)
	return view.Whole || len(view.Any) > 0, true
}

// Class is the number of what a patient agrees to; 0 for who said nothing.
func (l *Ruling) Class(patient string) int64 { return l.book.NumberOf(patient) }

// Known is up to which store.Consented.Position the Consents were known.
func (l *Ruling) Known() int64 { return l.known }

func (l *Ruling) caseOf(patient string) (consent.Formula, bool) {
	number := l.book.NumberOf(patient)
	if number >= int64(len(l.table.Cases)) || int(l.table.Cases[number]) >= len(l.cases) {
		return consent.Formula{}, false
	}
	return l.cases[l.table.Cases[number]], true
}

func (l *Ruling) compiler() *consent.Compiler {
	return &consent.Compiler{Search: l.book.Search, Codes: l.book.Codes, Refers: l.refers, Authors: l.authors.of}
}
