package consent

// Formula is a condition on a resource, built so that constants are gone: only a
// whole Formula is ever always or never.
type Formula struct {
	op    op
	of    []Formula
	about *Constraint
}

type op uint8

const (
	nothing op = iota // the zero Formula holds for nothing
	always
	every
	either
	none
	holds
)

// Always and Never report that a resource does not matter.
func (f Formula) Always() bool { return f.op == always }

// Never reports that nothing meets the Formula.
func (f Formula) Never() bool { return f.op == nothing }

func constant(b bool) Formula {
	if b {
		return Formula{op: always}
	}
	return Formula{}
}

func and(list ...Formula) Formula { return join(every, always, nothing, list) }

func or(list ...Formula) Formula { return join(either, nothing, always, list) }

// join drops what is neutral, and ends at what decides.
func join(by, neutral, decides op, list []Formula) Formula {
	var of []Formula
	for _, f := range list {
		switch f.op {
		case neutral:
		case decides:
			return f
		case by:
			of = append(of, f.of...)
		default:
			of = append(of, f)
		}
	}
	switch len(of) {
	case 0:
		return Formula{op: neutral}
	case 1:
		return of[0]
	}
	return Formula{op: by, of: of}
}

func not(f Formula) Formula {
	switch f.op {
	case always, nothing:
		return constant(f.op == nothing)
	case none:
		return f.of[0]
	}
	return Formula{op: none, of: []Formula{f}}
}

// Constraint is what a provision says of a resource. Members that are nil say
// nothing; all others must hold.
type Constraint struct {
	// Permits tells how doubt is settled: against a permit, for a deny.
	Permits bool
	Labels  []Coding
	Classes []Coding
	Codes   []Coding
	Period  *Period
	Data    []Datum
}

func (c *Constraint) empty() bool {
	return c.Labels == nil && c.Classes == nil && c.Codes == nil && c.Period == nil && c.Data == nil
}

// met is the Formula of a constraint.
func met(c Constraint) Formula {
	if c.empty() {
		return constant(true)
	}
	return Formula{op: holds, about: &c}
}
