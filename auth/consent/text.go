package consent

import (
	"fmt"
	"slices"
	"strings"
)

// Text is the same for formulas that are built the same, and differs for all others.
func (f Formula) Text() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f Formula) write(b *strings.Builder) {
	fmt.Fprintf(b, "(%d", f.op)
	if c := f.about; c != nil {
		fmt.Fprintf(b, " %v %q %q %q %q", c.Permits, c.Labels, c.Classes, c.Codes, c.Data)
		if p := c.Period; p != nil {
			fmt.Fprintf(b, " %d %d", p.From.UnixMicro(), p.To.UnixMicro())
		}
	}
	for _, inner := range f.of {
		inner.write(b)
	}
	b.WriteString(")")
}

// Refers reports whether a Formula depends on what some resource refers to, which
// may change without a Consent.
func (f Formula) Refers() bool {
	if c := f.about; c != nil && slices.ContainsFunc(c.Data, func(d Datum) bool { return d.Meaning == "related" }) {
		return true
	}
	return slices.ContainsFunc(f.of, Formula.Refers)
}

// Key is the same for requesters to whom every Consent says the same at one time.
func (r Requester) Key() string {
	return fmt.Sprintf("%v %v %q %q %q %q %q", r.Self, r.Treating, r.Actors, r.Identifiers, r.Roles, r.Purposes, r.Actions)
}
