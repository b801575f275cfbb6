package relational

import (
	"context"
	"database/sql"
	"fmt"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/server/store"
)

// Reindex reads a chunk of versions in a snapshot and evaluates them there; only
// the rows that come of it are written under the head's lock, so that writers wait
// as for a commit of that size. Rows that are there already stay.
func (s *Store) Reindex(ctx context.Context, r store.Reindexing) (store.Reindexed, error) {
	if err := s.enter(); err != nil {
		return store.Reindexed{}, err
	}
	defer s.leave()
	step := online{s: s, r: r, b: newBatch(0, 0)}
	out, err := step.read(ctx)
	if err == nil && !step.empty() {
		err = s.write(ctx, step.write)
	}
	return out, s.fault(ctx, err)
}

// online is one step of a Reindex.
type online struct {
	s       *Store
	r       store.Reindexing
	b       *batch // what is made
	dropped []dropped
	// labelled are the positions of what gets security labels.
	labelled []int64
}

// dropped are index rows of a former parameter.
type dropped struct {
	rows rows
	pos  int64
}

func (o *online) empty() bool {
	return len(o.dropped)+len(o.b.entries)+len(o.b.spans)+len(o.b.texts)+len(o.b.amounts) == 0
}

// read finds the versions behind the position and what their rows are.
func (o *online) read(ctx context.Context) (store.Reindexed, error) {
	ctx, cancel := context.WithTimeout(ctx, o.s.cfg.ViewTimeout)
	defer cancel()
	out := store.Reindexed{Last: o.r.After}
	c, err := o.s.begin(ctx)
	if err != nil {
		return out, err
	}
	defer o.s.reads.give(c)
	defer o.s.end(c)
	window := Statement{SQL: "SELECT w.pos FROM version w WHERE w.pos > $1 ORDER BY w.pos LIMIT $2 + 0", Args: []any{o.r.After, o.r.Limit}}
	var seen int
	ends := Statement{SQL: "SELECT count(*), coalesce(max(w.pos), $3) FROM (" + window.SQL + ") w", Args: append(window.Args, o.r.After)}
	if _, err := c.one(ctx, ends, &seen, &out.Last); err != nil {
		return out, err
	}
	out.Done = seen < o.r.Limit
	var b sqlText
	b.args = append(b.args, window.Args...)
	b.WriteString("SELECT " + versionColumns + ", v.shard FROM (" + window.SQL + ") w JOIN version v ON v.pos = w.pos WHERE v.deleted = 0")
	if len(o.r.Types) > 0 {
		types := make([]any, len(o.r.Types))
		for i, typ := range o.r.Types {
			types[i] = typ
		}
		b.WriteString(" AND v.rtype IN (" + b.list(types) + ")")
	}
	b.WriteString(" AND (SELECT x.pos FROM version x WHERE x.rtype = v.rtype AND x.id = v.id ORDER BY x.vid DESC LIMIT 1) = v.pos ORDER BY v.pos")
	err = c.each(ctx, b.statement(), func(found *sql.Rows) error {
		var shard int64
		v, err := scanVersion(found, &shard)
		if err != nil {
			return err
		}
		out.Resources++
		return o.version(v, shard)
	})
	return out, err
}

// version finds what a version gets and loses.
func (o *online) version(v store.Version, shard int64) error {
	r, err := fhir.ParseResource(v.Body)
	if err != nil {
		return fmt.Errorf("store: the body of %s cannot be read: %w", v.Key, err)
	}
	made := o.rows(r, o.r.Make)
	o.b.place(&made, v.Position, shard)
	if made.item.marks&labelled != 0 {
		o.labelled = append(o.labelled, v.Position)
	}
	if len(o.r.Drop) > 0 {
		o.dropped = append(o.dropped, dropped{o.rows(r, o.r.Drop), v.Position})
	}
	return nil
}

