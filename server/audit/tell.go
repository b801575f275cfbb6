package audit

import (
	"context"
	"errors"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Done is what a caller did that wrote nothing, or failed.
type Done struct {
	Kind Kind
	// Code of an operation, without "$".
	Code string
	// What it was done to, a reference; Query what was searched. One of them, or neither.
	What, Query string
	Patients    []string
	// Decided is what Consents decided of it, and Known how far they were known
	// (consents.Ruling.Known).
	Decided []Decided
	Known   int64
	// Err is why it failed, nil when it did not.
	Err error
}

// Tell keeps what was done, before it is answered. What it failed for does not show: an
// id that is hidden is told as one that nobody has. Errors as of Note.
func (l *Log) Tell(ctx context.Context, d Done) error {
	if l == nil {
		return nil
	}
	e, err := begin(ctx, d.Kind)
	if err != nil {
		return err
	}
	e.Code, e.What, e.Query, e.Patients = d.Code, d.What, Shown(d.Query), d.Patients
	e.Outcome, e.Description = outcomeOf(d.Err)
	told := l.decisions.take(e, d.Decided)
	if e.Known = d.Known; e.Kind == Consented && len(e.Decided) == 0 {
		return nil
	}
	err = l.Note(ctx, e)
	if err == nil {
		told()
	}
	return err
}

// outcomeOf is how something ended, in words that say nothing of what is kept.
func outcomeOf(err error) (code, words string) {
	if err == nil {
		return Success, ""
	}
	var exists *store.Exists
	switch fhir.SituationOf(err) {
	case fhir.SituationNotFound:
		return Minor, "not found"
	case fhir.SituationForbidden:
		return Minor, "forbidden"
	case fhir.SituationLoginRequired, fhir.SituationTokenExpired:
		return Minor, "not let in"
	case fhir.SituationUnavailable, fhir.SituationThrottled, fhir.SituationTimeout:
		return Serious, "the server could not do it"
	case fhir.SituationException:
		if errors.As(err, &exists) {
			return Minor, "refused"
		}
		return Serious, "the server failed"
	}
	return Minor, "refused"
}

// BrokeGlass keeps that somebody overrode consent in an emergency, and the reason he
// gave. patient is an id, "" when he did so for no one of them. Errors as of Note.
func (l *Log) BrokeGlass(ctx context.Context, patient, reason string) error {
	if l == nil {
		return nil
	}
	e, err := begin(ctx, BreakGlass)
	if err != nil {
		return err
	}
	e.Description, e.Purposes = reason, []string{"BTG"}
	if patient != "" {
		e.Patients = []string{patient}
	}
	return l.Note(ctx, e)
}

// Administered keeps what an administrator did: code names it, such as
// "package-loaded", name what he did it to. Errors as of Note.
func (l *Log) Administered(ctx context.Context, code, name string, failed error) error {
	if l == nil {
		return nil
	}
	e, err := begin(ctx, Admin)
	if err != nil {
		return err
	}
	e.Code, e.What = code, name
	e.Outcome, e.Description = outcomeOf(failed)
	return l.Note(ctx, e)
}

// Ready is the error of Note when the queue has no room left: who is about to do what is
// told afterwards asks before.
func (l *Log) Ready() error {
	if l == nil || l.goOn {
		return nil
	}
	if _, waiting := l.queue.length(); waiting >= l.queue.bound {
		return refusal(ErrFull)
	}
	return nil
}

// Configured keeps that the server runs with other settings than before, in words.
// Errors as of Note.
func (l *Log) Configured(ctx context.Context, changed string) error {
	if l == nil {
		return nil
	}
	e, err := begin(Amid(ctx, Circumstances{Name: "the start of the server"}), Admin)
	if err != nil {
		return err
	}
	e.Code, e.Description = "configuration-changed", changed
	return l.Note(ctx, e)
}

// Removed writes, in a transaction of a Store, that versions of a resource were removed
// for ever: code is that of the operation.
func Removed(ctx context.Context, r store.Reader, code string, key fhir.Key, text string) error {
	t, ok := r.(*tx)
	if !ok {
		return errors.New("audit: the transaction is not one of a Store of this package")
	}
	e, err := begin(ctx, Removal)
	if err != nil {
		return err
	}
	e.Code, e.What, e.Description = code, key.String(), text
	if key.Type == "Patient" {
		e.Patients = []string{key.ID}
	}
	return t.Tx.WriteAll(t.s.own.Writes(e)).Err
}
