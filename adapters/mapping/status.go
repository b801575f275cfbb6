package mapping

import (
	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
)

// measurementStatus is the code system of interpretation. The profile fixes this
// one; the point-of-care guide publishes the codes under terminology.hl7.org.
const measurementStatus = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"

// state is what a measurement status means in FHIR (PhdBaseObservation,
// Measurement Status).
type state struct {
	status         samply.ObservationStatus
	interpretation []samply.CodeableConcept
	security       []samply.Coding
	// absent is the reason why no value may be shown, "" when it may.
	absent string
	notes  []string
}

func statusOf(s acom.Status) state {
	st := state{status: samply.ObservationStatusFinal}
	if s&acom.NotAvailable != 0 {
		st.absent = "not-performed"
	}
	if s&acom.EarlyIndication != 0 {
		st.status = samply.ObservationStatusPreliminary
	}
	if s&acom.Invalid != 0 {
		st.status, st.absent = samply.ObservationStatusEnteredInError, "error"
		st.notes = append(st.notes, "The device marked this measurement invalid; its value is not shown.")
	}
	for _, flag := range []struct {
		bit           acom.Status
		code, display string
	}{
		{acom.Questionable, "questionable", "Questionable"},
		{acom.CalibrationOngoing, "calibration-ongoing", "Calibration ongoing"},
		{acom.ValidatedData, "validated-data", "Validated data"},
		{acom.EarlyIndication, "early-indication", "Early indication"},
		{acom.MsmtOngoing, "msmt-ongoing", "Measurement ongoing"},
	} {
		if s&flag.bit != 0 {
			st.interpretation = append(st.interpretation, concept(measurementStatus, flag.code, flag.display))
		}
	}
	if s&(acom.TestData|acom.DemoData) != 0 {
		st.security = []samply.Coding{coding("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data")}
	}
	return st
}
