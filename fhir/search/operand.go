package search

import (
	"math/big"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
)

// operand reads one value of a clause and adds what it stands for.
func (p *parse) operand(c *Clause, param *Param, modifier, value string) ([]Operand, *fhir.Error) {
	var o Operand
	var err *fhir.Error
	switch {
	case c.By == ByType:
		o, err = typedOperand(param, value)
	case c.By == ByIdentifier || param.Type == Token:
		o, err = tokenOperand(param, value)
	case param.Type == ID:
		id := unescape(value)
		o.Code = &id
	case param.Type == URIType: // R4 search §3.1.1.5.9: the whole text counts
		text := unescape(value)
		o.Code = &text
		if modifier == "above" {
			return append(c.Operands, above(text)...), nil
		}
	case param.Type == StringType:
		o.Text = unescape(value)
		if c.Match != Exact && Fold(o.Text) == "" {
			return nil, fhir.BadSearch("%s must have a letter or a digit to look for", param.Code)
		}
	case param.Type == ReferenceType:
		if o, err = p.referenceOperand(param, modifier, unescape(value)); err == nil && c.Tree != NoTree && p.reg.Hierarchy(o.Target.Type) == nil {
			err = fhir.BadSearch("%s must name a resource that can be part of another, as Type/id", param.Code)
		}
	case param.Type == Date || param.Type == LastUpdated:
		o, err = p.dateOperand(param, unescape(value))
	case param.Type == NumberType:
		o, err = numberOperand(param, unescape(value))
	case param.Type == QuantityType:
		o, err = p.quantityOperand(param, value)
	case param.Type == CompositeType:
		o, err = p.compositeOperand(param, value)
	case param.Type == PlaceType:
		o, err = placeOperand(param, value)
	default:
		err = fhir.BadSearch("parameter %s cannot be searched", param.Code)
	}
	return append(c.Operands, o), err
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

// typedOperand reads system|code|value of :of-type (R4 search §3.1.1.4.4).
func typedOperand(param *Param, value string) (Operand, *fhir.Error) {
	parts := cutUnescaped(value, '|')
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return Operand{}, fhir.BadSearch("%s:of-type must be system|code|value: the type of the identifier, and its value", param.Code)
	}
	code := unescape(parts[1]) + "|" + unescape(parts[2])
	o := Operand{Code: &code}
	if system := unescape(parts[0]); system != "" {
		o.System = &system
	}
	return o, nil
}

// above is a URL and all it lies below (R4 search §3.1.1.4.4: by path segments).
func above(text string) []Operand {
	list := []Operand{{Code: &text}}
	scheme := 0
	if i := strings.Index(text, "://"); i >= 0 {
		scheme = i + 3
	}
	for at := strings.LastIndexByte(text, '/'); at > scheme && len(list) < 64; at = strings.LastIndexByte(text[:at], '/') {
		up, slash := text[:at], text[:at+1]
		list = append(list, Operand{Code: &up}, Operand{Code: &slash})
	}
	return list
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
		if modifier != "" && key.Type != modifier || !param.refersTo(key.Type) {
			return Operand{}, fhir.BadSearch("%s cannot refer to %s", param.Code, key.Type)
		}
		return Operand{Target: Target{Type: key.Type, ID: key.ID}}, nil
	}
	if strings.Contains(value, ":") {
		return Operand{Target: Target{URI: value}}, nil
	}
	return Operand{}, fhir.BadSearch("%s must be an id, Type/id or a URL", param.Code)
}

// cutPrefix takes the prefix of an ordered value (R4 search §3.1.1.4.5).
func cutPrefix(param *Param, value string) (Prefix, string, *fhir.Error) {
	if len(value) <= 2 || value[0] < 'a' || value[0] > 'z' {
		return Eq, value, nil
	}
	prefix := Prefix(value[:2])
	if !slices.Contains([]Prefix{Eq, Ne, Gt, Lt, Ge, Le, Sa, Eb, Ap}, prefix) {
		return "", "", fhir.BadSearch("%s has an unknown prefix; known are eq, ne, gt, lt, ge, le, sa, eb and ap", param.Code)
	}
	return prefix, value[2:], nil
}

