package relational

import (
	"database/sql"
	"slices"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Bounds of what one page includes: rounds of :iterate, and resources.
const (
	maxRounds   = 8
	maxIncluded = 5_000
)

// including gathers what is added to the matches of a page.
type including struct {
	r     *reader
	at    int64
	sight search.Sight // of what is included
	have  map[fhir.Key]bool
	list  []store.Version
}

// include gives what the matches refer to and what refers to them, as it was at a
// position (R4 search §3.1.1.5.11).
func (r *reader) include(q *search.Query, at int64, matches []store.Version) ([]store.Version, error) {
	if len(q.Include) == 0 || len(matches) == 0 {
		return nil, nil
	}
	in := &including{r: r, at: at, sight: q.Sight, have: map[fhir.Key]bool{}}
	if q.Brings != nil {
		in.sight = q.Brings
	}
	for _, m := range matches {
		in.have[m.Key] = true
	}
	// The first round goes on from the matches, the others from what :iterate found.
	directives, from := q.Include, matches
	for range maxRounds {
		before := len(in.list)
		if err := in.round(directives, from); err != nil {
			return nil, err
		}
		seen, err := only(in.sight, in.list[before:])
		if err != nil {
			return nil, err
		}
		in.list = append(in.list[:before], seen...)
		if len(in.list) > maxIncluded {
			return nil, fhir.TooCostly("a page includes more than %d resources; ask for fewer with _count, or include less", maxIncluded)
		}
		from = in.list[before:]
		directives = iterating(q.Include)
		if len(from) == 0 || len(directives) == 0 {
			break
		}
	}
	return in.list, nil
}

func iterating(all []search.Include) []search.Include {
	var list []search.Include
	for _, i := range all {
		if i.Iterate {
			list = append(list, i)
		}
	}
	return list
}

func (in *including) round(directives []search.Include, from []store.Version) error {
	var forward []search.Include
	for _, d := range directives {
		if !d.Reverse {
			forward = append(forward, d)
		}
	}
	if err := in.forward(forward, from); err != nil {
		return err
	}
	for _, d := range directives {
		if d.Reverse {
			if err := in.reverse(d, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// forward adds the targets of references. The references are read from the
// bodies by the indexer: a page has few, and an index of them would cost every write.
func (in *including) forward(directives []search.Include, from []store.Version) error {
	if len(directives) == 0 {
		return nil
	}
	var wanted []fhir.Key
	for _, m := range from {
		resource, err := fhir.ParseResource(m.Body)
		if err != nil {
			return err
		}
		for _, v := range in.r.s.cfg.Search.Extract(resource) {
			key, ok := v.Target.Key()
			if ok && v.Param.Type == search.ReferenceType && !v.Param.Internal() && !in.have[key] && wants(directives, m.Key.Type, v.Param, key.Type) {
				in.have[key] = true
				wanted = append(wanted, key)
			}
		}
	}
	found, err := in.targets(wanted)
	for _, key := range wanted {
		if v, ok := found[key]; ok {
			in.list = append(in.list, v)
		}
	}
	return err
}

// targets finds the versions of keys at the position, as far as they may be seen.
func (in *including) targets(wanted []fhir.Key) (map[fhir.Key]store.Version, error) {
	found := map[fhir.Key]store.Version{}
	var whole []fhir.Key
	some := map[string][]string{}
	for _, key := range wanted {
		if in.sight(key.Type).Whole {
			whole = append(whole, key)
		} else {
			some[key.Type] = append(some[key.Type], key.ID)
		}
	}
	for chunk := range slices.Chunk(whole, maxChunk) {
		if err := in.current(chunk, found); err != nil {
			return nil, err
		}
	}
	for typ, ids := range some {
		for chunk := range slices.Chunk(ids, maxChunk) {
			if err := in.seen(typ, chunk, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// seen finds those versions of a type, of which not all may be seen.
func (in *including) seen(typ string, ids []string, found map[fhir.Key]store.Version) error {
	clause := search.Clause{Param: in.r.s.cfg.Search.Lookup(typ, "_id")}
	if clause.Param == nil {
		return nil // no type of R4
	}
	for i := range ids {
		clause.Operands = append(clause.Operands, search.Operand{Code: &ids[i]})
	}
	p, err := in.r.newPlan(&search.Query{Type: typ, Filter: []search.Clause{clause}, Sight: in.sight}, in.at)
	if err != nil || p.empty() {
		return err
	}
	list, err := p.read(in.r, p.gathered(driver{ids: p.ids}, len(ids)))
	for _, m := range list {
		found[m.version.Key] = m.version
	}
	return err
}

func wants(directives []search.Include, source string, p *search.Param, target string) bool {
	for _, d := range directives {
		if d.Source == source && (d.Param == nil || d.Param == p) && (d.Type == "" || d.Type == target) {
			return true
		}
	}
	return false
}

// current finds the versions of keys at the position.
func (in *including) current(keys []fhir.Key, found map[fhir.Key]store.Version) error {
	st := in.r.s.d.With("k", keyBatch(keys))
	var b sqlText
	b.args = st.Args
	b.WriteString("WITH " + st.SQL + `, p AS (SELECT (SELECT x.pos FROM version x WHERE x.rtype = k.rtype AND x.id = k.id AND x.pos <= ` + b.arg(in.at) + `
		ORDER BY x.vid DESC LIMIT 1) AS pos FROM k)
		SELECT ` + versionColumns + ` FROM p` + in.r.s.d.Seek("version", "v", "p.pos") + ` WHERE v.deleted = 0`)
	return in.r.each(b.statement(), func(rows *sql.Rows) error {
		v, err := scanVersion(rows)
		found[v.Key] = v
		return err
	})
}

// reverse adds the resources whose reference names one of those given.
func (in *including) reverse(d search.Include, from []store.Version) error {
	clause := search.Clause{Param: d.Param}
	for _, v := range from {
		if d.Type == "" || d.Type == v.Key.Type {
			clause.Operands = append(clause.Operands, search.Operand{Target: search.Target{Type: v.Key.Type, ID: v.Key.ID}})
		}
	}
	if len(clause.Operands) == 0 {
		return nil
	}
	// Newest first, so that the order does not depend on the plan.
	p, err := in.r.newPlan(&search.Query{Type: d.Source, Filter: []search.Clause{clause}, Count: maxIncluded, Sight: in.sight}, in.at)
	if err != nil || p.empty() {
		return err
	}
	_, drive, err := p.choose(in.r)
	if err != nil {
		return err
	}
	list, err := p.read(in.r, p.gathered(drive, maxIncluded+1))
	for _, m := range list {
		if !in.have[m.version.Key] {
			in.have[m.version.Key] = true
			in.list = append(in.list, m.version)
		}
	}
	if len(list) > maxIncluded {
		return fhir.TooCostly("_revinclude of %s:%s finds more than %d resources; ask for fewer with _count", d.Source, d.Param.Code, maxIncluded)
	}
	return err
}
