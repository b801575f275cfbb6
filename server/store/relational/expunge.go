package relational

import (
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Expunge removes versions with their index rows. The generic tables are ordered by
// key, so the keys are made again from the body, by the rules the index was made by.
func (t *tx) Expunge(versions []store.Version) error {
	for _, v := range versions {
		if err := t.expunge(v); err != nil {
			return t.spoil(t.check(err))
		}
	}
	t.b.wrote = t.b.wrote || len(versions) > 0
	return nil
}

func (t *tx) expunge(v store.Version) error {
	t.b.terms = t.b.terms || store.IsDefinition(v.Key.Type)
	t.b.agreed = t.b.agreed || store.IsConsent(v.Key.Type)
	if v.Key.Type == "Consent" {
		touched := map[string]bool{}
		if err := t.s.disagree(t.ctx, t.c, v.Position, touched); err != nil {
			return err
		}
		t.b.last++ // later than what anybody knows of the classes
		if err := t.s.classify(t.ctx, t.c, touched, t.b.last); err != nil {
			return err
		}
		t.position = t.b.last
	}
	delete(t.b.known, v.Key)
	delete(t.b.keys, v.Key)
	if err := t.c.exec(t.ctx, "UPDATE tally SET n = n - (SELECT count(*) FROM item d WHERE d.pos = $1), stamp = $3 WHERE type = $2", v.Position, typeKey(v.Key.Type), newStamp()); err != nil {
		return err
	}
	for _, table := range []string{"version", "item", "item_past", "item_code"} {
		if err := t.c.exec(t.ctx, "DELETE FROM "+table+" WHERE pos = $1", v.Position); err != nil {
			return err
		}
	}
	if v.Deleted {
		return nil
	}
	for _, where := range []string{"ix_place WHERE pos", "ix_words WHERE " + t.s.d.WordPosition()} {
		if err := t.c.exec(t.ctx, "DELETE FROM "+where+" = $1", v.Position); err != nil {
			return err
		}
	}
	r, err := fhir.ParseResource(v.Body)
	if err != nil {
		return err
	}
	made := t.s.indexOf(v.Key, r, t.s.cfg.Search.Extract(r))
	keys := map[string]map[int64]bool{}
	note := func(table string, key int64) {
		if keys[table] == nil {
			keys[table] = map[int64]bool{}
		}
		keys[table][key] = true
	}
	for _, e := range made.entries {
		note("ix", e.key)
	}
	for _, s := range made.spans {
		note("ix_range", s.key)
	}
	for _, s := range made.texts {
		note("ix_string", s.key)
	}
	for _, a := range made.amounts {
		note("ix_quantity", a.key)
	}
	for table, list := range keys {
		for key := range list {
			if err := t.c.exec(t.ctx, "DELETE FROM "+table+" WHERE key = $1 AND pos = $2", key, v.Position); err != nil {
				return err
			}
		}
	}
	return nil
}
