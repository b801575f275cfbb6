package search

import "vitalwire/fhir"

// Query is a search of one resource type, parsed and checked: what a store
// compiles. It holds no SQL and no URL.
type Query struct {
	Type string
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
	// After continues a search; nil begins one.
	After *Cursor
}

// Clause is one parameter with its alternatives: any operand suffices
// (R4 search §3.1.1.4.11: commas are OR).
type Clause struct {
	Param    *Param
	Operands []Operand
}

// Operand is one value to compare with. Which members count depends on the
// parameter's Type.
type Operand struct {
	// Token: a nil System matches any system, an empty one only codes without
	// one; a nil Code matches any code of the system.
	System, Code *string
	// Reference: the target, or the text of an absolute URL or urn. Types lists
	// what a bare id may be.
	Target Target
	// Date: Prefix compares with the half-open range [Low, High) in microseconds
	// since 1970 (R4 search §3.1.1.4.5 prefixes).
	Prefix    Prefix
	Low, High int64
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

// Sort is one sort key. Ascending goes by the earliest value, descending by the
// latest; resources without a value come last either way.
type Sort struct {
	Param      *Param
	Descending bool
}

// Include is one _include: the targets of Param (a reference), of Type only
// when Type is not "".
type Include struct {
	Param *Param
	Type  string
}

// Cursor is a place in a sorted search, right after one match. It is plain
// data; server/rest seals it before a client sees it.
type Cursor struct {
	// Snapshot is the change-feed position the whole search is pinned to.
	Snapshot int64
	// Keys are the sort values of the last match, nil where it had none.
	Keys []*int64
	// Row of the last match, the final tie-break.
	Row int64
}

// Value is one searchable fact of a resource: what a store indexes.
type Value struct {
	Param *Param
	// Token: System may be ""; HasSystem tells "" from absent.
	System, Code string
	// Reference.
	Target Target
	// Date: the half-open range in microseconds since 1970.
	Low, High int64
}

// Type is a search parameter type of R4 search §3.1.1.5.
type Type uint8

// The parameter types served so far.
const (
	Token Type = iota
	ReferenceType
	Date
	// ID is _id: answered from the key itself, never indexed.
	ID
	// LastUpdated is _lastUpdated: answered from the row itself, never indexed.
	LastUpdated
)

// Param is a search parameter of one resource type. Params are compared by
// address: there is one for each type and code.
type Param struct {
	// Resource is the type it belongs to, such as "Observation".
	Resource string
	// Code is the name in URLs, such as "subject".
	Code string
	Type Type
	// Targets of a reference parameter.
	Targets []string
	// Definition is the canonical URL of the R4 SearchParameter.
	Definition string
	// paths lead to the values, in the words of FHIRPath's simple paths.
	paths []string
	// patientOnly keeps only references to a Patient (clinical-patient's where()).
	patientOnly bool
	// system is the code system of an element of type code, which does not name it.
	system string
	// uri marks a parameter of R4's type uri, which is kept as a token without a system.
	uri bool
}

// TypeCode is the R4 search-param-type of the parameter.
func (p *Param) TypeCode() string {
	if p.uri {
		return "uri"
	}
	return p.Type.String()
}

// Key is the resource of a target, if it names one.
func (t Target) Key() (fhir.Key, bool) {
	return fhir.Key{Type: t.Type, ID: t.ID}, t.Type != "" && t.ID != ""
}

// String is the code of the type in R4 search-param-type.
func (t Type) String() string {
	return [...]string{Token: "token", ReferenceType: "reference", Date: "date", ID: "token", LastUpdated: "date"}[t]
}
