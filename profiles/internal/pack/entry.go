package pack

// Entry is what the index knows of a definition.
type Entry struct {
	Type    string // resource type: StructureDefinition, ValueSet ...
	ID      string
	URL     string // canonical without version
	Version string
	Name    string
	Title   string
	Status  string // draft, active, retired, unknown
	// Kind is StructureDefinition.kind, OperationDefinition.kind,
	// SearchParameter.type or CodeSystem.content.
	Kind string
	// Derivation is StructureDefinition.derivation.
	Derivation string
	// Of is StructureDefinition.type, the code of a SearchParameter,
	// OperationDefinition or CompartmentDefinition, or CodeSystem.valueSet.
	Of string
	// Base is StructureDefinition.baseDefinition.
	Base string
	// On are the resource types that a SearchParameter or OperationDefinition
	// applies to.
	On []string
	// Package is name#version of the package it came with, "" for embedded R4.
	Package string

	block, offset, length int
}

// Canonical is the url, with "|version" where there is one.
func (e *Entry) Canonical() string {
	if e.Version == "" {
		return e.URL
	}
	return e.URL + "|" + e.Version
}

// Size is the length of the definition's JSON in bytes.
func (e *Entry) Size() int { return e.length }

// texts are the fields the index stores, in order; On follows them.
func (e *Entry) texts() [11]*string {
	return [...]*string{&e.Type, &e.ID, &e.URL, &e.Version, &e.Name, &e.Title, &e.Status,
		&e.Kind, &e.Derivation, &e.Of, &e.Base}
}
