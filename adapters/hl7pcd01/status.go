package hl7pcd01

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// flag is what a word of OBX-8 says (PCD TF-2, B.8.8; HL7 table 0078).
type flag struct {
	status acom.Status
	absent acom.Absent
	// interpretation is a code of v3 ObservationInterpretation.
	interpretation string
	comparator     string
}

var flags = map[string]flag{
	"INV":   {status: acom.Invalid},
	"QUES":  {status: acom.Questionable},
	"NAV":   {absent: acom.AbsentTemporarily},
	"CAL":   {status: acom.CalibrationOngoing},
	"TEST":  {status: acom.TestData},
	"DEMO":  {status: acom.DemoData},
	"VAL":   {status: acom.ValidatedData},
	"EARLY": {status: acom.EarlyIndication},
	"BUSY":  {status: acom.MsmtOngoing, absent: acom.AbsentTemporarily},
	"ALACT": {status: acom.InAlarm},
	"ALINH": {status: acom.AlarmInhibited},
	"NI":    {absent: acom.AbsentUnknown},
	"OFF":   {absent: acom.AbsentNotPerformed},
	">":     {comparator: ">"}, "<": {comparator: "<"},
	"N": {interpretation: "N"}, "L": {interpretation: "L"}, "LL": {interpretation: "LL"},
	"H": {interpretation: "H"}, "HH": {interpretation: "HH"}, "A": {interpretation: "A"},
}

// priorities are words of OBX-8 that tell an alarm's priority or kind: no
// interpretation of a value.
var priorities = map[string]bool{"PN": true, "PL": true, "PM": true, "PH": true, "PI": true, "PU": true, "SP": true, "ST": true, "SA": true}

// flagged reads OBX-8 and MSH-11 into the measurement.
func (r *reader) flagged(obx *hl7v2.Segment, m *acom.Measurement) {
	for _, word := range obx.Field(8).Repetitions() {
		text := word.Component(1).Text()
		f, ok := flags[strings.ToUpper(text)]
		if !ok {
			if text != "" && !priorities[text] {
				m.Metric.Notes = append(m.Metric.Notes, "The sender flags the value "+text+".")
			}
			continue
		}
		m.Status |= f.status
		if f.absent != "" {
			m.Value = acom.Value{Absent: f.absent}
		}
		if f.interpretation != "" {
			m.Metric.Interpretation = append(m.Metric.Interpretation, f.interpretation)
		}
		if f.comparator != "" && m.Value.Number != nil && m.Value.Comparator == "" {
			m.Value.Comparator = f.comparator
		}
	}
	if r.header.Field(11).Component(1).Text() == "T" { // training
		m.Status |= acom.TestData
	}
}

// staged reads OBX-11 (HL7 table 0085). R, not validated by a person, is what a
// monitor's values are: final by the device's own opinion.
func staged(obx *hl7v2.Segment, m *acom.Measurement) {
	switch strings.ToUpper(obx.Field(11).Component(1).Text()) {
	case "P", "I", "S", "A", "B":
		m.Metric.Stage = acom.Preliminary
	case "C":
		m.Metric.Stage = acom.Corrected
	case "D", "W":
		m.Metric.Stage = acom.Withdrawn
	case "X": // no result could be obtained; a number beside it is a filler
		if m.Value.Absent == "" {
			m.Value = acom.Value{Absent: acom.AbsentError}
		}
	case "N", "O": // asked for by nobody, ordered without result
		m.Value = acom.Value{Absent: acom.AbsentNotPerformed}
	}
}

// methods are the words of OBX-17 (PCD TF-2, B.8.17) and the category they mean.
var methods = map[string]string{
	"AMEAS": "measurement", "MMEAS": "measurement",
	"ASET": "setting", "MSET": "setting", "RSET": "setting",
	"ACALC": "calculation", "MCALC": "calculation", "CALC": "calculation",
}
