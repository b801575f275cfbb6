package relational

import (
	"cmp"
	"database/sql"
	"math"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Versions gives the versions that a selection names.
func (r *reader) Versions(of store.Selection, limit int) ([]store.Version, error) {
	if of.ID != "" && !validText(of.ID) {
		return nil, nil
	}
	var list []store.Version
	for _, part := range parts(of) {
		var b sqlText
		with := r.selection(&b, part)
		// The versions of one resource lie together in the order of vid, which is that
		// of pos.
		order := "v.pos"
		if of.ID != "" {
			order = "v.vid"
		}
		if !of.Oldest {
			order += " DESC"
		}
		text := with + "SELECT " + versionColumns + " FROM version v WHERE " + b.String() + " ORDER BY " + order + " LIMIT " + b.limit(max(limit, 0))
		found, err := r.versions(Statement{SQL: text, Args: b.args})
		if err != nil {
			return nil, err
		}
		list = merged(list, found, of.Oldest, limit)
	}
	return list, nil
}

// CountVersions counts them, up to a bound. (PostgreSQL takes a sum with 0 for an integer of
// 32 bits, and bounds are larger.)
func (r *reader) CountVersions(of store.Selection, atMost int64) (int64, error) {
	if of.ID != "" && !validText(of.ID) {
		return 0, nil
	}
	var total int64
	for _, part := range parts(of) {
		var b sqlText
		with := r.selection(&b, part)
		text := with + "SELECT count(*) FROM (SELECT v.pos FROM version v WHERE " + b.String() + " LIMIT CAST(" + b.arg(atMost+1) + " AS BIGINT) + 0) c"
		var n int64
		if _, err := r.c.one(r.ctx, Statement{SQL: text, Args: b.args}, &n); err != nil {
			return 0, r.check(err)
		}
		if total += n; total > atMost {
			return -1, nil
		}
	}
	return total, nil
}

// parts are selections whose lists of versions are short enough for a statement.
func parts(of store.Selection) []store.Selection {
	if of.Only == nil {
		return []store.Selection{of}
	}
	seen := map[store.Named]bool{}
	all := map[fhir.Key]bool{}
	for _, n := range of.Only {
		if n.VersionID == 0 {
			all[n.Key] = true
		}
	}
	var only []store.Named
	for _, n := range of.Only {
		if seen[n] || n.VersionID != 0 && all[n.Key] || !validText(n.Key.ID) {
			continue
		}
		seen[n] = true
		only = append(only, n)
	}
	var list []store.Selection
	for len(only) > 0 {
		part := of
		part.Only, only = only[:min(len(only), maxChunk)], only[min(len(only), maxChunk):]
		list = append(list, part)
	}
	return list
}

// merged is the first of two lists in order.
func merged(a, b []store.Version, oldest bool, limit int) []store.Version {
	if a == nil {
		return b
	}
	var list []store.Version
	for len(list) < limit && len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && (a[0].Position < b[0].Position) == oldest {
			list, a = append(list, a[0]), a[1:]
		} else {
			list, b = append(list, b[0]), b[1:]
		}
	}
	return list
}

// selection writes the conditions on version v; what it gives goes before SELECT.
func (r *reader) selection(b *sqlText, of store.Selection) (with string) {
	if of.Only != nil {
		only := r.s.d.With("o", namedBatch(of.Only))
		b.args = only.Args
		with = "WITH " + only.SQL + " "
		b.WriteString("v.pos IN (SELECT n.pos FROM o JOIN version n ON n.rtype = o.rtype AND n.id = o.id WHERE o.vid IN (0, n.vid)) AND ")
	}
	b.WriteString("v.pos > " + b.arg(of.Above))
	// One upper bound: of two SQLite seeks by the first and not by the lower.
	if upper := min(cmp.Or(of.Below, math.MaxInt64)-1, cmp.Or(of.AsOf, math.MaxInt64)); of.Below != 0 || of.AsOf != 0 {
		b.WriteString(" AND v.pos <= " + b.arg(upper))
	}
	switch {
	case of.ID != "":
		b.WriteString(" AND v.rtype = " + b.arg(of.Type) + " AND v.id = " + b.arg(of.ID))
	case of.Type != "":
		b.WriteString(" AND v.rtype || '' = " + b.arg(of.Type)) // the expression of index version_type
	}
	if of.Except != "" {
		b.WriteString(" AND v.rtype <> " + b.arg(of.Except))
	}
	if of.During != nil {
		b.WriteString(" AND v.pos < " + b.arg(of.During.To))
		// What came after it, as far as the selection sees, came after the period's begin.
		until := of.During.From
		if of.AsOf != 0 {
			until = min(until, of.AsOf)
		}
		b.WriteString(" AND NOT EXISTS (SELECT 1 FROM version n WHERE n.rtype = v.rtype AND n.id = v.id AND n.vid = v.vid + 1 AND n.pos <= " + b.arg(until) + ")")
	}
	return with
}

func namedBatch(list []store.Named) Batch {
	types, ids, versions := make([]string, len(list)), make([]string, len(list)), make([]int64, len(list))
	for i, n := range list {
		types[i], ids[i], versions[i] = n.Key.Type, n.Key.ID, n.VersionID
	}
	return Batch{{Name: "rtype", Texts: types}, {Name: "id", Texts: ids}, {Name: "vid", Ints: versions}}
}

// Current gives the current versions of many keys.
func (r *reader) Current(keys []fhir.Key) (map[fhir.Key]store.Version, error) {
	found := make(map[fhir.Key]store.Version, len(keys))
	var valid []fhir.Key
	for _, key := range keys {
		if validText(key.ID) && fhir.ValidType(key.Type) {
			valid = append(valid, key)
		}
	}
	for len(valid) > 0 {
		chunk := valid[:min(len(valid), maxChunk)]
		valid = valid[len(chunk):]
		k := r.s.d.With("k", keyBatch(chunk))
		st := Statement{Args: k.Args, SQL: "WITH " + k.SQL + `, p AS (SELECT (SELECT x.pos FROM version x WHERE x.rtype = k.rtype AND x.id = k.id
			ORDER BY x.vid DESC LIMIT 1) AS pos FROM k) SELECT ` + versionColumns + ` FROM p` + r.s.d.Seek("version", "v", "p.pos")}
		err := r.each(st, func(rows *sql.Rows) error {
			v, err := scanVersion(rows)
			found[v.Key] = v
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
