// Package phd20601 is the manager side of IEEE 11073-20601 (2008 to 2019): it
// associates with personal health device agents (clause 8), learns their
// configurations (8.8), reads their scan reports (clause 7.4, annex A) and
// answers what they wait for. It implements the MDER encoding only (annex F)
// and leaves out Set-Time, requests for data and the clearing of PM-segments.
//
// Of every specialization (104xx) the objects are read by what the agent's
// configuration says of them, live and from PM-stores. Standard configurations are
// built in for 10404, 10407, 10408, 10415 and 10417; an agent with another one is
// asked for its configuration report, as 8.7.3.2 provides: none is guessed.
//
// Frame.Bytes holds one or several APDUs, of the agent or of both directions;
// what a manager said is checked and gives neither facts nor a reply.
package phd20601

import (
	"maps"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "phd20601",
	Standard: "IEEE 11073-20601-2019",
	New:      func(memory adapters.Memory) adapters.Decoder { return &manager{memory: memory} },
}

// maxFacts bounds what one Decode call may give: every measurement, component
// and supplemental type counts one. The largest APDU of an agent (63 KB) holds
// fewer than 10,000.
const maxFacts = 100_000

// manager is the 20601 manager of one connection.
type manager struct {
	memory  adapters.Memory
	session session
}

// Fork implements adapters.Dialogue.
func (m *manager) Fork(memory adapters.Memory) adapters.Dialogue {
	return &manager{memory: memory, session: m.session.clone()}
}

// turn is one Decode call at work: a copy of the session and what it gives.
// It replaces the manager's session only when the whole frame was good.
type turn struct {
	session
	memory adapters.Memory
	frame  adapters.Frame
	result adapters.Result
	facts  int
}

// Decode implements adapters.Decoder.
func (m *manager) Decode(f adapters.Frame) (adapters.Result, error) {
	apdus, err := parse(f.Bytes)
	if err != nil {
		return adapters.Result{}, err
	}
	t := &turn{session: m.session.clone(), memory: m.memory, frame: f}
	for _, a := range apdus {
		if err := t.take(a); err != nil {
			return adapters.Result{}, err
		}
	}
	t.rememberAssociation()
	m.session = t.session
	return t.result, nil
}

// state is the manager's connection state (8.4, figure "manager state machine").
// Transport connect and disconnect are the transport's; the manager never asks
// for release, so it is never in "disassociating".
type state int

const (
	// detached: nothing was heard on this connection. An association made
	// elsewhere (an HTTP gateway posting single APDUs) may be recalled.
	detached state = iota
	// unassociated: an association of this connection ended, or was refused.
	unassociated
	// configuring: accepted-unknown-config was sent, the config report is awaited.
	configuring
	// operating: the configuration is known.
	operating
)

// session is what the manager knows of the agent. Everything reachable from it
// is replaced, never changed, so that a clone is cheap and safe.
type session struct {
	state state
	// fresh is set between an association request and the next thing the agent
	// says: a second request is then a retry.
	fresh    bool
	systemID string
	device   *acom.Device // nil while it told nothing of itself
	clock    *acom.Clock
	// clockRecalled marks a clock read in an earlier connection: good for the
	// running clock, which has no other meaning, and for nothing else.
	clockRecalled bool
	// test marks a test association (functional-units, 8.7.3): no patient's data.
	test     bool
	configID uint16
	config   *configuration // nil while unknown
	// updates holds the metric attributes the agent changed since it was
	// configured: handle -> attribute -> value.
	updates  map[uint16]map[uint16]octets
	segments map[uint16][]segment // by PM-store handle
	invoke   uint16               // last invoke-id the manager used
	kept     kept
}

// told is what the device said of itself.
func (s *session) told() *acom.Device {
	if s.device == nil {
		return &acom.Device{}
	}
	return s.device
}

func (s session) clone() session {
	s.segments = maps.Clone(s.segments)
	s.updates = maps.Clone(s.updates)
	for handle, values := range s.updates {
		s.updates[handle] = maps.Clone(values)
	}
	return s
}

// refuse is an error that marks well-formed bytes that cannot be used.
func refuse(c *cursor.Cursor, format string, args ...any) error {
	err := malformed(c, format, args...)
	err.Unprocessable = true
	return err
}

// malformed is an error at the cursor's place.
func malformed(c *cursor.Cursor, format string, args ...any) *adapters.Error {
	return &adapters.Error{Offset: c.Offset(), Reason: sprintf(format, args...)}
}

// count books n facts.
func (t *turn) count(c *cursor.Cursor, n int) error {
	if t.facts += n; t.facts > maxFacts {
		return malformed(c, "more than %d facts in one frame", maxFacts)
	}
	return nil
}
