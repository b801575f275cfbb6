package relational

import (
	"fmt"

	"vitalwire/fhir/search"
)

// placeRow is a row of table ix_place.
type placeRow struct {
	key, n int64
	search.Place
}

type placedPlace struct {
	placeRow
	pos, shard int64
}

func placeBatch(list []placedPlace) Batch {
	c := newColumns(len(list), "key", "pos", "n", "x", "y", "z", "shard")
	for i, p := range list {
		c.set(i, p.key, p.pos, p.n, p.X, p.Y, p.Z, p.shard)
	}
	return Batch(c)
}

// placeClause is a clause on places: in any of the circles.
type placeClause struct {
	key     int64
	circles []*search.Circle
}

func newPlaceClause(c search.Clause, p *search.Param) (source, error) {
	s := placeClause{key: paramKey(factPlace, p, "")}
	for _, o := range c.Operands {
		if o.Circle == nil {
			return nil, fmt.Errorf("store: an operand of %s without a circle", p.Code)
		}
		s.circles = append(s.circles, o.Circle)
	}
	return s, nil
}

// within is the condition that the row named c is in a circle: first a box, which
// the tree can tell, then the distance, in whole numbers below 2^63.
func within(b *sqlText, circle *search.Circle) string {
	x, y, z, chord := circle.X, circle.Y, circle.Z, circle.Chord
	return fmt.Sprintf("(c.x >= %s AND c.x <= %s AND c.y >= %s AND c.y <= %s AND c.z >= %s AND c.z <= %s AND "+
		"(c.x - %[7]s) * (c.x - %[7]s) + (c.y - %[8]s) * (c.y - %[8]s) + (c.z - %[9]s) * (c.z - %[9]s) <= %[10]s)",
		b.arg(x-chord), b.arg(x+chord), b.arg(y-chord), b.arg(y+chord), b.arg(z-chord), b.arg(z+chord),
		number(b, x), number(b, y), number(b, z), number(b, chord*chord))
}

// number is a parameter whose type PostgreSQL need not guess.
func number(b *sqlText, n int64) string { return "CAST(" + b.arg(n) + " AS bigint)" }

func (s placeClause) probe(b *sqlText) string {
	either := make([]string, len(s.circles))
	for i, c := range s.circles {
		either[i] = within(b, c)
	}
	return "(SELECT 1 FROM ix_place c WHERE c.pos = d.pos AND c.key = " + b.arg(s.key) + " AND " + anyOf(either) + " LIMIT 1) IS NOT NULL"
}

func (s placeClause) arms(b *sqlText, _ bool) []arm {
	list := make([]arm, len(s.circles))
	for i, c := range s.circles {
		list[i] = arm{table: "ix_place", where: "c.key = " + b.arg(s.key) + " AND " + within(b, c)}
	}
	return list
}

func (s placeClause) drives() bool { return len(s.circles) <= maxDriving }

func (placeClause) once() bool { return false }

func (placeClause) only() bool { return true }
