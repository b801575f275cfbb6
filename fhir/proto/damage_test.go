package proto_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/proto"
	"vitalwire/fhir/validate"
	"vitalwire/profiles"
)

// spot is a member or item of a resource that may be damaged.
type spot struct {
	in *fhir.Element
	i  int
	at string
}

// spots lists the places of a resource, narratives and inner resources left out.
func spots(e *fhir.Element, at string, out []spot) []spot {
	for i, m := range e.Members() {
		here := at + "." + m.Name
		switch {
		case e.Is(fhir.Array):
			here = fmt.Sprintf("%s[%d]", at, i)
		case m.Name == "text", m.Name == "resourceType", m.Name == "resource", m.Name == "contained", strings.HasPrefix(m.Name, "_"):
			continue
		}
		out = spots(m.Value, here, append(out, spot{e, i, here}))
	}
	return out
}

// damages are ways to make a resource wrong. Each reports whether it applies.
var damages = []struct {
	name string
	do   func(s spot, m fhir.Member) bool
}{
	{"delete", func(s spot, m fhir.Member) bool {
		if s.in.Is(fhir.Array) || s.in.Len() == 1 {
			return false
		}
		s.in.Set(m.Name, nil)
		return true
	}},
	{"rename", func(s spot, m fhir.Member) bool {
		if s.in.Is(fhir.Array) {
			return false
		}
		s.in.Set(m.Name, nil)
		s.in.Set(m.Name+"x", m.Value)
		return true
	}},
	{"list", func(s spot, m fhir.Member) bool {
		if m.Value.Is(fhir.Array) || s.in.Is(fhir.Array) {
			return false
		}
		s.in.Set(m.Name, fhir.NewArray(m.Value))
		return true
	}},
	{"no list", func(s spot, m fhir.Member) bool {
		return m.Value.Is(fhir.Array) && become(m.Value, m.Value.At(0))
	}},
	{"number", func(s spot, m fhir.Member) bool {
		return m.Value.Is(fhir.String) && become(m.Value, fhir.NewNumber("5"))
	}},
	{"string", func(s spot, m fhir.Member) bool {
		return (m.Value.Is(fhir.Number) || m.Value.Is(fhir.Bool)) && become(m.Value, fhir.NewString("5"))
	}},
	{"other text", func(s spot, m fhir.Member) bool {
		return m.Value.Is(fhir.String) && become(m.Value, fhir.NewString(" 2020-02-30 x"))
	}},
}

func become(e, other *fhir.Element) bool {
	*e = *other.Clone()
	return true
}

// damaged makes examples wrong, and counts those the library refuses. Our
// validator must refuse all of them too; that it refuses more is expected, since
// the library knows no invariants.
func damaged(t *testing.T, c *proto.Codec, files map[string][]byte) (tried, refused, missed int) {
	t.Helper()
	const perExample, largest = 6, 12_000
	v := validate.New(profiles.R4(), nil)
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) > largest || explained[name] != "" {
			continue
		}
		for range perExample {
			r := resource(t, string(files[name]))
			places := spots(r.Root(), r.Type(), nil)
			s, damage := places[random.IntN(len(places))], damages[random.IntN(len(damages))]
			if !damage.do(s, s.in.Members()[s.i]) {
				continue
			}
			tried++
			err := c.Check(r)
			if err == nil {
				continue
			}
			refused++
			issues := v.Resource(context.Background(), r, nil, validate.Options{})
			if !slices.ContainsFunc(issues, func(i fhir.Issue) bool { return i.Severity == fhir.ErrorLevel || i.Severity == fhir.Fatal }) {
				missed++
				t.Errorf("%s, %s at %s: we take it, the library says %v", name, damage.name, s.at, err)
			}
		}
	}
	return tried, refused, missed
}
