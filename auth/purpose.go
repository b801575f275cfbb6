package auth

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// UsualPurposes are what a user of a role asks for where nothing else is said: a patient
// for himself, everybody else to treat.
func UsualPurposes(r Role) []string {
	if r == Patient {
		return []string{"PATRQT"}
	}
	return []string{"TREAT"}
}

// BreakGlass is the purpose of who overrides what a Consent keeps from him, as far as it
// lets him (v3-ActReason). No client has it by registration.
const BreakGlass = "BTG"

// purposeParameter is that of the token request (IHE IUA 3.71.4.1): codes with spaces
// between them.
const purposeParameter = "purpose_of_use"

// PurposeHeader is the header by which a request is made for fewer purposes than its
// token is good for: codes with commas between them.
const PurposeHeader = "X-Purpose-Of-Use"

// purposes are what the client's tokens for users of a role may be used for.
func (c *Client) purposes(role Role) []string {
	if len(c.Purposes) > 0 {
		return c.Purposes
	}
	return UsualPurposes(role)
}

// asks are the purposes of a token that the client asks for; "" is all that it may have.
// Only they themselves are: what a purpose subsumes may be met by another provision.
func (c *Client) asks(role Role, asked string) ([]string, error) {
	allowed := c.purposes(role)
	words := strings.Fields(asked)
	if len(words) == 0 {
		return allowed, nil
	}
	if len(words) > mostPurposes || slices.ContainsFunc(words, func(code string) bool { return !slices.Contains(allowed, code) }) {
		return nil, invalidRequest("purpose_of_use has what this client may not ask for; it may " + strings.Join(allowed, " "))
	}
	return words, nil
}

// keepsTo takes away from an access what its client, or the user, may no longer use it
// for; ok is false when nothing is left.
func (a *Access) keepsTo(allowed []string) (ok bool) {
	if len(a.Purposes) == 0 {
		a.Purposes = allowed
		return true
	}
	var still []string
	for _, code := range a.Purposes {
		if slices.Contains(allowed, code) || code == BreakGlass && a.broke() {
			still = append(still, code)
		}
	}
	a.Purposes = still
	return len(still) > 0
}

// broke reports whether the glass was broken for it.
func (a *Access) broke() bool { return a.Reason != "" }

// Narrow is the access for a request that names what it is made for (PurposeHeader).
// Errors: Malformed for what is no code, Forbidden for a purpose that the token has not.
func (a Access) Narrow(h http.Header) (Access, error) {
	given := h.Values(PurposeHeader)
	if len(given) == 0 {
		return a, nil
	}
	var codes []string
	for _, code := range strings.Split(strings.Join(given, ","), ",") {
		code = strings.TrimSpace(code)
		switch {
		case len(codes) == mostPurposes || !isPurpose(code):
			return a, fhir.Malformed("", "%s takes codes of v3-ActReason, such as TREAT, or SYSTEM|CODE, with commas between them", PurposeHeader).WithCode(fhir.CodeValue)
		case !slices.Contains(a.Purposes, code):
			return a, fhir.Forbidden("the access token is not for the purpose %s; it is for %s", code, strings.Join(a.Purposes, ", "))
		}
		codes = append(codes, code)
	}
	a.Purposes = codes
	return a, nil
}

// extensions are the purposes as IHE IUA 3.71.4.2.2.1 has them in tokens and their
// introspection.
func (a *Access) extensions() map[string]any {
	list := []map[string]string{}
	for _, purpose := range a.Purposes {
		system, code := PurposeCode(purpose)
		list = append(list, map[string]string{"system": system, "code": code})
	}
	return map[string]any{"ihe_iua": map[string]any{"purpose_of_use": list}}
}

const actReason = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

// PurposeCode is the code of a purpose as it is written: a code of v3-ActReason by itself,
// one of another code system behind that and a bar.
func PurposeCode(purpose string) (system, code string) {
	if system, code, other := strings.Cut(purpose, "|"); other {
		return system, code
	}
	return actReason, purpose
}

// PurposeText is a purpose as it is written, by its code.
func PurposeText(system, code string) string {
	if system == actReason {
		return code
	}
	return system + "|" + code
}

// isPurpose reports whether a text is a purpose: of v3-ActReason there is but one way to
// write it.
func isPurpose(text string) bool {
	return purposeCode.MatchString(text) && !strings.HasPrefix(text, actReason+"|")
}

var (
	purposeCode    = regexp.MustCompile(`^([a-z][a-z0-9+.-]*:[^\s|,"\\]{1,200}\|)?[A-Za-z0-9_.-]{1,40}$`)
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
	case slices.ContainsFunc(c.Purposes, func(code string) bool { return !isPurpose(code) }):
		return errors.New("purpose_of_use are codes of v3-ActReason, such as TREAT, or SYSTEM|CODE of another system")
	}
	return nil
}
