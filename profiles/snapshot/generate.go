package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/definition"
)

// Lookup finds a StructureDefinition with a snapshot by canonical. The error
// wraps definition.ErrUnknown where there is none. What it gives is not changed.
type Lookup func(canonical string) (*fhir.Resource, error)

// Generate is a copy of r with a snapshot made from its differential and the
// snapshot of what it derives from. r is not changed.
//
// An element of the differential is found by its id or, where ids are absent,
// by path and order; then the order must be that of the snapshot. The error
// says which element cannot be applied and why.
func Generate(r *fhir.Resource, lookup Lookup) (*fhir.Resource, error) {
	g, err := apply(r, lookup, false)
	if err != nil {
		return nil, err
	}
	elements, err := g.flatten()
	if err != nil {
		return nil, g.fail(err)
	}
	out := r.Clone()
	out.Root().Set("snapshot", fhir.NewObject(fhir.M("element", elements)))
	return out, nil
}

// Sort is a copy of r whose differential is in the order of the snapshot, which
// a differential without ids needs.
func Sort(r *fhir.Resource, lookup Lookup) (*fhir.Resource, error) {
	g, err := apply(r, lookup, true)
	if err != nil {
		return nil, err
	}
	place := g.places()
	slices.SortStableFunc(g.applied, func(a, b application) int { return place[a.to] - place[b.to] })
	list := fhir.NewArray()
	for _, a := range g.applied {
		list.Append(a.from)
	}
	out := r.Clone()
	if len(g.applied) > 0 {
		out.Get("differential").Set("element", list)
	}
	return out, nil
}

// generator makes one snapshot.
type generator struct {
	lookup    Lookup
	url       string // of the structure being made
	profile   bool   // it constrains; otherwise it adds elements
	root      *node
	pristine  *node // the base, untouched by the differential
	unordered bool  // a differential without ids may be in any order
	open      []*node
	spent     int // nodes made by copying
	applied   []application
}

// maxNodes bounds a snapshot: slices of slices copy each other, and a few dozen
// elements could ask for billions. The largest published one has some 3,000.
const maxNodes = 50_000

// spend accounts for copying what is below n.
func (g *generator) spend(n *node) error {
	_ = n.walk(func(*node) error {
		g.spent++
		return nil
	})
	if g.spent > maxNodes {
		return fmt.Errorf("the snapshot would have over %d elements", maxNodes)
	}
	return nil
}

// application is an element of the differential and the node it went to.
type application struct {
	from *fhir.Element
	to   *node
}

func (g *generator) fail(err error) error { return fmt.Errorf("snapshot of %s: %w", g.url, err) }

func apply(r *fhir.Resource, lookup Lookup, unordered bool) (*generator, error) {
	g := &generator{lookup: lookup, url: r.Get("url").Text(), unordered: unordered,
		profile: r.Get("derivation").Text() == "constraint"}
	if r.Type() != "StructureDefinition" {
		return nil, fmt.Errorf("a %s is no StructureDefinition", r.Type())
	}
	base := r.Get("baseDefinition").Text()
	if base == "" {
		return nil, g.fail(errors.New("there is neither a snapshot nor a baseDefinition"))
	}
	if base == g.url {
		return nil, g.fail(errors.New("it derives from itself"))
	}
	from, err := lookup(base)
	if err != nil {
		return nil, g.fail(fmt.Errorf("baseDefinition: %w", err))
	}
	if g.root, err = grow(from); err != nil {
		return nil, g.fail(fmt.Errorf("baseDefinition %s: %w", base, err))
	}
	if g.pristine, err = grow(from); err != nil {
		return nil, g.fail(err)
	}
	if g.profile {
		if want, got := from.Get("type").Text(), r.Get("type").Text(); got != want {
			return nil, g.fail(fmt.Errorf("it constrains %s, its base is of type %s", got, want))
		}
		inheritExtensions(g.root, from)
	} else {
		g.rename(r)
	}
	if n := r.Get("differential").Get("element").Len(); n > maxNodes {
		return nil, g.fail(fmt.Errorf("the differential has %d elements, over %d", n, maxNodes))
	}
	for _, d := range r.Get("differential").Get("element").Items() {
		if err := g.element(d); err != nil {
			return nil, g.fail(fmt.Errorf("%s: %w", label(d), err))
		}
	}
	return g, nil
}

// label names an element of a differential for an error.
func label(d *fhir.Element) string {
	if id := d.Get("id").Text(); id != "" {
		return id
	}
	if slice := d.Get("sliceName").Text(); slice != "" {
		return d.Get("path").Text() + ":" + slice
	}
	return d.Get("path").Text()
}

// rename gives the root of a new type the type's name.
func (g *generator) rename(r *fhir.Resource) {
	name := r.Get("type").Text()
	if first := r.Get("differential").Get("element").At(0).Get("path").Text(); first != "" {
		name, _, _ = strings.Cut(first, ".")
	}
	g.root.name = name
}

// inheritExtensions leaves the root of a profile without the extensions that
// describe the base alone, such as its standards status.
func inheritExtensions(root *node, _ *fhir.Resource) { root.e.Set("extension", nil) }

// element applies one element of the differential.
func (g *generator) element(d *fhir.Element) error {
	path := d.Get("path").Text()
	if path == "" || strings.Contains(path, "..") || strings.HasSuffix(path, ".") {
		return errors.New("the path cannot be used")
	}
	n, err := g.locate(d)
	if err != nil {
		return err
	}
	if err := g.check(n, d); err != nil {
		return err
	}
	if err := g.adopt(n, d); err != nil {
		return err
	}
	g.merge(n, d)
	g.applied = append(g.applied, application{from: d, to: n})
	return nil
}

// structure finds the definition to walk into for a type.
func (g *generator) structure(canonical string) (*node, error) {
	r, err := g.lookup(canonical)
	if err != nil {
		return nil, err
	}
	return grow(r)
}

// unknown reports whether an error only says that a definition is not there.
func unknown(err error) bool { return errors.Is(err, definition.ErrUnknown) }
