package relational

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// sqlText gathers SQL and its parameters.
type sqlText struct {
	strings.Builder
	args []any
	// literal has numbers in the text itself: what is the same in all searches need not be
	// given with each.
	literal bool
	long    []*longText // what is held
}

// arg adds a parameter and gives its placeholder.
func (b *sqlText) arg(v any) string {
	// PostgreSQL takes the least number there is for one too small.
	if n, number := v.(int64); number && b.literal && n > math.MinInt64 {
		return strconv.FormatInt(n, 10)
	}
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// limit is a parameter behind LIMIT, in a sum: SQLite looks at a mere parameter
// there when it plans, and plans again for each value.
func (b *sqlText) limit(n any) string { return b.arg(n) + " + 0" }

func (b *sqlText) list(values []any) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = b.arg(v)
	}
	return strings.Join(marks, ", ")
}

func (b *sqlText) statement() Statement { return Statement{SQL: b.String(), Args: b.args} }

// plan is a query understood: its clauses by how they are answered.
type plan struct {
	store *Store
	query *search.Query
	at    int64 // the position searched at
	// pinned tells that at is not the newest position: what was superseded since counts.
	pinned bool
	upper  int64           // no match has a later position
	all    []source        // what must hold of each match, besides the next three
	names  []string        // of the clauses in all, for people
	times  []search.Clause // _lastUpdated: conditions on the position itself
	never  bool            // nothing of the type may be seen
	ids    []string        // _id: what is left of all of them
	byID   bool
	sort   []search.Sort
	track  *trackClause // of two of all, perhaps
	// near limits a walk to so many first rows of its index, unless it is 0; peeked is
	// the page found there.
	near   int64
	peeked []match
	// gather bounds what is gathered and sorted (Config.Gather).
	gather int64
}

// newPlan sorts a query's clauses. What it does not know is an error, never ignored.
func (r *reader) newPlan(q *search.Query, at int64) (*plan, error) {
	position, err := r.Position()
	if err != nil {
		return nil, err
	}
	p := &plan{store: r.s, query: q, at: at, pinned: at < position, gather: r.s.cfg.Gather}
	if p.pinned {
		if err := r.alive(at); err != nil {
			return nil, err
		}
	}
	p.upper = p.at
	for _, clause := range q.Filter {
		if err := p.clause(clause); err != nil {
			return nil, err
		}
	}
	if err := p.seen(r); err != nil {
		return nil, err
	}
	if q.Contained != search.NotContained {
		return nil, errors.New("store: contained resources are not searched here")
	}
	for _, key := range q.Sort {
		if !key.Native() {
			return nil, fmt.Errorf("store: cannot sort by %s", key.Param.Code)
		}
		p.sort = append(p.sort, key)
		if key.Param.Type == search.LastUpdated {
			break // no two have the same
		}
	}
	p.track = newTrack(p.all)
	return p, nil
}

// empty reports whether nothing can match.
func (p *plan) empty() bool { return p.never || p.byID && len(p.ids) == 0 }

func (p *plan) clause(c search.Clause) error {
	if g := c.Group; g != nil {
		if g.Op != search.All {
			from, err := p.store.group(g)
			p.all, p.names = append(p.all, from), append(p.names, "_filter")
			return err
		}
		for _, inner := range g.Clauses {
			if err := p.clause(inner); err != nil {
				return err
			}
		}
		return nil
	}
	if c.Owned != nil {
		from, err := p.store.newOwned(c.Owned)
		p.all, p.names = append(p.all, from), append(p.names, "what its patients agree to")
		return err
	}
	if err := askable(c); err != nil {
		return err
	}
	if c.Missing != nil {
		p.all, p.names = append(p.all, newMissing(c)), append(p.names, c.Param.Code)
		return nil
	}
	switch c.Param.Type {
	case search.LastUpdated:
		p.times = append(p.times, c)
		p.bound(c.Operands)
		return knownPrefixes(c.Operands)
	case search.ID:
		return p.addIDs(c)
	}
	from, err := p.store.newSource(c)
	p.all, p.names = append(p.all, from), append(p.names, c.Param.Code)
	return err
}

// askable refuses a clause that no index answers, or that asks for nothing.
func askable(c search.Clause) error {
	switch {
	case c.Param == nil || c.Has != nil || len(c.Chain) > 0:
		return errors.New("store: a clause that is none of a parameter")
	case c.Tree != search.NoTree:
		return fmt.Errorf("store: the hierarchy of %s is not resolved", c.Param.Code)
	case len(c.Operands) == 0 && c.Missing == nil:
		return fmt.Errorf("store: a clause of %s without operands", c.Param.Code)
	case (c.Not || c.Missing != nil) && (c.Param.Type == search.ID || c.Param.Type == search.LastUpdated):
		return fmt.Errorf("store: %s is never missing, and turned round by a group", c.Param.Code)
	}
	return nil
}

// bound lowers upper by what a clause of one operand says: of two upper bounds
// SQLite seeks by the first and not by the lower.
func (p *plan) bound(operands []search.Operand) {
	if len(operands) > 1 {
		return
	}
	switch o := operands[0]; o.Prefix {
	case "", search.Eq, search.Ap, search.Le:
		p.upper = min(p.upper, o.High)
	case search.Lt, search.Eb:
		p.upper = min(p.upper, o.Low)
	}
}

func knownPrefixes(operands []search.Operand) error {
	for _, o := range operands {
		switch o.Prefix {
		case "", search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap:
		default:
			return fmt.Errorf("store: unknown prefix %q", o.Prefix)
		}
	}
	return nil
}

func (p *plan) addIDs(c search.Clause) error {
	var ids []string
	for _, o := range c.Operands {
		if o.Code == nil {
			return fmt.Errorf("store: _id without a value")
		}
		if fhir.ValidID(*o.Code) && !slices.Contains(ids, *o.Code) { // nothing else is an id
			ids = append(ids, *o.Code)
		}
	}
	if p.byID {
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(p.ids, id) })
	}
	p.byID, p.ids = true, ids
	return nil
}
