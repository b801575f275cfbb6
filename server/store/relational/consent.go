package relational

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"vitalwire/server/store"
)

// Table consent has what the current Consents say, as a digest, and table consented
// the class that each patient is of by all of his (store.Consented). Both change in the
// commit of the Consent, so that a search sees the classes of its snapshot.

type placedConsent struct {
	store.Agreed
	pos, shard int64
}

// ownerKey is a patient as column owner holds him.
func ownerKey(patient string) int64 { return hash(factOwner, patient) }

// ownersKey is the key of the entries of owners of what has several.
func ownersKey() int64 { return hash(factOwner) }

// own notes in whose compartments a version is.
func (r *rows) own(patients []string) {
	slices.Sort(patients)
	if len(patients) > 0 {
		r.item.owner = ownerKey(patients[0])
	}
	if len(patients) > 1 {
		r.item.marks |= moreOwner
		for _, id := range patients {
			r.entries = append(r.entries, entry{ownersKey(), ownerKey(id)})
		}
	}
}

// flushConsents writes the consents of the batch and the classes that come of them.
func (s *Store) flushConsents(ctx context.Context, c *conn, b *batch) error {
	if !b.consented {
		return nil
	}
	if err := s.insertConsents(ctx, c, b); err != nil {
		return err
	}
	touched := map[string]bool{}
	for _, row := range b.consents {
		touched[row.Patient] = true
	}
	typ := typeKey("Consent")
	for _, dead := range b.deadRows {
		if dead.typ != typ {
			continue
		}
		if err := s.disagree(ctx, c, dead.pos, touched); err != nil {
			return err
		}
	}
	return s.classify(ctx, c, touched, b.last)
}

func (s *Store) insertConsents(ctx context.Context, c *conn, b *batch) error {
	for _, row := range b.consents {
		if err := c.exec(ctx, "INSERT INTO consent (pos, shard, patient, given, digest) VALUES ($1, $2, $3, $4, $5)",
			row.pos, row.shard, row.Patient, row.Given, row.Digest); err != nil {
			return err
		}
	}
	return nil
}

// disagree takes a Consent away, and notes whose it was.
func (s *Store) disagree(ctx context.Context, c *conn, pos int64, touched map[string]bool) error {
	var patient string
	ok, err := c.one(ctx, Statement{SQL: "SELECT patient FROM consent WHERE pos = $1", Args: []any{pos}}, &patient)
	if err != nil || !ok {
		return err
	}
	touched[patient] = true
	return c.exec(ctx, "DELETE FROM consent WHERE pos = $1", pos)
}

// classify writes the classes of patients.
func (s *Store) classify(ctx context.Context, c *conn, patients map[string]bool, position int64) error {
	if len(patients) == 0 {
		return nil
	}
	for patient := range patients {
		var list []store.Agreed
		err := c.each(ctx, Statement{SQL: "SELECT given, digest FROM consent WHERE patient = $1", Args: []any{patient}}, func(rows *sql.Rows) error {
			var row store.Agreed
			err := rows.Scan(&row.Given, &row.Digest)
			list = append(list, row)
			return err
		})
		if err != nil {
			return err
		}
		class := store.ClassOf(list)
		number, err := s.numberOf(ctx, c, class)
		if err != nil {
			return err
		}
		if err := c.exec(ctx, `INSERT INTO consented (owner, patient, class, number, position) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (owner) DO UPDATE SET class = excluded.class, number = excluded.number, position = excluded.position`,
			ownerKey(patient), patient, class, number, position); err != nil {
			return err
		}
	}
	// Totals that were counted by the classes before are wrong now.
	return s.restamp(ctx, c)
}

// numberOf is the number of a class, perhaps a new one. The writer is alone.
func (s *Store) numberOf(ctx context.Context, c *conn, class int64) (number int64, err error) {
	if known, err := c.one(ctx, Statement{SQL: "SELECT number FROM consent_class WHERE class = $1", Args: []any{class}}, &number); known || err != nil {
		return number, err
	}
	if _, err := c.one(ctx, Statement{SQL: "SELECT max(number) + 1 FROM consent_class"}, &number); err != nil {
		return 0, err
	}
	return number, c.exec(ctx, "INSERT INTO consent_class (class, number) VALUES ($1, $2)", class, number)
}

// reagree makes all classes anew from table consent.
func (s *Store) reagree(ctx context.Context, c *conn) error {
	var position int64
	if _, err := c.one(ctx, Statement{SQL: "SELECT position FROM head WHERE one = 1"}, &position); err != nil {
		return err
	}
	patients := map[string]bool{}
	if err := c.each(ctx, Statement{SQL: "SELECT patient FROM consent UNION SELECT patient FROM consented"}, func(rows *sql.Rows) error {
		var patient string
		err := rows.Scan(&patient)
		patients[patient] = true
		return err
	}); err != nil {
		return err
	}
	if err := s.classify(ctx, c, patients, position); err != nil {
		return err
	}
	return c.exec(ctx, "UPDATE head SET consents = consents + 1 WHERE one = 1")
}

// Consented gives the classes that patients came to be of after a position.
func (r *reader) Consented(after int64, limit int) ([]store.Consented, error) {
	var list []store.Consented
	// Those of one commit share its position, and are given together.
	err := r.each(Statement{SQL: `SELECT patient, class, number, position FROM consented WHERE position > $1 AND position <= coalesce(
		(SELECT position FROM consented WHERE position > $1 ORDER BY position LIMIT 1 OFFSET $2), $3) ORDER BY position`,
		Args: []any{after, max(limit, 1) - 1, int64(math.MaxInt64)}}, func(rows *sql.Rows) error {
		var one store.Consented
		err := rows.Scan(&one.Patient, &one.Class, &one.Number, &one.Position)
		list = append(list, one)
		return err
	})
	return list, err
}
