// Package consent decides what R4 Consents let a requester see. It is pure: it reads
// no store, and is asked with all that it has to know.
//
// A Policy is a Consent understood. Decide takes the policies of one patient and a
// Requester, settles everything that does not depend on a resource (who asks, why,
// what for, when), and leaves a Residual: what a resource must be like to be seen.
// A Residual compiles, for one resource type, to a search.View, which stores put
// into their SQL and search.View.Sees judges in memory: one rule, two ways.
//
// What is doubtful denies: a constraint that cannot be understood never makes a
// permit hold, and always makes a deny hold. docs/adr/0014 has the semantics.
package consent
