package search

import (
	"net/url"
	"slices"
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
}

// Limits of one search URL: parameters, and values in one parameter.
const (
	maxParameters = 100
	maxOperands   = 1000
)

// Parsed is a search URL understood.
type Parsed struct {
	Query *Query
	// Applied are the parameters that count, in order, for the self link.
	Applied []Applied
	// Warnings of a lenient search.
	Warnings []fhir.Issue
}

// Applied is one parameter as it was given.
type Applied struct{ Name, Value string }

// Parse reads the query part of a search URL (or the body of _search) for a
// resource type. The error is a BadSearch *fhir.Error that names the parameter
// and what would be right.
func Parse(typ, rawQuery string, o Options) (*Parsed, error) {
	given, err := split(rawQuery)
	if err != nil {
		return nil, err
	}
	p := parse{typ: typ, o: o, out: &Parsed{Query: &Query{Type: typ, Count: o.DefaultCount}}, once: map[string]bool{}}
	for _, g := range given {
		if g.Value == "" || notSearch[g.Name] {
			continue // R4 http: an empty parameter is no parameter; format parameters are read elsewhere
		}
		if err := p.parameter(g); err != nil {
			if !o.Lenient {
				return nil, err
			}
			warning := err.Issues[0]
			warning.Severity = fhir.Warning
			p.out.Warnings = append(p.out.Warnings, warning)
			continue
		}
		p.out.Applied = append(p.out.Applied, g)
	}
	return p.out, nil
}

// notSearch are parameters of the interaction, not of the search (R4 http §3.1.0.1.12).
var notSearch = map[string]bool{"_format": true, "_pretty": true}

func split(rawQuery string) ([]Applied, error) {
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
	typ  string
	o    Options
	out  *Parsed
	once map[string]bool
}

func (p *parse) parameter(g Applied) *fhir.Error {
	if single[g.Name] {
		if p.once[g.Name] {
			return fhir.BadSearch("%s is given twice", g.Name)
		}
		p.once[g.Name] = true
	}
	switch g.Name {
	case "_count":
		return p.count(g.Value)
	case "_total":
		return p.total(g.Value)
	case "_sort":
		return p.sort(g.Value)
	case "_include":
		return p.include(g.Value)
	}
	return p.filter(g)
}

var single = map[string]bool{"_count": true, "_total": true, "_sort": true}

func (p *parse) count(value string) *fhir.Error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fhir.BadSearch("_count must be a whole number from 0, not %q", value)
	}
	// R4 search §3.1.1.4.8: the server may return fewer than asked.
	p.out.Query.Count = min(n, p.o.MaxCount)
	if n == 0 {
		p.out.Query.Total = true // the same as _summary=count
	}
	return nil
}

func (p *parse) total(value string) *fhir.Error {
	switch value {
	case "accurate", "estimate": // an exact number is a good estimate
		p.out.Query.Total = true
	case "none":
	default:
		return fhir.BadSearch("_total must be none, estimate or accurate, not %q", value)
	}
	return nil
}

func (p *parse) sort(value string) *fhir.Error {
	var keys []Sort
	for code := range strings.SplitSeq(value, ",") {
		code, descending := strings.CutPrefix(code, "-")
		param := Lookup(p.typ, code)
		if param == nil {
			return p.unknown(code).WithCode(fhir.CodeNotSupported)
		}
		if param.Type != Date && param.Type != LastUpdated {
			return fhir.BadSearch("%s cannot be sorted by; %s can sort by %s", code, p.typ, strings.Join(p.sortable(), ", ")).WithCode(fhir.CodeNotSupported)
		}
		keys = append(keys, Sort{Param: param, Descending: descending})
	}
	if len(keys) > 5 {
		return fhir.BadSearch("_sort takes at most 5 keys")
	}
	p.out.Query.Sort = keys
	return nil
}

func (p *parse) sortable() []string {
	var codes []string
	for _, param := range Params(p.typ) {
		if param.Type == Date || param.Type == LastUpdated {
			codes = append(codes, param.Code)
		}
	}
	return codes
}

func (p *parse) include(value string) *fhir.Error {
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return fhir.BadSearch("_include must be Type:parameter or Type:parameter:TargetType")
	}
	if parts[0] != p.typ {
		return fhir.BadSearch("_include begins at %s in a search for %s", p.typ, p.typ)
	}
	param := Lookup(parts[0], parts[1])
	if param == nil || param.Type != ReferenceType {
		return fhir.BadSearch("_include %s is no reference parameter of %s", parts[1], p.typ).WithCode(fhir.CodeNotSupported)
	}
	include := Include{Param: param}
	if len(parts) == 3 {
		if param.Targets != nil && !slices.Contains(param.Targets, parts[2]) {
			return fhir.BadSearch("%s:%s cannot refer to %s; it can to %s", p.typ, param.Code, parts[2], strings.Join(param.Targets, ", "))
		}
		include.Type = parts[2]
	}
	if len(p.out.Query.Include) == 20 {
		return fhir.TooCostly("more than 20 _include")
	}
	p.out.Query.Include = append(p.out.Query.Include, include)
	return nil
}

