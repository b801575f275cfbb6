package relational

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"vitalwire/fhir"
	"vitalwire/server/store"
	"vitalwire/server/store/body"
)

// reader reads within one open transaction. It lives as long as the closure it
// is given to, whose context it keeps because the contract's reads have none.
type reader struct {
	ctx context.Context
	s   *Store
	c   *conn
	// position is the newest one the transaction sees, and marks are what goes with
	// it; known tells whether they were read yet.
	position int64
	marks    store.Marks
	known    bool
	// trace notes what a search does; nil outside one.
	trace *trace
	// failed is the first database error: after it the transaction is worth nothing.
	failed error
}

// check keeps a database error and gives what the caller sees.
func (r *reader) check(err error) error {
	if err == nil {
		return nil
	}
	if r.failed == nil {
		r.failed = err
	}
	return r.s.fault(r.ctx, err)
}

func (r *reader) each(st Statement, scan func(*sql.Rows) error) error {
	return r.check(r.c.each(r.ctx, st, scan))
}

// Position is the newest feed position the snapshot sees.
func (r *reader) Position() (int64, error) {
	if r.known {
		return r.position, nil
	}
	_, err := r.c.one(r.ctx, Statement{SQL: "SELECT " + headColumns + " FROM head h"}, r.head()...)
	r.known = err == nil
	if err == nil {
		err = r.current()
	}
	return r.position, r.check(err)
}

// headColumns are those of the one row of head, and where they are read to.
const headColumns = `h.position, h.epoch, h.terms, h.consents`

func (r *reader) head() []any {
	return []any{&r.position, &r.marks.Epoch, &r.marks.Terms, &r.marks.Consents}
}

const versionColumns = `v.pos, v.rtype, v.id, v.vid, v.op, v.deleted, v.codec, v.body`

// scanVersion reads versionColumns, and then what else the query gives.
func scanVersion(rows *sql.Rows, more ...any) (store.Version, error) {
	var v store.Version
	var codec int
	into := append([]any{&v.Position, &v.Key.Type, &v.Key.ID, &v.VersionID, &v.Op, &v.Deleted, &codec, &v.Body}, more...)
	if err := rows.Scan(into...); err != nil {
		return v, err
	}
	plain, err := body.Unpack(codec, v.Body)
	if err != nil {
		return v, fmt.Errorf("store: version %d of %s: %w", v.VersionID, v.Key, err)
	}
	v.Body = plain
	return v, nil
}

func (r *reader) versions(st Statement, more ...any) ([]store.Version, error) {
	var list []store.Version
	err := r.each(st, func(rows *sql.Rows) error {
		v, err := scanVersion(rows, more...)
		list = append(list, v)
		return err
	})
	return list, err
}

// Read gives the current version. Where Marks are asked for (a server with Consents does
// after each read) they come with it, and the read is still one statement.
func (r *reader) Read(key fhir.Key) (store.Version, error) {
	columns, from, head := versionColumns, "version v", []any(nil)
	if !r.known && r.s.marked.Load() {
		columns += ", " + headColumns
		from += " CROSS JOIN head h"
		head = r.head()
	}
	v, err := r.single(fhir.NotFound(key), Statement{SQL: "SELECT " + columns + " FROM " + from +
		" WHERE v.rtype = $1 AND v.id = $2 ORDER BY v.vid DESC LIMIT 1", Args: []any{key.Type, key.ID}}, head...)
	if err == nil && head != nil {
		r.known = true
		err = r.check(r.current())
	}
	return v, err
}

// ReadVersion gives one version.
func (r *reader) ReadVersion(key fhir.Key, versionID int64) (store.Version, error) {
	return r.single(fhir.NoVersion(key, strconv.FormatInt(versionID, 10)), Statement{SQL: `SELECT ` + versionColumns + ` FROM version v
		WHERE v.rtype = $1 AND v.id = $2 AND v.vid = $3`, Args: []any{key.Type, key.ID, versionID}})
}

