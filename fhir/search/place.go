package search

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/ucum"
)

// Place is a point on the earth, taken as a sphere: its coordinates from the
// centre in units of a billionth of the radius (6 mm). Whole numbers, so that
// every store computes the same.
type Place struct{ X, Y, Z int64 }

// Circle is what lies within a distance of a place: Chord is the straight
// distance, in the units of Place.
type Circle struct {
	Place
	Chord int64
}

// Holds reports whether a place lies in the circle.
func (c *Circle) Holds(p *Place) bool {
	x, y, z := p.X-c.X, p.Y-c.Y, p.Z-c.Z
	return x*x+y*y+z*z <= c.Chord*c.Chord
}

const (
	earthRadius = 6_371_008.8 // metres: the mean radius of WGS 84
	placeUnit   = 1e9
)

// newPlace makes a place of degrees.
func newPlace(latitude, longitude float64) Place {
	lat, lon := latitude*math.Pi/180, longitude*math.Pi/180
	return Place{
		X: int64(math.Round(math.Cos(lat) * math.Cos(lon) * placeUnit)),
		Y: int64(math.Round(math.Cos(lat) * math.Sin(lon) * placeUnit)),
		Z: int64(math.Round(math.Sin(lat) * placeUnit)),
	}
}

// chordOf is the straight distance of two places that are so many metres of the
// surface apart.
func chordOf(metres float64) int64 {
	angle := min(metres/earthRadius, math.Pi)
	return int64(math.Round(2 * math.Sin(angle/2) * placeUnit))
}

// degrees reads a coordinate between -limit and limit.
func degrees(text string, limit float64) (float64, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && math.Abs(n) <= limit
}

// placeOf reads Location.position.
func placeOf(e *fhir.Element) (*Place, bool) {
	latitude, ok1 := degrees(e.Get("latitude").Text(), 90)
	longitude, ok2 := degrees(e.Get("longitude").Text(), 180)
	if !ok1 || !ok2 {
		return nil, false
	}
	p := newPlace(latitude, longitude)
	return &p, true
}

// nearDistance is what near means without a distance, in metres: R4 leaves it to
// the server.
const nearDistance = 50_000

// placeOperand reads latitude|longitude|distance|units (R4 location, near); units
// are UCUM, kilometres when absent.
func placeOperand(param *Param, value string) (Operand, *fhir.Error) {
	form := func() *fhir.Error {
		return fhir.BadSearch("%s must be latitude|longitude|distance|units in degrees and a UCUM unit of length, such as 52.52|13.41|10|km", param.Code)
	}
	parts := cutUnescaped(value, '|')
	if len(parts) < 2 || len(parts) > 4 {
		return Operand{}, form()
	}
	latitude, ok1 := degrees(parts[0], 90)
	longitude, ok2 := degrees(parts[1], 180)
	if !ok1 || !ok2 {
		return Operand{}, form()
	}
	distance := float64(nearDistance)
	if len(parts) > 2 && parts[2] != "" {
		unit := "km"
		if len(parts) == 4 && parts[3] != "" {
			unit = unescape(parts[3])
		}
		var ok bool
		if distance, ok = metres(parts[2], unit); !ok {
			return Operand{}, form()
		}
	}
	return Operand{Circle: &Circle{Place: newPlace(latitude, longitude), Chord: chordOf(distance)}}, nil
}

// metres is a length in a unit of UCUM, or a mile by its plain name.
func metres(number, unit string) (float64, bool) {
	if unit == "mi" || unit == "miles" {
		unit = "[mi_i]"
	}
	n, ok := new(big.Rat).SetString(number)
	if !ok || len(number) > maxNumber || strings.ContainsAny(number, "/eE") || n.Sign() < 0 {
		return 0, false
	}
	from, err := ucum.Parse(unit)
	if err != nil {
		return 0, false
	}
	metre, err := ucum.Parse("m")
	if err != nil {
		return 0, false
	}
	n, err = ucum.Convert(n, from, metre)
	if err != nil {
		return 0, false
	}
	f, _ := n.Float64()
	return f, true
}
