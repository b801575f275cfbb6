package profiles

import (
	"fmt"

	"vitalwire/fhir"
	"vitalwire/profiles/internal/pack"
)

// Loose is a package made of definitions that came in no archive, such as those
// stored in the server. What a package would leave out is left out and said in
// Notes. The package is nil when nothing remains.
func Loose(name string, definitions []*fhir.Resource) (*Package, error) {
	p := &Package{Name: name}
	b := pack.New(level)
	for i, r := range definitions {
		if err := p.add(b, fmt.Sprintf("%s/%d", name, i), r.Root().AppendJSON(nil)); err != nil {
			return nil, err
		}
	}
	if b.Len() == 0 {
		return nil, nil //nolint:nilnil // no definitions, no package
	}
	built, err := b.Pack()
	if err != nil {
		return nil, err
	}
	for i := range built.Entries {
		built.Entries[i].Package = p.Key()
	}
	p.shelf = newShelf(built, p)
	return p, nil
}