func (r *reader) single(none error, st Statement, more ...any) (store.Version, error) {
	if !validText(st.Args[1].(string)) {
		return store.Version{}, none
	}
	list, err := r.versions(st, more...)
	if err == nil && len(list) == 0 {
		return store.Version{}, none
	}
	if err != nil {
		return store.Version{}, err
	}
	return list[0], nil
}

// Changes gives versions after a position in feed order.
func (r *reader) Changes(after int64, limit int) ([]store.Version, error) {
	return r.versions(Statement{SQL: `SELECT ` + versionColumns + ` FROM version v
		WHERE v.pos > $1 ORDER BY v.pos LIMIT $2 + 0`, Args: []any{after, max(limit, 0)}})
}

// Record gives a record's value.
func (r *reader) Record(collection, key string) (value []byte, ok bool, err error) {
	ok, err = r.c.one(r.ctx, Statement{SQL: `SELECT value FROM record WHERE collection = $1 AND key = $2`,
		Args: []any{collection, []byte(key)}}, &value)
	if ok && value == nil {
		value = []byte{}
	}
	return value, ok, r.check(err)
}

// RecordsOf gives the values of many records.
func (r *reader) RecordsOf(names []store.RecordName) (map[store.RecordName][]byte, error) {
	found := make(map[store.RecordName][]byte, len(names))
	err := eachRecord(names, r.s.d, r.each, func(name store.RecordName, value []byte) { found[name] = value })
	return found, err
}

// Records gives records by prefix in byte order of their keys.
func (r *reader) Records(collection, prefix, after string, limit int) ([]store.Record, error) {
	// The prefix itself is a key it begins with; nothing smaller is.
	from, strict := prefix, `>=`
	if after >= prefix {
		from, strict = after, `>`
	}
	st := Statement{SQL: `SELECT key, value FROM record WHERE collection = $1 AND key ` + strict + ` $2`,
		Args: []any{collection, []byte(from)}}
	if end := prefixEnd(prefix); end != nil {
		st.SQL += ` AND key < $4`
		st.Args = append(st.Args, max(limit, 0), end)
	} else {
		st.Args = append(st.Args, max(limit, 0))
	}
	st.SQL += ` ORDER BY key LIMIT $3 + 0`
	return r.records(st)
}

// LastRecord gives the record with the greatest key of the prefix up to atMost.
func (r *reader) LastRecord(collection, prefix, atMost string) (store.Record, bool, error) {
	st := Statement{SQL: `SELECT key, value FROM record WHERE collection = $1 AND key >= $2 AND key <= $3`,
		Args: []any{collection, []byte(prefix), []byte(atMost)}}
	if end := prefixEnd(prefix); end != nil {
		st.SQL += ` AND key < $4`
		st.Args = append(st.Args, end)
	}
	st.SQL += ` ORDER BY key DESC LIMIT 1`
	list, err := r.records(st)
	if err != nil || len(list) == 0 {
		return store.Record{}, false, err
	}
	return list[0], true, nil
}

func (r *reader) records(st Statement) ([]store.Record, error) {
	var list []store.Record
	err := r.each(st, func(rows *sql.Rows) error {
		var key, value []byte
		err := rows.Scan(&key, &value)
		if value == nil {
			value = []byte{}
		}
		list = append(list, store.Record{Key: string(key), Value: value})
		return err
	})
	return list, err
}

// prefixEnd is the smallest string after all that begin with prefix; nil when
// there is none.
func prefixEnd(prefix string) []byte {
	end := bytes.Clone([]byte(prefix))
	for len(end) > 0 {
		last := len(end) - 1
		if end[last] < 0xff {
			end[last]++
			return end
		}
		end = end[:last]
	}
	return nil
}

// validText reports whether an id can be in the store at all: PostgreSQL takes
// no text with a zero byte or broken UTF-8, and no R4 id has either.
func validText(id string) bool { return fhir.ValidID(id) }
