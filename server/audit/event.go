// Package audit keeps what was done with this server, as AuditEvents by IHE BALP 1.1.4
// (Basic Audit Log Patterns): who created, read, changed, deleted and searched what, of
// which patient, with which token and for what.
//
// What is written has its events in the same commit (Store). What is read is told to a
// durable queue before it is answered (Log.Note), and from there stored in batches.
// Nobody changes an AuditEvent of the server's, and a hash chain over them (store.Chain)
// shows what was done to the database behind its back (Verify).
package audit

import (
	"encoding/json"
	"time"
)

// Kind says what was done.
type Kind string

// The kinds. The first are interactions of R4 (restful-interaction); Collect is an
// operation that gives what is kept of patients, such as $everything, Operation any
// other.
const (
	Create          Kind = "create"
	Read            Kind = "read"
	VRead           Kind = "vread"
	Update          Kind = "update"
	Patch           Kind = "patch"
	Delete          Kind = "delete"
	SearchType      Kind = "search-type"
	SearchSystem    Kind = "search-system"
	HistoryInstance Kind = "history-instance"
	HistoryType     Kind = "history-type"
	HistorySystem   Kind = "history-system"
	Batch           Kind = "batch"
	Transaction     Kind = "transaction"
	Operation       Kind = "operation"
	Collect         Kind = "collect"

	Login       Kind = "login"
	LoginFailed Kind = "login-failed"
	LockedOut   Kind = "locked-out"
	Logout      Kind = "logout"
	TokenIssued Kind = "token-issued"
	TokenBad    Kind = "token-refused"
	Refused     Kind = "request-refused" // Code is why: forbidden, throttled or refused
	Consented   Kind = "consent-decision"
	BreakGlass  Kind = "break-glass"
	Admin       Kind = "administration"
	Removal     Kind = "removal" // of versions for ever; Code is the operation
)

// Outcomes of R4 audit-event-outcome.
const (
	Success = "0"
	Minor   = "4" // the caller's fault, or he may not
	Serious = "8" // the server's
)

// Event is one thing that was done. It becomes one AuditEvent, or one for each patient:
// BALP has exactly one in each.
type Event struct {
	// ID is that of the AuditEvent; of the second and later ones it is followed by a
	// number. The same Event always makes the same ones.
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	Kind Kind      `json:"kind"`
	// Code is that of an operation without the "$", or of what an administrator did.
	Code string `json:"code,omitempty"`
	// Outcome is one of the outcomes, "" for Success; Description says more, in words
	// without patient data.
	Outcome     string `json:"outcome,omitempty"`
	Description string `json:"description,omitempty"`
	// What is a reference to what it was done to, with its version where it has one; or,
	// of an Admin event, its name.
	What string `json:"what,omitempty"`
	// Query is what was searched, as it was sent.
	Query string `json:"query,omitempty"`
	// Patients are the ids of the patients that it was about.
	Patients []string `json:"patients,omitempty"`
	// Consents are those that a decision was made by, as references.
	Consents []string `json:"consents,omitempty"`
	// Decided is what Consents decided of it, as far as they were known up to the position
	// Known; each becomes an AuditEvent beside those of the event. An event of kind
	// Consented with any is nothing else.
	Decided []Decided `json:"decided,omitempty"`
	Known   int64     `json:"known,omitempty"`
	// Purposes are codes of v3-ActReason.
	Purposes []string `json:"purposes,omitempty"`
	Agent    Agent    `json:"agent"`
	// Request is the X-Request-Id; "" for none.
	Request string `json:"request,omitempty"`
}

// Agent is who did it.
type Agent struct {
	// Client is the client id, User the login name, FHIRUser and Organization references;
	// each may be "".
	Client       string `json:"client,omitempty"`
	User         string `json:"user,omitempty"`
	FHIRUser     string `json:"fhirUser,omitempty"`
	Organization string `json:"organization,omitempty"`
	Role         string `json:"role,omitempty"`
	// Token is the id of the access token, never the token.
	Token string `json:"token,omitempty"`
	// Address is the IP address; "" when it is not known.
	Address string `json:"address,omitempty"`
	// Name is for what has none of these, such as a device interface.
	Name string `json:"name,omitempty"`
}

// line is the event as the queue keeps it.
func (e *Event) line() ([]byte, error) {
	data, err := json.Marshal(e)
	return append(data, '\n'), err
}
