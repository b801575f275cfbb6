// Package mask has the obligations of an operator: elements of resources that some
// callers are not shown, and cannot search by (docs/adr/0024). It knows nothing of
// stores or HTTP.
package mask
