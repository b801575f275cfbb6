package auth

import (
	"slices"
	"strings"
)

// Scopes that are not for resources (SMART 2.2, scopes for requesting context
// data and identity data; OpenID Connect Core §5.4, §11).
const (
	openidScope   = "openid"
	fhirUserScope = "fhirUser"
	profileScope  = "profile"
	launchScope   = "launch"
	launchPatient = "launch/patient"
	launchVisit   = "launch/encounter"
	offlineScope  = "offline_access"
	onlineScope   = "online_access"
)

// otherScopes are all of them.
var otherScopes = []string{openidScope, fhirUserScope, profileScope, launchScope, launchPatient, launchVisit, offlineScope, onlineScope}

// splitScopes parts the scopes of a text: those for context and identity, each
// once, and the text of all others. What is none of either is for others to drop.
func splitScopes(text string) (other []string, resources string) {
	var rest []string
	for _, word := range strings.Fields(text) {
		switch {
		case !slices.Contains(otherScopes, word):
			rest = append(rest, word)
		case !slices.Contains(other, word):
			other = append(other, word)
		}
	}
	return other, strings.Join(rest, " ")
}
