package relational

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// load reads into the batch what its units' preconditions need, in few statements.
func (s *Store) load(ctx context.Context, c *conn, b *batch, units []*prepared) error {
	var keys []fhir.Key
	var wants []wanted
	var records []recordKey
	for _, p := range units {
		for i := range p.unit.Writes {
			key := p.unit.Writes[i].Key
			if !b.known[key] {
				b.known[key] = true
				keys = append(keys, key)
			}
			if want := p.unless[i]; want.set {
				if _, asked := b.holders[want]; !asked {
					b.holders[want] = 0
					b.held[want.key] = nil
					wants = append(wants, want)
				}
			}
		}
		if _, have := b.records[chainHead]; !have && p.audits() {
			b.records[chainHead] = recordState{}
			records = append(records, chainHead)
		}
		for _, w := range p.unit.Records {
			key := recordKey{Collection: w.Collection, Key: w.Key}
			if _, have := b.records[key]; !have && (w.IfAbsent || w.IfValue != nil) {
				b.records[key] = recordState{}
				records = append(records, key)
			}
		}
	}
	if err := s.loadKeys(ctx, c, b, keys); err != nil {
		return err
	}
	if err := s.loadHolders(ctx, c, b, wants); err != nil {
		return err
	}
	return s.loadRecords(ctx, c, b, records)
}

