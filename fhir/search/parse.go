package search

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"vitalwire/fhir"
)

// Options are what the server decides about every search.
type Options struct {
	// Base is the server's own FHIR base without a trailing slash: a reference
	// that begins with it is local.
	Base string
	// Zone is the zone of date values without an offset (R4 search §3.1.1.5.10).
	Zone *time.Location
	// DefaultCount and MaxCount bound the page.
	DefaultCount, MaxCount int
	// Lenient (Prefer: handling=lenient) leaves out what is not known with a
	// warning instead of refusing it.
	Lenient bool
	// Compartment, unless it is the zero Key, is the resource to which all that is
	// found belongs (R4 search §3.1.1.1).
	Compartment fhir.Key
	// Terms answers :in, :not-in, :above and :below of tokens; nil refuses them.
	Terms Terms
}

// Limits of one search URL.
const (
	maxParameters = 100
	maxOperands   = 1000
	maxSorts      = 10
	maxIncludes   = 20
	maxChain      = 4  // references in one chain, _has included
	maxClauses    = 64 // clauses that one chain stands for
)

// Parsed is a search URL understood.
type Parsed struct {
	Query *Query
	// Queries are all of a search of several types, of which Query is the first.
	// They differ by type and filter, and share everything else.
	Queries []*Query
	// Applied are the parameters that count, in order, for the self link.
	Applied []Applied
	// Warnings of a lenient search.
	Warnings []fhir.Issue
	// Shape is how much of each resource is wanted.
	Shape Shape
}

// Applied is one parameter as it was given.
type Applied struct{ Name, Value string }

// Parse reads the query part of a search URL (or the body of _search) for a
// resource type. The error is a BadSearch *fhir.Error that names the parameter
// and what would be right.
func (g *Registry) Parse(typ, rawQuery string, o Options) (*Parsed, error) {
	given, err := Split(rawQuery)
	if err != nil {
		return nil, err
	}
	return g.parse(typ, given, o, nil)
}

// parse reads parameters for a type, which is one of types unless that is nil.
func (g *Registry) parse(typ string, given []Applied, o Options, types []string) (*Parsed, error) {
	p := parse{reg: g, typ: typ, types: types, o: o, out: &Parsed{Query: &Query{Type: typ, Count: o.DefaultCount, Epoch: g.Epoch()}}, once: map[string]bool{}}
	if err := p.inCompartment(); err != nil {
		return nil, err
	}
	for _, a := range given {
		name, _, _ := strings.Cut(a.Name, ":")
		p.includes = p.includes || name == "_include" || name == "_revinclude"
	}
	for _, a := range given {
		if a.Value == "" || notSearch[a.Name] {
			continue // R4 http: an empty parameter is no parameter; format parameters are read elsewhere
		}
		if err := p.parameter(a); err != nil {
			if !o.Lenient {
				return nil, err
			}
			warning := err.Issues[0]
			warning.Severity = fhir.Warning
			p.out.Warnings = append(p.out.Warnings, warning)
			continue
		}
		p.out.Applied = append(p.out.Applied, a)
	}
	if q := p.out.Query; p.out.Shape.Summary == "count" || q.Count == 0 { // both mean the same
		q.Count, q.Total, q.Include = 0, true, nil
	}
	p.out.Queries = []*Query{p.out.Query}
	return p.out, nil
}

// notSearch are parameters of the interaction, not of the search (R4 http §3.1.0.1.12).
var notSearch = map[string]bool{"_format": true, "_pretty": true}

// Split takes the query part of a URL, or a form, apart into names and values.
func Split(rawQuery string) ([]Applied, error) {
	var given []Applied
	for rawQuery != "" {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, fhir.BadSearch("the query has an invalid percent escape")
		}
		if len(given) == maxParameters {
			return nil, fhir.TooCostly("more than %d search parameters", maxParameters)
		}
		given = append(given, Applied{name, value})
	}
	return given, nil
}

type parse struct {
	reg  *Registry
	typ  string
	o    Options
	out  *Parsed
	once map[string]bool
	// clauses counts those of one parameter with its chains.
	clauses int
	// types are all that the same parameters are read for; nil if only typ.
	types []string
	// includes: there are _include or _revinclude.
	includes bool
}

func (p *parse) parameter(g Applied) *fhir.Error {
	if single[g.Name] {
		if p.once[g.Name] {
			return fhir.BadSearch("%s is given twice", g.Name)
		}
		p.once[g.Name] = true
	}
	switch name, modifier, _ := strings.Cut(g.Name, ":"); name {
	case "_count":
		return p.count(g.Value)
	case "_total":
		return p.total(g.Value)
	case "_sort":
		return p.sort(g.Value)
	case "_include", "_revinclude":
		return p.include(name, modifier, g.Value)
	case "_summary", "_elements":
		return p.shape(g.Name, g.Value)
	case "_contained", "_containedType":
		return p.contained(g.Name, g.Value)
	case "_type":
		return p.typed(g.Name, g.Value)
	}
	p.clauses = 0
	clause, err := p.clause(p.typ, g.Name, g.Value, 0)
	if err == nil {
		p.out.Query.Filter = append(p.out.Query.Filter, clause)
	}
	return err
}

var single = map[string]bool{"_count": true, "_total": true, "_sort": true, "_summary": true, "_elements": true,
	"_contained": true, "_containedType": true, "_type": true}

func (p *parse) count(value string) *fhir.Error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fhir.BadSearch("_count must be a whole number from 0, not %q", value)
	}
	// R4 search §3.1.1.4.8: the server may return fewer than asked.
	p.out.Query.Count = min(n, p.o.MaxCount)
	return nil
}

func (p *parse) total(value string) *fhir.Error {
	switch value {
	case "accurate", "estimate": // an exact number is a good estimate
		p.out.Query.Total = true
	case "none":
		p.out.Query.Total = false
	default:
		return fhir.BadSearch("_total must be none, estimate or accurate, not %q", value)
	}
	return nil
}

// cutUnescaped cuts at sep where it is not escaped by a backslash (R4 search §3.1.1.4.11).
func cutUnescaped(s string, sep byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// unescape takes the backslash away before , | $ and itself.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\,`, `,`, `\|`, `|`, `\$`, `$`).Replace(s)
}
