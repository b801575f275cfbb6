package validate

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// Every answer that is given without FHIRPath must be FHIRPath's: on all R4
// examples, and on twenty damaged copies of each.
func TestDecided_IsWhatFHIRPathSays(t *testing.T) {
	quick, exact := New(profiles.R4(), nil), New(profiles.R4(), nil)
	exact.exact = true
	random := rand.New(rand.NewPCG(1, 2))
	compared := 0
	compare := func(name string, el *fhir.Element) {
		a := quick.Element(context.Background(), el, nil, Options{MaxIssues: 5000})
		b := exact.Element(context.Background(), el, nil, Options{MaxIssues: 5000})
		compared++
		for _, missing := range [][2][]fhir.Issue{{a, b}, {b, a}} {
			for _, is := range missing[0] {
				if is.Code != fhir.CodeInvariant || strings.Contains(is.Text, "cannot be evaluated") {
					continue
				}
				found := false
				for _, other := range missing[1] {
					found = found || other == is || other.Expression == is.Expression && strings.Contains(other.Text, "cannot be evaluated")
				}
				if !found {
					t.Errorf("%s: only one of both finds %s %s", name, is.Expression, is.Text)
				}
			}
		}
	}
	copies := 20
	if testing.Short() {
		copies = 2
	}
	eachExample(t, func(name string, data []byte) {
		root, err := fhir.ParseElement(data)
		if err != nil {
			t.Fatal(err)
		}
		compare(name, root)
		if len(data) > 30_000 {
			return
		}
		for range copies {
			damaged := root.Clone()
			for range 1 + random.IntN(3) {
				damage(random, damaged)
			}
			compare(name+" damaged", damaged)
		}
	})
	t.Logf("%d resources compared", compared)
}

// damage takes out, empties or doubles a random element.
func damage(random *rand.Rand, el *fhir.Element) {
	for range 12 {
		members := el.Members()
		if len(members) == 0 {
			return
		}
		m := members[random.IntN(len(members))]
		if m.Value.Len() > 0 && random.IntN(4) > 0 {
			el = m.Value
			continue
		}
		if m.Name == "resourceType" || m.Name == "" {
			continue
		}
		switch random.IntN(4) {
		case 0, 1:
			el.Set(m.Name, nil)
		case 2:
			el.Set(m.Name, fhir.NewString("#nothing"))
		default:
			el.Set("_"+m.Name, fhir.NewObject(fhir.S("id", "x")))
		}
		return
	}
}

func eachExample(t testing.TB, do func(name string, data []byte)) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(shared.Read(t, "data", "r4", "r4-examples.tgz")))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".json") {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			do(h.Name, data)
		}
	}
}
