package store

import "vitalwire/fhir/definition"

// Reindexing is a step of making resources findable by other search parameters.
type Reindexing struct {
	// Types are the resource types that are looked at; empty for all.
	Types []string
	// Make are custom search parameters (search.Registry.SetCustom) to index by,
	// Drop former ones whose index goes.
	Make, Drop []*definition.SearchParameter
	// After is the position that the step goes on behind.
	After int64
	// Limit bounds the versions looked at.
	Limit int
}

// Reindexed is what a step did.
type Reindexed struct {
	// Last is the position to go on behind.
	Last int64
	// Resources is how many were indexed.
	Resources int64
	// Done: there is nothing behind Last.
	Done bool
}
