package search

import (
	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// Query is a search of one resource type, parsed and checked: what a store
// compiles. It holds no SQL and no URL.
type Query struct {
	Type string
	// Epoch is the Registry's when the query was parsed; 0 of one that was not.
	Epoch int64
	// Filter clauses must all hold (R4 search §3.1.1.4.11: repeated parameters are AND).
	Filter []Clause
	// Sort keys in order; ties, and no key at all, go by row, newest first.
	Sort []Sort
	// Count is the most matches of a page; 0 asks for no matches, only the total.
	Count int
	// Total asks for the exact number of matches over all pages.
	Total bool
	// Include adds resources that matches refer to, each once, never counted.
	Include []Include
	// Contained says whether resources that are contained in others are searched,
	// too, or only they (R4 search §3.1.1.5.13).
	Contained Contained
	// Inner answers contained matches by themselves, not by what contains them
	// (_containedType=contained).
	Inner bool
	// After continues a search; nil begins one.
	After *Cursor
	// Sight is what the caller may see of matches, and of all that chains, _has and
	// orders look at. Brings is what he may see of what is included; nil is Sight.
	Sight, Brings Sight
}

// Contained is the value of _contained.
type Contained uint8

// The values of _contained: false, true, both.
const (
	NotContained Contained = iota
	OnlyContained
	AlsoContained
)

// Clause is one condition: a parameter with its alternatives, of which any
// suffices (R4 search §3.1.1.4.11: commas are OR), a chain, _has, or a group.
type Clause struct {
	Param    *Param
	Operands []Operand
	// Match is how the text of a string or uri is compared.
	Match Match
	// Not turns a token clause round: no value matches (:not, also without any value).
	Not bool
	// Missing asks, instead of Operands, whether there is a value at all (:missing).
	Missing *bool
	// By asks for another fact of Param than its value (:identifier, :of-type).
	By By
	// Chain asks, instead of Operands, that what the reference Param names meets any
	// of these (R4 search §3.1.1.4.14).
	Chain []Chain
	// Has asks that a resource which refers to the match meets a clause
	// (R4 search §3.1.1.4.15); Param is nil.
	Has *Has
	// Tree asks for references to what lies below or above the operands, which name
	// resources, by the hierarchy of their type (R4 search §3.1.1.5.7.1). A store
	// never sees it: server/query puts the resources in its place.
	Tree Tree
	// Group joins clauses; Param is nil (_filter, compartments, full text).
	Group *Group
	// Owned asks, instead of all else, for what the owners of the resource chose.
	Owned *Owned
}

// Group joins clauses by and, or, and not.
type Group struct {
	Op      Op
	Clauses []Clause
}

// Op is how a group joins its clauses.
type Op uint8

// The ways to join: every clause holds, at least one, not a single one.
const (
	All Op = iota
	Any
	None
)

// all joins clauses by and; one clause is itself.
func all(clauses ...Clause) Clause { return join(All, clauses) }

// anyOf joins clauses by or; one clause is itself.
func anyOf(clauses ...Clause) Clause { return join(Any, clauses) }

// not turns a clause round.
func not(c Clause) Clause { return Clause{Group: &Group{None, []Clause{c}}} }

func join(op Op, clauses []Clause) Clause {
	if len(clauses) == 1 {
		return clauses[0]
	}
	return Clause{Group: &Group{op, clauses}}
}

// Tree is a direction in a hierarchy of resources.
type Tree uint8

// The directions: to the parts of a resource, or to what it is a part of. Each
// begins with the resource itself.
const (
	NoTree Tree = iota
	Down
	Up
)

// Chain is a clause on the target of a reference, when that is of the type.
type Chain struct {
	Type   string
	Clause Clause
}

// Has is a clause on resources of a type whose reference Param names the match.
type Has struct {
	Type   string
	Param  *Param
	Clause Clause
}

// Match is how texts are compared.
type Match uint8

// The ways to compare texts. A string is exactly the operand; or, both folded, it
// begins with, contains, ends with, is or is not the operand. A uri is compared as
// it is written; it may also lie below the operand. A word (TextType, ByText)
// begins with the operand or is Equal to it.
const (
	Begins Match = iota
	Exact
	Contains
	Below
	Ends
	Equal
	Unequal
)

// By tells facts of one parameter apart.
type By uint8

// The facts: the value itself, Reference.identifier, Identifier.type with the
// value, whose Code is "type|value", and the words that people read with a code,
// an identifier's type or a reference (:text).
const (
	ByValue By = iota
	ByIdentifier
	ByType
	ByText
)

// Operand is one value to compare with. Which members count depends on the
// parameter's Type.
type Operand struct {
	// Token: a nil System matches any system, an empty one only codes without
	// one; a nil Code matches any code of the system. A uri is in Code.
	System, Code *string
	// Text of a string; a word, folded, of a TextType or ByText.
	Text string
	// Reference: the target, or the text of an absolute URL or urn. A target
	// without Type is of any type.
	Target Target
	// Date, number and quantity compare by Prefix. A date is the half-open range
	// [Low, High) in microseconds since 1970 (R4 search §3.1.1.4.5 prefixes).
	Prefix    Prefix
	Low, High int64
	// Number and quantity. System and Code are the unit when Canonical is "".
	Bounds Bounds
	// Part is the second component of a composite; the first is in System and Code.
	Part *Operand
	// Circle of a place.
	Circle *Circle
}

// Bounds are the numbers of an operand as EncodeNumber writes them: the value, the
// half-open range that its digits mean (R4 search §3.1.1.5.2: 100 is [99.5, 100.5)),
// and the range that ap means. With Canonical they are counted in that base unit.
type Bounds struct {
	Value, Low, High string
	Near             [2]string
	Canonical        string
}

// Target is what a reference operand or value points at.
type Target struct {
	Type string // "" for any type the parameter allows
	ID   string
	URI  string // instead of Type and ID
}

// Prefix is a comparison of R4 search §3.1.1.4.5.
type Prefix string

// The prefixes. Eq is also what no prefix means.
const (
	Eq Prefix = "eq"
	Ne Prefix = "ne"
	Gt Prefix = "gt"
	Lt Prefix = "lt"
	Ge Prefix = "ge"
	Le Prefix = "le"
	Sa Prefix = "sa"
	Eb Prefix = "eb"
	Ap Prefix = "ap"
)

// Sort is one sort key. Ascending goes by the lowest value, descending by the
// highest; resources without a value come last either way.
type Sort struct {
	Param      *Param
	Descending bool
	// Targets make a chained sort: Param is a reference, and the values are those
	// of the resources it names, by the one of Targets that belongs to their type.
	Targets []*Param
}

// Native reports whether a store sorts by the key itself; server/query does the
// others.
func (s Sort) Native() bool { return len(s.Targets) == 0 && s.Param.Sortable() }

// Include is one _include: the targets of Param (a reference) of resources of
// type Source, of Type only when Type is not "". A nil Param is every reference.
type Include struct {
	Source string
	Param  *Param
	Type   string
	// Iterate goes on from what was included (R4 search §3.1.1.5.11).
	Iterate bool
	// Reverse turns it round (_revinclude): resources of type Source whose Param
	// refers to a match, which is of Type if that is not "".
	Reverse bool
}

// Cursor is a place in a sorted search, right after one match. It is plain
// data; server/rest seals it before a client sees it.
type Cursor struct {
	// Snapshot is the change-feed position the whole search is pinned to.
	Snapshot int64
	// Keys are the sort values of the last match, nil where it had none.
	Keys []*int64
	// Texts are those of sorts by text, at the same places; empty without such.
	Texts []*string
	// Row of the last match, the final tie-break.
	Row int64
}

// Value is one searchable fact of a resource: what a store indexes.
type Value struct {
	Param *Param
	// By tells other facts from the value; they are in System and Code.
	By By
	// Lead is the first component of a composite; the second is in what follows.
	Lead Lead
	// Token: System may be "".
	System, Code string
	// Reference.
	Target Target
	// Date: the half-open range in microseconds since 1970.
	Low, High int64
	// String and uri, as written; of TextType and ByText the words (see Words) with
	// blanks between them.
	Text string
	// Number and quantity; it must not be changed.
	Amount *Amount
	// Place of a Location.
	Place *Place
}

// Lead is the token that a composite begins with.
type Lead struct{ System, Code string }

// Type is a search parameter type of R4 search §3.1.1.5.
type Type uint8

// The parameter types served.
const (
	Token Type = iota
	ReferenceType
	Date
	// ID is _id: answered from the key itself, never indexed.
	ID
	// LastUpdated is _lastUpdated: answered from the row itself, never indexed.
	LastUpdated
	StringType
	NumberType
	QuantityType
	URIType
	CompositeType
	// TextType is the full text of _text and _content.
	TextType
	// PlaceType is near of Location.
	PlaceType
)

// Param is a search parameter of one resource type. Params are compared by
// address: a Registry has one for each type and code.
type Param struct {
	// Resource is the type it belongs to, such as "Observation".
	Resource string
	// Code is the name in URLs, such as "subject".
	Code string
	Type Type
	// Targets of a reference parameter; empty for any.
	Targets []string
	// Definition is the canonical URL of the SearchParameter.
	Definition string
	// Components of a composite: a token, and what stands with it.
	Components []*Param
	// Union are the parameters whose values together are those of this one, which
	// is then not indexed itself.
	Union []*Param
	// Bit numbers the indexed parameters of a resource type from 0; -1 for others.
	Bit int

	// Index is "", but for a custom parameter the name that a store keeps its
	// values under. Such a one has no Bit.
	Index string

	arms       []string // of the expression that concern the type
	expression *path.Expression
	boolean    bool       // its values are Booleans, and no codes
	labels     *labelling // of the internal parameter _label
	within     *Within    // of which it is one
}

// Value is the type of a composite's second component, else the type itself:
// where a store keeps its values.
func (p *Param) Value() Type {
	if p.Type == CompositeType {
		return p.Components[1].Type
	}
	return p.Type
}

// Sortable reports whether a store can sort by the parameter.
func (p *Param) Sortable() bool {
	switch p.Type {
	case Date, LastUpdated, StringType, NumberType, QuantityType, URIType:
		return true
	}
	return false
}

// TypeCode is the R4 search-param-type of the parameter.
func (p *Param) TypeCode() string { return p.Type.String() }

// Key is the resource of a target, if it names one.
func (t Target) Key() (fhir.Key, bool) {
	return fhir.Key{Type: t.Type, ID: t.ID}, t.Type != "" && t.ID != ""
}

// String is the code of the type in R4 search-param-type.
func (t Type) String() string {
	return [...]string{Token: "token", ReferenceType: "reference", Date: "date", ID: "token", LastUpdated: "date",
		StringType: "string", NumberType: "number", QuantityType: "quantity", URIType: "uri", CompositeType: "composite",
		TextType: "string", PlaceType: "special"}[t]
}
