package intellivue

import (
	"fmt"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// patient is what an object of demographics tells.
type patient struct {
	told               bool
	state              uint16
	stated             bool
	id, family, given  string
	born               string
	sex                uint16
	height, weight     uint32
	heightIn, weightIn uint16
	tall, heavy        bool
}

// attribute reads an attribute of demographics; others are passed over.
func (p *patient) attribute(id uint16, c *cursor.Cursor) {
	switch id {
	case attrPatientState:
		p.stated, p.state = true, c.U16("state")
	case attrPatientID:
		p.id = text(c)
	case attrFamily:
		p.family = text(c)
	case attrGiven:
		p.given = text(c)
	case attrBirthDate:
		p.born = birthDate(c.Take(8, "date of birth"))
	case attrSex:
		p.sex = c.U16("sex")
	case attrHeight:
		p.tall, p.height, p.heightIn = true, c.U32("height"), c.U16("unit")
	case attrWeight:
		p.heavy, p.weight, p.weightIn = true, c.U32("weight"), c.U16("unit")
	default:
		return
	}
	p.told = true
}

// birthDate is a date as far as it is told: FF is not.
func birthDate(bytes []byte) string {
	date := fmt.Sprintf("%X", bytes)
	if len(date) < 8 || strings.Trim(date[:4], "0123456789") != "" || date[:4] == "0000" {
		return ""
	}
	year, month, day := date[:4], date[4:6], date[6:8]
	switch {
	case month < "01" || month > "12":
		return year
	case day < "01" || day > "31" || strings.Trim(month+day, "0123456789") != "":
		return year + "-" + month
	}
	return year + "-" + month + "-" + day
}

// patient takes whom the monitor has for its patient, for the rest of the frame: one
// who is admitted, or of whom it says at least who it is.
func (r *reader) patient(p patient) {
	const admitted = 2
	if !p.told {
		return
	}
	r.facts, r.subject = true, nil
	if p.stated && p.state != admitted {
		return
	}
	s := &acom.Subject{Name: strings.Trim(p.family+", "+p.given, ", "), BirthDate: p.born, Sex: map[uint16]string{1: "M", 2: "F"}[p.sex]}
	if p.id != "" {
		s.Identifiers = []acom.SubjectID{{Value: p.id}}
	}
	if s.Identifiers != nil || s.Name != "" || s.BirthDate != "" {
		r.subject = s
	}
	for _, size := range []struct {
		told bool
		typ  acom.Code
		raw  uint32
		unit uint16
	}{{p.tall, 68060, p.height, p.heightIn}, {p.heavy, 68063, p.weight, p.weightIn}} { // MDC_ATTR_PT_HEIGHT, _WEIGHT
		if v := number(size.raw, size.unit); size.told && v.Number.Special == 0 {
			r.report.Measurements = append(r.report.Measurements, acom.Measurement{Kind: acom.Numeric, Type: size.typ, Time: r.moment, Value: v,
				Metric: &acom.Metric{Method: &acom.Coding{Display: "Manual"}, Notes: []string{"Entered at the monitor; when it was measured is not told."}}})
		}
	}
}