func (p *parse) unknown(name string) *fhir.Error {
	var codes []string
	for _, param := range Params(p.typ) {
		codes = append(codes, param.Code)
	}
	return fhir.BadSearch("unknown search parameter %q for %s; known are %s, and _count, _sort, _total, _include",
		name, p.typ, strings.Join(codes, ", ")).WithCode(fhir.CodeNotSupported)
}

func (p *parse) filter(g Applied) *fhir.Error {
	code, modifier, _ := strings.Cut(g.Name, ":")
	param := Lookup(p.typ, code)
	if param == nil {
		return p.unknown(code)
	}
	if modifier != "" && !(param.Type == ReferenceType && fhir.ValidType(modifier)) {
		return fhir.BadSearch("modifier :%s of %s is not supported", modifier, code).WithCode(fhir.CodeNotSupported)
	}
	if modifier != "" && param.Targets != nil && !slices.Contains(param.Targets, modifier) {
		return fhir.BadSearch("%s cannot refer to %s; it can to %s", code, modifier, strings.Join(param.Targets, ", "))
	}
	clause := Clause{Param: param}
	for _, value := range cutUnescaped(g.Value, ',') {
		if value == "" {
			continue
		}
		operand, err := p.operand(param, modifier, value)
		if err != nil {
			return err
		}
		clause.Operands = append(clause.Operands, operand)
	}
	if len(clause.Operands) > maxOperands {
		return fhir.TooCostly("more than %d values in %s", maxOperands, code)
	}
	if len(clause.Operands) == 0 {
		return fhir.BadSearch("%s has no value", code)
	}
	p.out.Query.Filter = append(p.out.Query.Filter, clause)
	return nil
}

func (p *parse) operand(param *Param, modifier, value string) (Operand, *fhir.Error) {
	switch param.Type {
	case Token:
		if param.uri { // R4 search §3.1.1.4.13: the whole text counts
			text, none := unescape(value), ""
			return Operand{System: &none, Code: &text}, nil
		}
		return tokenOperand(param, value)
	case ID:
		id := unescape(value)
		return Operand{Code: &id}, nil
	case ReferenceType:
		return p.referenceOperand(param, modifier, unescape(value))
	case Date, LastUpdated:
		return p.dateOperand(param, unescape(value))
	}
	return Operand{}, fhir.BadSearch("parameter %s cannot be searched", param.Code)
}

// tokenOperand reads code, system|code, |code and system| (R4 search §3.1.1.5.5).
func tokenOperand(param *Param, value string) (Operand, *fhir.Error) {
	parts := cutUnescaped(value, '|')
	for i := range parts {
		parts[i] = unescape(parts[i])
	}
	switch {
	case len(parts) == 1:
		return Operand{Code: &parts[0]}, nil
	case len(parts) > 2 || parts[0] == "" && parts[1] == "":
		return Operand{}, fhir.BadSearch("%s must be code, system|code, |code or system|", param.Code)
	case parts[1] == "":
		return Operand{System: &parts[0]}, nil
	}
	return Operand{System: &parts[0], Code: &parts[1]}, nil
}

// referenceOperand reads id, Type/id and URL (R4 search §3.1.1.5.7).
func (p *parse) referenceOperand(param *Param, modifier, value string) (Operand, *fhir.Error) {
	if fhir.ValidID(value) {
		target := Target{Type: modifier, ID: value}
		if modifier == "" && len(param.Targets) == 1 {
			target.Type = param.Targets[0]
		}
		return Operand{Target: target}, nil
	}
	local := value
	if p.o.Base != "" {
		local, _ = strings.CutPrefix(value, p.o.Base+"/")
	}
	if key, ok := fhir.ParseKey(local); ok {
		if modifier != "" && key.Type != modifier || param.Targets != nil && !slices.Contains(param.Targets, key.Type) {
			return Operand{}, fhir.BadSearch("%s cannot refer to %s", param.Code, key.Type)
		}
		return Operand{Target: Target{Type: key.Type, ID: key.ID}}, nil
	}
	if strings.Contains(value, ":") {
		return Operand{Target: Target{URI: value}}, nil
	}
	return Operand{}, fhir.BadSearch("%s must be an id, Type/id or a URL", param.Code)
}

func (p *parse) dateOperand(param *Param, value string) (Operand, *fhir.Error) {
	prefix := Eq
	if len(value) > 2 && value[0] >= 'a' && value[0] <= 'z' {
		prefix = Prefix(value[:2])
		if !slices.Contains([]Prefix{Eq, Ne, Gt, Lt, Ge, Le, Sa, Eb, Ap}, prefix) {
			return Operand{}, fhir.BadSearch("%s has an unknown prefix; known are eq, ne, gt, lt, ge, le, sa, eb and ap", param.Code)
		}
		value = value[2:]
	}
	// A '+' of an offset that the client did not escape arrives as a blank.
	date, ok := fhir.ParseSearchDate(strings.Replace(value, " ", "+", 1), p.o.Zone)
	if !ok {
		return Operand{}, fhir.BadSearch("%s must be a date such as 2026-11, 2026-11-22 or 2026-11-22T08:30:00Z", param.Code)
	}
	operand := Operand{Prefix: prefix}
	operand.Low, operand.High = micros(date)
	return operand, nil
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
