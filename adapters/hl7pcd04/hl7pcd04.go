// Package hl7pcd04 reads the alarms of bedside devices: IHE PCD-04 (Report Alarm,
// ORU^R40) as monitors and their gateways send them. The senders are those of
// PCD-01, with the same dialects, so that adapters/hl7pcd01 has the reader; it reads
// such a message too when one comes on its connection.
//
// An alarm is an event with a life: it starts, continues, is updated, escalated or
// inactivated, ends, and may stay latched. Every message about it tells its state
// then, and names the event by OBR-29, or OBR-3 in the first. It becomes one
// Observation, preliminary while the alarm lives and final once it is over, whose
// versions are the states; each attribute (source, phase, state, inactivation,
// priority, type) is a component, the words to people a note.
//
// The watchdog (MDC_EVT_ACTIVE) says that alarms could be sent if there were any. It
// is no alarm and no fact: it is a sign of life, with the time that may pass until the next.
package hl7pcd04

import (
	"vitalwire/adapters"
	"vitalwire/adapters/hl7pcd01"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "hl7pcd04",
	Standard: "IHE PCD-04 (PCD TF-2 2019), HL7 2.6 ORU^R40",
	New:      func(adapters.Memory) adapters.Decoder { return hl7pcd01.Alarms() },
}
