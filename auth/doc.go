// Package auth says who may do what: SMART App Launch 2.2 scopes, the clients of
// this server, the tokens they are given, and the authorization server's
// endpoints that give them (RFC 6749, SMART Backend Services).
//
// An Authority is the authorization server of one FHIR base. It keeps its state
// on a Shelf, which the server makes of its store, so that a token is good on
// every server of one database and gone on all of them when it is revoked.
//
// People let apps in by its pages (SMART App Launch 2.2, OpenID Connect): authorize.go
// reads an app's request, consider.go asks the user what is still open, consent.go what
// the app may do, code.go and refresh.go give tokens, which live with a Grant.
//
// What cannot be enforced is not granted.
package auth
