package definition

import (
	"fmt"

	"vitalwire/fhir"
)

// SearchParameter is a compiled R4 SearchParameter (R4 searchparameter §2.26).
type SearchParameter struct {
	URL     string // canonical, without version
	Version string
	Name    string
	Code    string // the name in a search URL
	// Bases are the resource types it applies to; "Resource" and
	// "DomainResource" stand for all of theirs.
	Bases []string
	// Type is number, date, string, token, reference, composite, quantity, uri
	// or special.
	Type string
	// Expression is FHIRPath, "" for parameters that are computed otherwise.
	Expression string
	// Targets are the resource types a reference may point to, empty for any.
	Targets []string
	// Components are set for a composite.
	Components []SearchComponent
	// MultipleOr and MultipleAnd tell whether values may be joined by commas
	// and the parameter repeated; true where the definition is silent.
	MultipleOr, MultipleAnd bool
	// Comparators, Modifiers and Chains are what the definition names, empty
	// where it is silent.
	Comparators, Modifiers, Chains []string
	Description                    string
}

// SearchComponent is one part of a composite SearchParameter.
type SearchComponent struct {
	Definition string // canonical of a SearchParameter
	Expression string // relative to what the composite's expression gives
}

// Canonical is the url, with "|version" where there is one.
func (p *SearchParameter) Canonical() string {
	if p.Version == "" {
		return p.URL
	}
	return p.URL + "|" + p.Version
}

// SearchParameterFrom compiles a SearchParameter resource. What it gives shares
// nothing with the resource. The error names what is missing.
func SearchParameterFrom(r *fhir.Resource) (*SearchParameter, error) {
	if r.Type() != "SearchParameter" {
		return nil, fmt.Errorf("a %s is no SearchParameter", r.Type())
	}
	c := compiler{words: make(map[string]string)}
	p := &SearchParameter{
		URL:         c.text(r.Get("url")),
		Version:     c.text(r.Get("version")),
		Name:        c.text(r.Get("name")),
		Code:        c.text(r.Get("code")),
		Bases:       c.texts(r.Get("base")),
		Type:        c.text(r.Get("type")),
		Expression:  c.text(r.Get("expression")),
		Targets:     c.texts(r.Get("target")),
		MultipleOr:  r.Get("multipleOr").Text() != "false",
		MultipleAnd: r.Get("multipleAnd").Text() != "false",
		Comparators: c.texts(r.Get("comparator")),
		Modifiers:   c.texts(r.Get("modifier")),
		Chains:      c.texts(r.Get("chain")),
		Description: c.text(r.Get("description")),
	}
	for _, part := range r.Get("component").Items() {
		p.Components = append(p.Components, SearchComponent{
			Definition: c.text(part.Get("definition")), Expression: c.text(part.Get("expression")),
		})
	}
	if p.Code == "" || p.Type == "" || len(p.Bases) == 0 {
		return nil, fmt.Errorf("SearchParameter %s: code, type and base are needed", p.Canonical())
	}
	return p, nil
}
