package profiles

import (
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/profiles/internal/pack"
)

// Package is a FHIR NPM package: the definitions of an implementation guide.
// It is immutable and safe for concurrent use.
type Package struct {
	Name      string // hl7.fhir.us.core
	Version   string // 8.0.0; "" where the archive says none
	Canonical string // base of its canonicals
	Title     string
	License   string
	// FHIRVersions are those the package states, such as 4.0.1.
	FHIRVersions []string
	// Dependencies are in the order of name.
	Dependencies []Dependency
	// Notes say what was left out and why, at most maxNotes of them.
	Notes []string

	shelf *shelf
}

// Dependency is a package that another one builds on.
type Dependency struct{ Name, Version string }

// Key is name#version, as packages are cited.
func (d Dependency) Key() string { return d.Name + "#" + d.Version }

// Key is name#version, as packages are cited.
func (p *Package) Key() string { return p.Name + "#" + p.Version }

// Entries are the definitions in the package.
func (p *Package) Entries() []*Entry {
	out := make([]*Entry, len(p.shelf.Entries))
	for i := range p.shelf.Entries {
		out[i] = &p.shelf.Entries[i]
	}
	return out
}

// Memory is about how many bytes the package keeps while it is not in use.
func (p *Package) Memory() int { return p.shelf.Memory() }

// maxNotes bounds what is remembered of what was left out.
const maxNotes = 20

func (p *Package) note(text string) {
	if len(p.Notes) < maxNotes {
		p.Notes = append(p.Notes, text)
	}
}

// manifest takes what package.json says.
func (p *Package) manifest(data []byte) error {
	m, err := fhir.ParseElement(data)
	if err != nil {
		return refuse("package.json: %v", err)
	}
	p.Name, p.Version = m.Get("name").Text(), m.Get("version").Text()
	p.Canonical, p.Title, p.License = m.Get("canonical").Text(), m.Get("title").Text(), m.Get("license").Text()
	if !validName(p.Name) || len(p.Version) > 64 {
		return refuse("package.json: the name or version cannot be used")
	}
	for _, list := range []string{"fhirVersions", "fhir-version-list", "fhirVersion"} {
		for _, v := range m.Get(list).Items() {
			p.FHIRVersions = append(p.FHIRVersions, v.Text())
		}
	}
	for _, d := range m.Get("dependencies").Members() {
		p.Dependencies = append(p.Dependencies, Dependency{Name: d.Name, Version: d.Value.Text()})
	}
	slices.SortFunc(p.Dependencies, func(a, b Dependency) int { return strings.Compare(a.Name, b.Name) })
	if len(p.FHIRVersions) > 0 && !slices.ContainsFunc(p.FHIRVersions, isR4) {
		return refuse("%s is for FHIR %s; this server holds R4 (4.0.1)", p.Key(), strings.Join(p.FHIRVersions, ", "))
	}
	return nil
}

func isR4(version string) bool { return version == "4.0" || strings.HasPrefix(version, "4.0.") }

// validName reports whether a package name is of the form the FHIR package
// specification gives: letters, digits, '.', '-', '_', perhaps with an npm scope.
func validName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_@/", c)) {
			return false
		}
	}
	return true
}

// definitional are the resource types that a package is loaded for. Others in
// its folder are instances.
var definitional = map[string]bool{
	"ActivityDefinition": true, "CapabilityStatement": true, "CodeSystem": true, "CompartmentDefinition": true,
	"ConceptMap": true, "GraphDefinition": true, "ImplementationGuide": true, "Library": true, "Measure": true,
	"MessageDefinition": true, "NamingSystem": true, "OperationDefinition": true, "PlanDefinition": true,
	"Questionnaire": true, "SearchParameter": true, "StructureDefinition": true, "StructureMap": true,
	"TerminologyCapabilities": true, "ValueSet": true,
}

// add takes one JSON file of the package.
func (p *Package) add(b *pack.Builder, name string, data []byte) error {
	root, err := fhir.ParseElement(data)
	if err != nil {
		p.note(name + " is left out: " + err.Error())
		return nil //nolint:nilerr // one bad file does not spoil a package
	}
	if root.Get("resourceType") == nil {
		return nil
	}
	if id := root.Get("id"); id != nil && !fhir.ValidID(id.Text()) {
		// Definitions go by their canonical; tools write ids that are too long.
		root.Set("id", nil)
	}
	r, err := fhir.AsResource(root)
	if err != nil {
		p.note(name + " is left out: " + err.Error())
		return nil //nolint:nilerr // as above
	}
	if !definitional[r.Type()] {
		return nil
	}
	if r.Type() == "StructureDefinition" {
		if v := r.Get("fhirVersion").Text(); v != "" && !isR4(v) {
			p.note(name + " is left out: it is for FHIR " + v)
			return nil
		}
	}
	r.Root().Set("text", nil) // narrative is a quarter of a package and of no use here
	return b.Add(r, p.Key())
}
