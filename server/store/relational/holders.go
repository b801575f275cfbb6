package relational

import (
	"database/sql"
	"slices"

	"vitalwire/server/store"
)

// Holders gives the resources of a type with an identifier.
func (r *reader) Holders(typ string, id store.Identifier) ([]store.Version, error) {
	w := wantedOf(typ, &id)
	st := Statement{
		SQL:  `SELECT ` + versionColumns + ` FROM ix e` + r.s.d.Seek("version", "v", "e.pos") + ` WHERE e.key = $1 AND ` + live,
		Args: []any{w.key, maxMatches},
	}
	if !w.any {
		st.SQL += ` AND e.sub = $3`
		st.Args = append(st.Args, w.sub)
	}
	st.SQL += ` ORDER BY e.pos DESC LIMIT $2 + 0`
	list, err := r.versions(st)
	// One resource may have the value in several systems.
	return slices.CompactFunc(list, func(a, b store.Version) bool { return a.Position == b.Position }), err
}

// Newest gives the newest resource of a type with each of many identifiers.
func (r *reader) Newest(typ string, ids []store.Identifier) ([]store.Version, error) {
	newest := make([]store.Version, len(ids))
	wants := make([]wanted, len(ids))
	for i := range ids {
		wants[i] = wantedOf(typ, &ids[i])
	}
	for from := 0; from < len(wants); from += maxChunk {
		st := r.s.d.With("k", wantedBatch(wants[from:min(len(wants), from+maxChunk)]))
		st.SQL = `WITH ` + st.SQL + `, p AS (SELECT k.n, ` + holder + ` AS pos FROM k) SELECT ` + versionColumns + `, p.n FROM p` + r.s.d.Seek("version", "v", "p.pos")
		err := r.each(st, func(rows *sql.Rows) error {
			var n int
			v, err := scanVersion(rows, &n)
			if err == nil {
				newest[from+n] = v
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return newest, nil
}
