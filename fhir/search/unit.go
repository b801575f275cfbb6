package search

import (
	"sync"

	"vitalwire/fhir/path"
	"vitalwire/fhir/ucum"
)

// unit is a parsed unit with what counting in its base unit needs.
type unit struct {
	ucum.Unit
	canonical string
	// num/den is how many base units one of it is; den is 0 for a special unit and
	// one whose factor does not fit.
	num, den uint64
}

func newUnit(u ucum.Unit) *unit {
	factor, canonical := u.Base()
	made := &unit{Unit: u, canonical: canonical}
	if !u.Special() && factor.Sign() > 0 && factor.Num().IsUint64() && factor.Denom().IsUint64() {
		made.num, made.den = factor.Num().Uint64(), factor.Denom().Uint64()
	}
	return made
}

// count is a number of units counted in base units, encoded.
func (u *unit) count(text string) (string, bool) {
	if n, ok := scanNumber(text); ok {
		if base, ok := n.times(u.num, u.den); ok {
			return base, true
		}
	}
	d, ok := path.ParseDecimal(text)
	if !ok {
		return "", false
	}
	base, err := u.ToBase(d.Rat())
	if err != nil {
		return "", false
	}
	return encodeRat(base), true
}

// unitCache remembers parsed units; a bounded number, since they come from anyone.
type unitCache struct {
	mu    sync.RWMutex
	known map[string]*unit
}

const maxUnits = 4096

// of parses a unit of the UCUM system.
func (c *unitCache) of(system, code string) (*unit, bool) {
	if system != UCUM || code == "" {
		return nil, false
	}
	c.mu.RLock()
	u, ok := c.known[code]
	c.mu.RUnlock()
	if ok {
		return u, true
	}
	parsed, err := ucum.Parse(code)
	if err != nil {
		return nil, false
	}
	u = newUnit(parsed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxUnits {
		c.known = map[string]*unit{}
	}
	c.known[code] = u
	return u, true
}
