package path

// op is the kind of a syntax node.
type op uint8

const (
	opLiteral  op = iota // lit
	opNull               // {}
	opVariable           // text
	opDollar             // text: this, index, total
	opMember             // text, on kids[0] or, when absent, on the focus
	opCall               // text, input kids[0] (may be nil), arguments kids[1:]
	opIndexer            // kids[0][kids[1]]
	opPolarity           // text + or -
	opBinary             // text
	opType               // text is or as, kids[0], typ
)

// node is a node of the syntax tree.
type node struct {
	op   op
	pos  int
	text string
	lit  Item
	kids []*node
	typ  typeName
	// quoted is set for a member or call whose name was in backquotes.
	quoted bool
}

// input is what a member or call works on; nil for the focus.
func (n *node) input() *node { return n.kids[0] }

// args are the arguments of a call.
func (n *node) args() []*node { return n.kids[1:] }

// typeName is a type specifier (FHIRPath §9: System.Integer, FHIR.Patient, Patient).
type typeName struct{ space, name string }

func (t typeName) String() string {
	if t.space == "" {
		return t.name
	}
	return t.space + "." + t.name
}

// asType reads a node as a type specifier, as the arguments of is, as and
// ofType are.
func (n *node) asType() (typeName, bool) {
	if n.op != opMember {
		return typeName{}, false
	}
	in := n.input()
	if in == nil {
		return typeName{name: n.text}, true
	}
	if in.op == opMember && in.input() == nil {
		return typeName{space: in.text, name: n.text}, true
	}
	return typeName{}, false
}