func (s *Store) loadKeys(ctx context.Context, c *conn, b *batch, keys []fhir.Key) error {
	for chunk := range slices.Chunk(keys, maxChunk) {
		st := s.d.With("k", keyBatch(chunk))
		// The newest version of each key by one seek, whatever the planner thinks.
		st.SQL = `WITH ` + st.SQL + `, p AS (SELECT (SELECT x.pos FROM version x WHERE x.rtype = k.rtype AND x.id = k.id
			ORDER BY x.vid DESC LIMIT 1) AS pos FROM k)
			SELECT v.rtype, v.id, v.pos, v.vid, v.shard, v.deleted FROM p` + s.d.Seek("version", "v", "p.pos")
		err := c.each(ctx, st, func(rows *sql.Rows) error {
			var key fhir.Key
			var cur current
			err := rows.Scan(&key.Type, &key.ID, &cur.pos, &cur.vid, &cur.shard, &cur.deleted)
			b.keys[key] = cur
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxChunk bounds the rows of one lookup statement.
const maxChunk = 1024

func keyBatch(keys []fhir.Key) Batch {
	types, ids := make([]string, len(keys)), make([]string, len(keys))
	for i, key := range keys {
		types[i], ids[i] = key.Type, key.ID
	}
	return Batch{{Name: "rtype", Texts: types}, {Name: "id", Texts: ids}}
}

// live is the condition that the version at e.pos is the current one.
const live = `(SELECT 1 FROM item d WHERE d.pos = e.pos LIMIT 1) IS NOT NULL`

// holder is the position of the newest live version with the identifier of row k.
const holder = `(SELECT e.pos FROM ix e WHERE e.key = k.key AND (e.sub = k.sub OR k.whatever = 1) AND ` + live + `
			ORDER BY e.pos DESC LIMIT 1)`

// wantedBatch are identifiers, with their numbers.
func wantedBatch(list []wanted) Batch {
	n, keys, subs, anys := make([]int64, len(list)), make([]int64, len(list)), make([]int64, len(list)), make([]int64, len(list))
	for i, w := range list {
		n[i], keys[i], subs[i] = int64(i), w.key, w.sub
		if w.any {
			anys[i] = 1
		}
	}
	return Batch{{Name: "n", Ints: n}, {Name: "key", Ints: keys}, {Name: "sub", Ints: subs}, {Name: "whatever", Ints: anys}}
}

func (s *Store) loadHolders(ctx context.Context, c *conn, b *batch, wants []wanted) error {
	for chunk := range slices.Chunk(wants, maxChunk) {
		st := s.d.With("k", wantedBatch(chunk))
		st.SQL = `WITH ` + st.SQL + ` SELECT k.n, coalesce(` + holder + `, 0) FROM k`
		err := c.each(ctx, st, func(rows *sql.Rows) error {
			var i, pos int64
			err := rows.Scan(&i, &pos)
			b.holders[chunk[i]] = pos
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadRecords(ctx context.Context, c *conn, b *batch, keys []recordKey) error {
	return eachRecord(keys, s.d, func(st Statement, scan func(*sql.Rows) error) error { return c.each(ctx, st, scan) },
		func(key recordKey, value []byte) { b.records[key] = recordState{value} })
}

// eachRecord gives those records of some names that there are.
func eachRecord(keys []recordKey, d Dialect, each func(Statement, func(*sql.Rows) error) error, give func(recordKey, []byte)) error {
	for chunk := range slices.Chunk(keys, maxChunk) {
		st := d.With("k", recordBatch(chunk))
		st.SQL = `WITH ` + st.SQL + ` SELECT r.collection, r.key, r.value FROM k JOIN record r ON r.collection = k.collection AND r.key = k.key`
		err := each(st, func(rows *sql.Rows) error {
			var collection string
			var key, value []byte
			err := rows.Scan(&collection, &key, &value)
			if value == nil {
				value = []byte{}
			}
			give(recordKey{Collection: collection, Key: string(key)}, value)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stored is the finder over a transaction.
type stored struct {
	ctx context.Context
	s   *Store
	c   *conn
}

func (f stored) at(positions []int64) ([]store.Version, error) {
	var list []store.Version
	st := f.s.d.With("k", Batch{{Name: "pos", Ints: positions}})
	st.SQL = `WITH ` + st.SQL + ` SELECT ` + versionColumns + ` FROM (SELECT DISTINCT k.pos FROM k) k` + f.s.d.Seek("version", "v", "k.pos") + ` ORDER BY v.pos DESC`
	err := f.c.each(f.ctx, st, func(rows *sql.Rows) error {
		v, err := scanVersion(rows)
		list = append(list, v)
		return err
	})
	return list, err
}

func (f stored) holding(w wanted, limit int) ([]int64, error) {
	st := Statement{SQL: `SELECT DISTINCT e.pos FROM ix e WHERE e.key = $1 AND ` + live, Args: []any{w.key}}
	if !w.any {
		st.SQL += ` AND e.sub = $3`
	}
	st.SQL += ` ORDER BY e.pos DESC LIMIT $2 + 0`
	st.Args = append(st.Args, limit)
	if !w.any {
		st.Args = append(st.Args, w.sub)
	}
	var list []int64
	err := f.c.each(f.ctx, st, func(rows *sql.Rows) error {
		var pos int64
		err := rows.Scan(&pos)
		list = append(list, pos)
		return err
	})
	return list, err
}

// flush writes the rows of the batch and the head, and empties the batch of rows.
func (s *Store) flush(ctx context.Context, c *conn, b *batch) error {
	if len(b.versions) > 0 {
		if b.first.Position == 0 {
			b.first = b.versions[0].Version
		}
		if err := insert(ctx, s, c, "version", b.versions, versionBatch); err != nil {
			return err
		}
	}
	if err := s.flushIndex(ctx, c, b); err != nil {
		return err
	}
	if err := s.supersede(ctx, c, b.deadRows); err != nil {
		return err
	}
	if err := s.flushConsents(ctx, c, b); err != nil {
		return err
	}
	if err := s.flushTally(ctx, c, b); err != nil {
		return err
	}
	return s.flushRecords(ctx, c, b)
}

// supersede moves the rows of versions that are current no more from item to item_past.
func (s *Store) supersede(ctx context.Context, c *conn, rows []pastRow) error {
	for chunk := range slices.Chunk(rows, maxChunk) {
		st := s.d.With("k", pastBatch(chunk))
		if err := c.exec(ctx, `WITH `+st.SQL+` INSERT INTO item_past (`+itemColumns+`, until) SELECT `+itemColumnsOf("i")+`, k.until
			FROM (SELECT DISTINCT k.pos, k.until FROM k) k`+s.d.Seek("item", "i", "k.pos"), st.Args...); err != nil {
			return err
		}
		if err := c.exec(ctx, `WITH `+st.SQL+` DELETE FROM item WHERE pos IN (SELECT k.pos FROM k)`, st.Args...); err != nil {
			return err
		}
	}
	return nil
}

// flushIndex writes the index rows of the batch.
func (s *Store) flushIndex(ctx context.Context, c *conn, b *batch) error {
	if err := insert(ctx, s, c, "item", b.items, itemBatch); err != nil {
		return err
	}
	if err := insert(ctx, s, c, "item_code", b.codes, codeBatch); err != nil {
		return err
	}
	// In key order neighbours go to the same page.
	slices.SortFunc(b.entries, func(x, y placedEntry) int {
		return cmp.Or(cmp.Compare(x.key, y.key), cmp.Compare(x.pos, y.pos), cmp.Compare(x.sub, y.sub))
	})
	if err := insert(ctx, s, c, "ix", b.entries, entryBatch); err != nil {
		return err
	}
	if err := insert(ctx, s, c, "ix_range", b.spans, spanBatch); err != nil {
		return err
	}
	if err := insert(ctx, s, c, "ix_string", b.texts, textBatch); err != nil {
		return err
	}
	if err := insert(ctx, s, c, "ix_quantity", b.amounts, amountBatch); err != nil {
		return err
	}
	if err := insert(ctx, s, c, "ix_place", b.places, placeBatch); err != nil {
		return err
	}
	for part := range slices.Chunk(b.words, maxChunk) {
		if err := c.execAll(ctx, s.d.InsertWords(wordBatch(part))); err != nil {
			return err
		}
	}
	return nil
}

// insert writes rows a part at a time: the statements of all would take more memory
// than the rows.
func insert[R any](ctx context.Context, s *Store, c *conn, table string, list []R, columns func([]R) Batch) error {
	for part := range slices.Chunk(list, maxChunk) {
		if err := c.execAll(ctx, s.d.Insert(table, columns(part))); err != nil {
			return err
		}
	}
	return nil
}

// flushRecords writes the changed records in key order.
func (s *Store) flushRecords(ctx context.Context, c *conn, b *batch) error {
	var put, gone []recordKey
	for key := range b.changed {
		if b.records[key].value == nil {
			gone = append(gone, key)
		} else {
			put = append(put, key)
		}
	}
	for chunk := range slices.Chunk(sorted(put), maxChunk) {
		values := make([][]byte, len(chunk))
		for i, key := range chunk {
			values[i] = b.records[key].value
		}
		st := s.d.With("k", append(recordBatch(chunk), Column{Name: "value", Blobs: values}))
		st.SQL = `WITH ` + st.SQL + ` INSERT INTO record (collection, key, value) SELECT k.collection, k.key, k.value FROM k WHERE true
			ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value`
		if err := c.exec(ctx, st.SQL, st.Args...); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(sorted(gone), maxChunk) {
		st := s.d.With("k", recordBatch(chunk))
		st.SQL = `WITH ` + st.SQL + ` DELETE FROM record WHERE (collection, key) IN (SELECT k.collection, k.key FROM k)`
		if err := c.exec(ctx, st.SQL, st.Args...); err != nil {
			return err
		}
	}
	return nil
}

func sorted(keys []recordKey) []recordKey {
	slices.SortFunc(keys, func(x, y recordKey) int {
		return cmp.Or(cmp.Compare(x.Collection, y.Collection), cmp.Compare(x.Key, y.Key))
	})
	return keys
}

func recordBatch(keys []recordKey) Batch {
	names, raw := make([]string, len(keys)), make([][]byte, len(keys))
	for i, key := range keys {
		names[i], raw[i] = key.Collection, []byte(key.Key)
	}
	return Batch{{Name: "collection", Texts: names}, {Name: "key", Blobs: raw}}
}

func versionBatch(list []newVersion) Batch {
	n := len(list)
	pos, shard, vid := make([]int64, n), make([]int64, n), make([]int64, n)
	op, deleted, codec := make([]int64, n), make([]int64, n), make([]int64, n)
	typ, id, body := make([]string, n), make([]string, n), make([][]byte, n)
	for i, v := range list {
		pos[i], shard[i], vid[i], op[i] = v.Position, v.shard, v.VersionID, int64(v.Op)
		if v.Deleted {
			deleted[i] = 1
		}
		typ[i], id[i], codec[i], body[i] = v.Key.Type, v.Key.ID, int64(v.body.codec), v.body.bytes
	}
	return Batch{
		{Name: "pos", Ints: pos}, {Name: "shard", Ints: shard}, {Name: "rtype", Texts: typ}, {Name: "id", Texts: id},
		{Name: "vid", Ints: vid}, {Name: "op", Ints: op}, {Name: "deleted", Ints: deleted}, {Name: "codec", Ints: codec},
		{Name: "body", Blobs: body},
	}
}

func entryBatch(list []placedEntry) Batch {
	n := len(list)
	key, pos, sub, shard := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, e := range list {
		key[i], pos[i], sub[i], shard[i] = e.key, e.pos, e.sub, e.shard
	}
	return Batch{{Name: "key", Ints: key}, {Name: "pos", Ints: pos}, {Name: "sub", Ints: sub}, {Name: "shard", Ints: shard}}
}

func spanBatch(list []placedSpan) Batch {
	n := len(list)
	key, pos, low, high := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	ends, shard := make([]int64, n), make([]int64, n)
	for i, e := range list {
		key[i], pos[i], low[i], high[i], ends[i], shard[i] = e.key, e.pos, e.low, e.high, e.ends, e.shard
	}
	return Batch{{Name: "key", Ints: key}, {Name: "pos", Ints: pos}, {Name: "low", Ints: low}, {Name: "high", Ints: high},
		{Name: "ends", Ints: ends}, {Name: "shard", Ints: shard}}
}

func pastBatch(list []pastRow) Batch {
	n := len(list)
	pos, shard, until := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, p := range list {
		pos[i], shard[i], until[i] = p.pos, p.shard, p.until
	}
	return Batch{{Name: "pos", Ints: pos}, {Name: "shard", Ints: shard}, {Name: "until", Ints: until}}
}
