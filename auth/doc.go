// Package auth says who may do what: SMART App Launch 2.2 scopes, the clients of
// this server, the tokens they are given, and the authorization server's
// endpoints that give them (RFC 6749, SMART Backend Services).
//
// An Authority is the authorization server of one FHIR base. It keeps its state
// on a Shelf, which the server makes of its store, so that a token is good on
// every server of one database and gone on all of them when it is revoked.
//
// What cannot be enforced is not granted: of the scopes asked for, those for a
// patient's or a user's context, and those that narrow by a search, are left out
// until there is what enforces them.
package auth
