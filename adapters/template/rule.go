package template

import (
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/template/query"
)

// Template is a compiled set of rules. It is safe for concurrent use.
type Template struct {
	// Name is that of the adapter, and the last part of POST /ingest/{name}.
	Name string
	// Version as the operator counts, Digest the first 12 hex digits of the SHA-256 of
	// the files: two templates of one version and different digests are not the same.
	Version, Digest string
	// Format is json, csv or xml.
	Format string

	// sender vouches for the names of devices.
	sender string
	csv    csvForm
	rules  []*rule
	// shapes are the Observations that rules of a type become.
	shapes map[string]*shape
	cases  []Case
}

// rule finds readings of one type in a document.
type rule struct {
	// kind is the reading's type: typeName of iomt-fhir, name of our own.
	kind string
	// path is where the rule stands in its file.
	path string
	// each finds where the readings are; nil is the document itself. beside is set
	// when expressions are asked of the document with the match put beside its members
	// as matchedToken (CalculatedContent), and not of the match.
	each   *query.Expression
	beside bool
	// when, if there is one, must find something that is not false or null.
	when *query.Expression
	// device .. group are asked in order until one finds something.
	device, patient, encounter, group, record source
	about                                     map[string]source // manufacturer, model, serial, firmware
	patients                                  string            // identifier system of patient
	ids                                       string            // what device ids are: local, eui64 or mac
	time                                      timeRule
	values                                    []valueRule
}

// source is where a text comes from: expressions tried in order, or a fixed text.
type source struct {
	field string
	try   []asked
	fixed string
}

// asked is an expression, and whether it is asked of the document and not of the
// match.
type asked struct {
	x        *query.Expression
	document bool
}

func (s source) given() bool { return len(s.try) > 0 || s.fixed != "" }

// valueRule finds one named value of a reading.
type valueRule struct {
	name string
	from asked
	// missing is what becomes of a reading without it: refuse, skip, or the reason
	// why the value is absent.
	missing string
	// never are texts that are no values, with the reason why there is none.
	never map[string]acom.Absent
	// comma is set when the decimal separator is a comma.
	comma bool
	// list keeps all that is found, for samples.
	list bool
	unit *unitRule
}

// What may become of a reading without a value.
const (
	refuse = "refuse"
	skip   = "skip"
)

// unitRule is a unit: fixed, or found and looked up.
type unitRule struct {
	fixed unit
	from  *asked
	known map[string]unit
}

// unit is an MDC unit, or another one with its code and words.
type unit struct {
	mdc     acom.Code
	foreign *acom.Coding
}

// timeRule finds when a reading was taken.
type timeRule struct {
	from asked
	also []asked
	// form is iso, unix, unix-ms, or a layout such as DD.MM.YYYY hh:mm:ss.
	form string
	zone zoneRule
	// none is set when readings have no time.
	none bool
}

// zoneRule says where the offset of a time comes from.
type zoneRule struct {
	// kind is offset (told with each time, or nothing is), told (as offset, but a time
	// without one has an unknown zone), utc, fixed, name, from or unknown.
	kind    string
	minutes int
	zone    *time.Location
	from    *asked
}

// shape is the Observation that a reading becomes (CodeValueFhir of iomt-fhir).
type shape struct {
	path     string
	mdc      acom.Code
	codings  []acom.Coding
	activity bool
	therapy  bool
	setting  bool
	category []acom.Coding
	site     *acom.Coding
	method   *acom.Coding
	interval int // minutes; 0 none, -1 by group
	value    *valueShape
	parts    []componentShape
	notes    []string
	series   bool         // it has nothing but samples
	shared   *acom.Metric // what its measurements have in common
}

type componentShape struct {
	mdc     acom.Code
	codings []acom.Coding
	value   valueShape
}

// The kinds of value.
const (
	quantity = "quantity"
	sampled  = "sampleddata"
	words    = "string"
	concept  = "codeableconcept"
)

// valueShape is how a named value is shown.
type valueShape struct {
	name   string
	kind   string
	unit   unit
	period string // of samples, in milliseconds
	// concept is what is shown for any value, known what for which; a value that is
	// not known is shown in system, its own.
	concept []acom.Coding
	known   map[string][]acom.Coding
	system  string
}
