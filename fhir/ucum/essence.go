package ucum

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"sync"
)

//go:embed ucum-essence.xml
var essenceXML []byte

// essence is ucum-essence.xml: the prefixes and the unit atoms.
type essence struct {
	prefixes []prefix
	atoms    map[string]*atom
	units    map[*atom]Unit // what the atoms stand for in base units
}

type prefix struct {
	code, name string
	value      *big.Rat
}

// atom is a unit symbol (UCUM §2.2).
type atom struct {
	code, name        string
	metric, arbitrary bool
	base              bool
	function          string // of a special unit, "" for others
	value             *big.Rat
	unit              string // what value counts
	resolving         bool
}

// table reads the file when the first unit is used; it takes some milliseconds.
// The file is part of the binary, so an error is one that a test finds.
var table = sync.OnceValues(func() (*essence, error) { return readEssence(essenceXML) })

type xmlUnit struct {
	Code      string `xml:"Code,attr"`
	Metric    string `xml:"isMetric,attr"`
	Special   string `xml:"isSpecial,attr"`
	Arbitrary string `xml:"isArbitrary,attr"`
	Name      string `xml:"name"`
	Value     struct {
		Unit     string `xml:"Unit,attr"`
		Value    string `xml:"value,attr"`
		Function struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
			Unit  string `xml:"Unit,attr"`
		} `xml:"function"`
	} `xml:"value"`
}

func readEssence(data []byte) (*essence, error) {
	var doc struct {
		Prefixes []xmlUnit `xml:"prefix"`
		Bases    []xmlUnit `xml:"base-unit"`
		Units    []xmlUnit `xml:"unit"`
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // "ascii" is UTF-8
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("ucum-essence.xml: %w", err)
	}
	e := &essence{atoms: make(map[string]*atom, len(doc.Bases)+len(doc.Units)), units: map[*atom]Unit{}}
	for _, p := range doc.Prefixes {
		v, ok := new(big.Rat).SetString(p.Value.Value)
		if !ok {
			return nil, fmt.Errorf("ucum-essence.xml: prefix %s has no value", p.Code)
		}
		e.prefixes = append(e.prefixes, prefix{p.Code, p.Name, v})
	}
	for _, b := range doc.Bases {
		e.atoms[b.Code] = &atom{code: b.Code, name: b.Name, metric: true, base: true}
	}
	for _, u := range doc.Units {
		a := &atom{code: u.Code, name: u.Name, metric: u.Metric == "yes", arbitrary: u.Arbitrary == "yes", unit: u.Value.Unit}
		value := u.Value.Value
		if u.Special == "yes" {
			f := u.Value.Function
			a.function, value, a.unit = f.Name, f.Value, f.Unit
		}
		var ok bool
		if a.value, ok = new(big.Rat).SetString(value); !ok {
			return nil, fmt.Errorf("ucum-essence.xml: unit %s has no value", u.Code)
		}
		e.atoms[a.code] = a
	}
	for _, a := range e.atoms {
		if _, err := e.resolve(a); err != nil {
			return nil, fmt.Errorf("ucum-essence.xml: unit %s: %w", a.code, err)
		}
	}
	return e, nil
}

// resolve is what an atom stands for; definitions are followed to base units.
func (e *essence) resolve(a *atom) (Unit, error) {
	if u, ok := e.units[a]; ok {
		return u, nil
	}
	if a.resolving {
		return Unit{}, fmt.Errorf("%s is defined by itself", a.code)
	}
	a.resolving = true
	u, err := e.define(a)
	if err != nil {
		return Unit{}, err
	}
	u.code = a.code
	e.units[a] = u
	return u, nil
}

func (e *essence) define(a *atom) (Unit, error) {
	if a.base {
		return Unit{factor: big.NewRat(1, 1), dims: dims{{a.code, 1}}}, nil
	}
	if a.arbitrary && a.unit == "1" {
		// An arbitrary unit can be compared only with itself (UCUM §3.2, §24).
		return Unit{factor: a.value, dims: dims{{a.code, 1}}}, nil
	}
	p := parser{table: e, in: a.unit}
	u, err := p.whole()
	if err != nil {
		return Unit{}, err
	}
	u.factor = new(big.Rat).Mul(u.factor, a.value)
	if a.function != "" {
		f, ok := function(a.function)
		if !ok {
			return Unit{}, fmt.Errorf("function %s is not known", a.function)
		}
		u.special, u.scale = f, big.NewRat(1, 1)
		if a.function == "100tan" {
			// The file names the unit of the angle (deg) here; the tangent is of the
			// angle itself, so it is counted in rad as for the prism diopter.
			u.factor = big.NewRat(1, 1)
		}
	}
	return u, nil
}
