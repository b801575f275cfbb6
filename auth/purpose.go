package auth

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// usualPurposes are what a user of a role asks for where nothing else is said: a patient
// for himself, everybody else to treat.
func usualPurposes(r Role) []string {
	if r == Patient {
		return []string{"PATRQT"}
	}
	return []string{"TREAT"}
}

// BreakGlass is the purpose of who overrides what a Consent keeps from him, as far as it
// lets him (v3-ActReason). No client has it by registration.
const BreakGlass = "BTG"

var (
	purposeCode    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
	clientResource = regexp.MustCompile(`^(Device|Organization)/[A-Za-z0-9.-]{1,64}$`)
)

// mostPurposes bounds those of one client.
const mostPurposes = 20

// checkPurposes says what is wrong with what a client is, and is for.
func (c *Client) checkPurposes() error {
	switch {
	case c.Resource != "" && !clientResource.MatchString(c.Resource):
		return errors.New("fhir_resource is a Device or an Organization, such as Organization/1")
	case len(c.Purposes) > mostPurposes:
		return fmt.Errorf("purpose_of_use has more than %d codes", mostPurposes)
	case slices.Contains(c.Purposes, BreakGlass):
		return errors.New("purpose_of_use cannot be BTG: the glass is broken by a user, with a reason")
	case slices.ContainsFunc(c.Purposes, func(code string) bool { return !purposeCode.MatchString(code) }):
		return errors.New("purpose_of_use are codes of v3-ActReason, such as TREAT")
	}
	return nil
}
