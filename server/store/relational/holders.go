package relational

import (
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
	st.SQL += ` ORDER BY e.pos DESC LIMIT $2`
	list, err := r.versions(st)
	// One resource may have the value in several systems.
	return slices.CompactFunc(list, func(a, b store.Version) bool { return a.Position == b.Position }), err
}