// rows are those that the definitions alone make of a resource.
func (o *online) rows(r *fhir.Resource, definitions []*definition.SearchParameter) rows {
	var made rows
	g := o.s.cfg.Search
	for _, d := range definitions {
		for _, v := range g.ExtractOf(r, g.CustomParams(r.Type(), d)) {
			made.add(v)
			made.present(v.Param)
			if v.Param.Labels() {
				made.item.marks |= labelled
			}
		}
	}
	made.entries, made.spans = unique(made.entries), markEnds(made.spans)
	return made
}

func (o *online) write(r *reader) (*batch, error) {
	c, position := r.c, r.position
	ctx, cancel := context.WithTimeout(context.Background(), o.s.cfg.CommitTimeout)
	defer cancel()
	for _, d := range o.dropped {
		if err := d.rows.remove(ctx, c, d.pos); err != nil {
			return nil, err
		}
	}
	if err := o.s.restamp(ctx, c); err != nil {
		return nil, err
	}
	again := o.b.copied(position)
	if err := o.s.flushNew(ctx, c, again); err != nil {
		return nil, err
	}
	// Without the bit nobody looks for labels.
	for _, pos := range o.labelled {
		for _, table := range []string{"item", "item_past"} { // it may have been superseded meanwhile
			if err := c.exec(ctx, "UPDATE "+table+" SET marks = marks | CAST($1 AS bigint) WHERE pos = $2", labelled, pos); err != nil {
				return nil, err
			}
		}
	}
	again.flushed()
	again.wrote = true
	return again, nil
}

// copied is the batch's index rows alone, for one attempt to write them.
func (b *batch) copied(last int64) *batch {
	again := newBatch(last, 0)
	again.entries, again.spans, again.texts, again.amounts = b.entries, b.spans, b.texts, b.amounts
	return again
}

// flushNew writes the index rows that are not there yet.
func (s *Store) flushNew(ctx context.Context, c *conn, b *batch) error {
	for _, t := range []struct {
		table string
		rows  Batch
	}{
		{"ix", entryBatch(b.entries)}, {"ix_range", spanBatch(b.spans)}, {"ix_string", textBatch(b.texts)}, {"ix_quantity", amountBatch(b.amounts)},
	} {
		if t.rows.Len() == 0 {
			continue
		}
		list := s.d.Insert(t.table, t.rows)
		for i := range list {
			list[i].SQL += " ON CONFLICT DO NOTHING"
		}
		if err := c.execAll(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// remove takes the rows of a version out.
func (r *rows) remove(ctx context.Context, c *conn, pos int64) error {
	gone := map[string]map[int64]bool{"ix": {}, "ix_range": {}, "ix_string": {}, "ix_quantity": {}}
	for _, e := range r.entries {
		gone["ix"][e.key] = true
	}
	for _, sp := range r.spans {
		gone["ix_range"][sp.key] = true
	}
	for _, t := range r.texts {
		gone["ix_string"][t.key] = true
	}
	for _, a := range r.amounts {
		gone["ix_quantity"][a.key] = true
	}
	for table, keys := range gone {
		for key := range keys {
			if err := c.exec(ctx, "DELETE FROM "+table+" WHERE key = $1 AND pos = $2", key, pos); err != nil {
				return err
			}
		}
	}
	return nil
}

// resourceOf is what a write writes.
func resourceOf(w *store.Write) (*fhir.Resource, error) {
	if w.Resource != nil {
		return w.Resource, nil
	}
	r, err := fhir.ParseResource(w.Body)
	if err != nil {
		return nil, fmt.Errorf("store: the body of %s cannot be read: %w", w.Key, err)
	}
	return r, nil
}

// renewed is a prepared unit by the search parameters of now: under the head's lock,
// so whoever changed them and then took that lock knows that all later commits
// are by the new ones.
func (s *Store) renewed(p *prepared) (*prepared, error) {
	if p.epoch == s.cfg.Search.Epoch() {
		return p, nil
	}
	return s.prepare(p.unit)
}
