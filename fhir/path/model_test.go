package path_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
	"vitalwire/fhir/path"
	"vitalwire/internal/shared"
)

// corePackage holds the base types of the official R4 package.
type corePackage struct {
	raw      map[string][]byte
	mu       sync.Mutex
	compiled map[string]*definition.Structure
	params   [][2]string // type and expression of the search parameters
}

func (p *corePackage) Structure(canonical string) (*definition.Structure, error) {
	name := definition.TypeName(canonical)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.compiled[name]; s != nil {
		return s, nil
	}
	data, ok := p.raw[name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", canonical, definition.ErrUnknown)
	}
	r, err := fhir.ParseResource(data)
	if err != nil {
		return nil, err
	}
	s, err := definition.FromResource(r)
	if err == nil {
		p.compiled[name] = s
	}
	return s, err
}

var core = sync.OnceValues(func() (*corePackage, error) {
	p := &corePackage{raw: map[string][]byte{}, compiled: map[string]*definition.Structure{}}
	err := eachMember(corePath, func(name string, data []byte) error {
		base := name[strings.LastIndexByte(name, '/')+1:]
		switch {
		case strings.HasPrefix(base, "StructureDefinition-"):
			p.raw[strings.TrimSuffix(strings.TrimPrefix(base, "StructureDefinition-"), ".json")] = data
		case strings.HasPrefix(base, "SearchParameter-"):
			r, err := fhir.ParseElement(data)
			if err != nil {
				return err
			}
			for _, b := range r.Get("base").Items() {
				if x := r.Get("expression"); x != nil {
					p.params = append(p.params, [2]string{b.Text(), x.Text()})
				}
			}
		}
		return nil
	})
	return p, err
})

var corePath string

// coreModel is the model of R4; the test is skipped where the package is absent.
func coreModel(t testing.TB) (*path.Model, *corePackage) {
	t.Helper()
	corePath = shared.Path(t, "data", "r4", "hl7.fhir.r4.core-4.0.1.tgz")
	p, err := core()
	if err != nil {
		t.Fatal(err)
	}
	return path.NewModel(p), p
}

func eachMember(file string, fn func(name string, data []byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		base := h.Name[strings.LastIndexByte(h.Name, '/')+1:]
		if strings.HasPrefix(base, "ValueSet-") || strings.HasPrefix(base, "CodeSystem-") || strings.HasPrefix(base, "ConceptMap-") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := fn(h.Name, data); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// mustParse reads a resource.
func mustParse(t testing.TB, data string) *fhir.Resource {
	t.Helper()
	r, err := fhir.ParseResource([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
