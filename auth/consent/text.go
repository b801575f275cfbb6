package consent

import (
	"fmt"
	"slices"
	"strconv"
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
	b := make([]byte, 0, 256) // it is asked for with each request
	b = strconv.AppendBool(b, r.Self)
	b = strconv.AppendBool(b, r.Treating)
	list := func(n int, at func(int) (string, string)) {
		b = strconv.AppendInt(append(b, ' '), int64(n), 10)
		for i := range n {
			one, two := at(i)
			b = strconv.AppendQuote(strconv.AppendQuote(b, one), two)
		}
	}
	list(len(r.Actors), func(i int) (string, string) { return r.Actors[i].Type, r.Actors[i].ID })
	list(len(r.Identifiers), func(i int) (string, string) { return r.Identifiers[i].System, r.Identifiers[i].Value })
	list(len(r.Roles), func(i int) (string, string) { return r.Roles[i].System, r.Roles[i].Code })
	list(len(r.Purposes), func(i int) (string, string) { return r.Purposes[i].System, r.Purposes[i].Code })
	list(len(r.Actions), func(i int) (string, string) { return r.Actions[i], "" })
	return string(b)
}
