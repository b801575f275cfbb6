package relational

import (
	"database/sql"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// include gives the targets of the matches' references as they were at a
// position. The references are read from the matches' own bodies by the indexer:
// a page has few, and an index of them would cost every write.
func (r *reader) include(q *search.Query, at int64, matches []store.Version) ([]store.Version, error) {
	if len(q.Include) == 0 || len(matches) == 0 {
		return nil, nil
	}
	have := map[fhir.Key]bool{}
	for _, m := range matches {
		have[m.Key] = true
	}
	var wanted []fhir.Key
	for _, m := range matches {
		resource, err := fhir.ParseResource(m.Body)
		if err != nil {
			return nil, err
		}
		for _, v := range search.Extract(resource) {
			key, ok := v.Target.Key()
			if ok && !have[key] && slices.ContainsFunc(q.Include, func(i search.Include) bool {
				return i.Param == v.Param && (i.Type == "" || i.Type == key.Type)
			}) {
				have[key] = true
				wanted = append(wanted, key)
			}
		}
	}
	found := map[fhir.Key]store.Version{}
	for chunk := range slices.Chunk(wanted, maxChunk) {
		st := r.s.d.With("k", keyBatch(chunk))
		var b sqlText
		b.args = st.Args
		b.WriteString("WITH " + st.SQL + `, p AS (SELECT (SELECT x.pos FROM version x WHERE x.rtype = k.rtype AND x.id = k.id AND x.pos <= ` + b.arg(at) + `
			ORDER BY x.vid DESC LIMIT 1) AS pos FROM k)
			SELECT ` + versionColumns + ` FROM p JOIN version v ON v.pos = p.pos WHERE v.deleted = 0`)
		if err := r.each(b.statement(), func(rows *sql.Rows) error {
			v, err := scanVersion(rows)
			found[v.Key] = v
			return err
		}); err != nil {
			return nil, err
		}
	}
	var list []store.Version
	for _, key := range wanted {
		if v, ok := found[key]; ok {
			list = append(list, v)
		}
	}
	return list, nil
}