func (p *parse) dateOperand(param *Param, value string) (Operand, *fhir.Error) {
	prefix, value, err := cutPrefix(param, value)
	if err != nil {
		return Operand{}, err
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

// meant is a number as it was written: its value, and half a unit of its last digit.
type meant struct{ value, half *big.Rat }

// maxNumber bounds the text of a number.
const maxNumber = 100

func readNumber(text string) (meant, bool) {
	d, ok := path.ParseDecimal(text)
	if !ok || len(text) > maxNumber {
		return meant{}, false
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		n, err := strconv.Atoi(strings.TrimPrefix(text[i+1:], "+"))
		if err != nil || n < -1000 || n > 1000 {
			return meant{}, false
		}
		exponent = n
	}
	_, fraction, _ := strings.Cut(mantissa, ".")
	last := exponent - len(fraction)
	ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(last, -last))), nil))
	if last < 0 {
		ten.Inv(ten)
	}
	return meant{d.Rat(), ten.Mul(ten, big.NewRat(1, 2))}, true
}

// bounds are the numbers of R4 search §3.1.1.5.2, each counted by unit.
func (m meant) bounds(unit func(*big.Rat) (*big.Rat, error)) (Bounds, error) {
	tenth := new(big.Rat).Abs(m.value)
	tenth.Mul(tenth, big.NewRat(1, 10)) // ap: R4 recommends 10 %
	var encoded [5]string
	for i, r := range []*big.Rat{
		m.value, new(big.Rat).Sub(m.value, m.half), new(big.Rat).Add(m.value, m.half),
		new(big.Rat).Sub(m.value, tenth), new(big.Rat).Add(m.value, tenth),
	} {
		if unit != nil {
			var err error
			if r, err = unit(r); err != nil {
				return Bounds{}, err
			}
		}
		encoded[i] = encodeRat(r)
	}
	return Bounds{Value: encoded[0], Low: encoded[1], High: encoded[2], Near: [2]string{encoded[3], encoded[4]}}, nil
}

func numberOperand(param *Param, value string) (Operand, *fhir.Error) {
	prefix, text, err := cutPrefix(param, value)
	if err != nil {
		return Operand{}, err
	}
	m, ok := readNumber(text)
	if !ok {
		return Operand{}, fhir.BadSearch("%s must be a number such as 100, 5.40 or 1e2, perhaps with a prefix", param.Code)
	}
	b, _ := m.bounds(nil)
	return Operand{Prefix: prefix, Bounds: b}, nil
}

// quantityOperand reads number, number|system|code and number||code
// (R4 search §3.1.1.5.6).
func (p *parse) quantityOperand(param *Param, value string) (Operand, *fhir.Error) {
	parts := cutUnescaped(value, '|')
	if len(parts) != 1 && len(parts) != 3 {
		return Operand{}, fhir.BadSearch("%s must be a number, number|system|code or number||code, perhaps with a prefix", param.Code)
	}
	o, err := numberOperand(param, parts[0])
	if err != nil || len(parts) == 1 {
		return o, err
	}
	system, code := unescape(parts[1]), unescape(parts[2])
	if u, ok := p.reg.units.of(system, code); ok {
		_, text, _ := cutPrefix(param, parts[0])
		m, _ := readNumber(text)
		if b, err := m.bounds(u.ToBase); err == nil {
			_, b.Canonical = u.Base()
			o.Bounds = b
			return o, nil
		}
	}
	if system != "" {
		o.System = &system
	}
	if code != "" {
		o.Code = &code
	}
	return o, nil
}

// compositeOperand reads two values with $ between them (R4 search §3.1.1.5.8).
func (p *parse) compositeOperand(param *Param, value string) (Operand, *fhir.Error) {
	parts := cutUnescaped(value, '$')
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return Operand{}, fhir.BadSearch("%s must be two values with a $ between them: %s$%s", param.Code, param.Components[0].Code, param.Components[1].Code)
	}
	o, err := tokenOperand(param.Components[0], parts[0])
	if err != nil {
		return o, err
	}
	if o.Code == nil {
		return o, fhir.BadSearch("the first value of %s must have a code", param.Code).WithCode(fhir.CodeNotSupported)
	}
	second, err := p.operand(&Clause{Param: param.Components[1]}, param.Components[1], "", parts[1])
	if err != nil {
		return o, err
	}
	if part := second[0]; param.Components[1].Type == Token && part.Code == nil {
		return o, fhir.BadSearch("the second value of %s must have a code", param.Code).WithCode(fhir.CodeNotSupported)
	}
	o.Part = &second[0]
	return o, nil
}
