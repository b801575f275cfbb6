// Package search turns a search URL into a Query and a resource into the values
// a store indexes (R4 search §3.1). It knows no SQL.
package search
