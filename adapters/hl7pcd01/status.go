package hl7pcd01

import (
	"slices"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir/term"
)

// flag is what a word of OBX-8 says (PCD TF-2, B.8.8; HL7 table 0078).
type flag struct {
	status acom.Status
	absent acom.Absent
	// interpretation is a code of v3 ObservationInterpretation.
	interpretation string
	comparator     acom.Comparator
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
	">":     {comparator: acom.Above}, "<": {comparator: acom.Below},
	"N": {interpretation: "N"}, "L": {interpretation: "L"}, "LL": {interpretation: "LL"},
	"H": {interpretation: "H"}, "HH": {interpretation: "HH"}, "A": {interpretation: "A"}, "AA": {interpretation: "AA"},
	"U": {interpretation: "U"}, "D": {interpretation: "D"}, "B": {interpretation: "B"}, "W": {interpretation: "W"},
	"POS": {interpretation: "POS"}, "NEG": {interpretation: "NEG"}, "IND": {interpretation: "IND"},
	"LOW": {interpretation: "L"}, "HIGH": {interpretation: "H"}, "NORMAL": {interpretation: "N"}, "ABNORMAL": {interpretation: "A"},
}

// offScale are words in place of a number: the value lies beyond what the device measures,
// it does not say how far (v3 ObservationInterpretation).
var offScale = map[string]string{"LOW": "<", "LO": "<", "UNDER": "<", "HIGH": ">", "HI": ">", "OVER": ">"}

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
		if f.absent != 0 {
			m.Value = acom.Value{Absent: f.absent}
		}
		if f.interpretation != "" {
			m.Metric.Interpretation = append(m.Metric.Interpretation, f.interpretation)
		}
		if f.comparator != 0 && m.Value.Number != nil && m.Value.Comparator == 0 {
			m.Value.Comparator = f.comparator
		}
	}
	if r.header.Field(11).Component(1).Text() == "T" { // training
		m.Status |= acom.TestData
	}
}

// fraction doubts an oxygen saturation of at most one percent: nobody lives with it, and
// some senders write 0.98 for 98 %. The number stays what was sent.
func fraction(m *acom.Measurement) {
	const percent = 262688 // MDC_DIM_PERCENT
	n := m.Value.Number
	if n == nil || m.Setting || m.Value.Unit != percent && (m.Value.Foreign == nil || m.Value.Foreign.Code != "%") {
		return
	}
	if slices.ContainsFunc(known(m.Type).LOINC, func(l term.LOINC) bool { return l.Code == "2708-6" }) && below(n.Text, "1.01") && below("0", n.Text) {
		m.Status |= acom.Questionable
		m.Metric.Notes = append(m.Metric.Notes, "A saturation of "+n.Text+" % was sent; it may be meant as a fraction of 1.")
	}
}

// staged reads OBX-11 (HL7 table 0085). R, not validated by a person, is what a
// monitor's values are: final by the device's own opinion.
func staged(obx *hl7v2.Segment, m *acom.Measurement) {
	switch word := strings.ToUpper(obx.Field(11).Component(1).Text()); word {
	case "", "F", "R", "U", "V":
	case "P", "I", "S", "A", "B":
		m.Metric.Stage = acom.Preliminary
	case "C":
		m.Metric.Stage = acom.Corrected
	case "D", "W":
		m.Metric.Stage = acom.Withdrawn
	case "X": // no result could be obtained; a number beside it is a filler
		if m.Value.Absent == 0 {
			m.Value = acom.Value{Absent: acom.AbsentError}
		}
	case "N", "O": // asked for by nobody, ordered without result
		m.Value = acom.Value{Absent: acom.AbsentNotPerformed}
	default:
		m.Metric.Stage = acom.Unclear
		m.Metric.Notes = append(m.Metric.Notes, "The sender gives the result the status "+short(word)+", which is none of HL7's.")
	}
}

// methods are the words of OBX-17 (PCD TF-2, B.8.17) and the category they mean.
var methods = map[string]string{
	"AMEAS": "measurement", "MMEAS": "measurement",
	"ASET": "setting", "MSET": "setting", "RSET": "setting",
	"ACALC": "calculation", "MCALC": "calculation", "CALC": "calculation",
}
