package interaction

import (
	"slices"
	"strings"
)

// Place is an interaction with where it is asked for.
type Place struct {
	Method string
	// Path below the FHIR base, with {type}, {id}, {vid} and {compartment} where it varies.
	Path string
	// Query: it is asked for with search criteria after the path (a conditional interaction).
	Query bool
	Name  Name
}

// forms are the URLs of R4 http §3.1.0.1.1 that Parse is asked about. A form
// that it does not serve is in no answer below.
var forms = []string{
	"metadata", "", "_search", "_history",
	"{type}", "{type}?criteria", "{type}/_search", "{type}/_history",
	"{type}/{id}", "{type}/{id}/_history", "{type}/{id}/_history/{vid}",
	"{compartment}/{id}/{type}", "{compartment}/{id}/{type}/_search", "{compartment}/{id}/*", "{compartment}/{id}/_search",
}

// Places lists what is served on resources of a type, or with "" on the whole
// system, by asking Parse.
func Places(typ string) []Place {
	var list []Place
	compartment := "Patient"
	fill := strings.NewReplacer("{compartment}", compartment, "{type}", typ, "{id}", "x", "{vid}", "1")
	for _, form := range forms {
		if strings.Contains(form, "{type}") == (typ == "") {
			continue
		}
		path, _, conditional := strings.Cut(form, "?")
		query := ""
		if conditional {
			query = "_id=x"
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			r, err := Parse(method, fill.Replace(path), query)
			if err != nil {
				continue
			}
			p := Place{Method: method, Path: path, Query: conditional, Name: r.Interaction}
			if conditional && slices.ContainsFunc(list, func(o Place) bool { return o.Method == p.Method && o.Path == p.Path && o.Name == p.Name }) {
				continue // the criteria make no difference: a search
			}
			list = append(list, p)
		}
	}
	return list
}

// names are the interactions among places, in the order of R4
// restful-interaction.
func names(places []Place) []Name {
	var list []Name
	for _, name := range []Name{Read, VRead, Update, Patch, Delete, HistoryInstance, HistoryType, Create, SearchType, Transaction, Batch, SearchSystem, HistorySystem} {
		if slices.ContainsFunc(places, func(p Place) bool { return p.Name == name || name == Batch && p.Name == Transaction }) {
			list = append(list, name)
		}
	}
	return list
}

// conditional reports whether an interaction is served with criteria.
func conditional(places []Place, name Name) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return p.Query && p.Name == name })
}
