package hl7pcd01

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
	"vitalwire/fhir/term"
)

// Code systems by their names in HL7 table 0396.
var systems = map[string]string{
	"LN": loincSystem, "LOINC": loincSystem,
	"SCT": "http://snomed.info/sct", "SNM3": "http://snomed.info/sct", "SNOMED-CT": "http://snomed.info/sct",
	"UCUM": ucumSystem, "UCUM+": ucumSystem,
}

const (
	loincSystem = "http://loinc.org"
	ucumSystem  = "http://unitsofmeasure.org"
	mdcSystem   = "MDC"
)

// synonyms are REFIDs that senders write for terms of another REFID.
var synonyms = map[string]string{
	"MDC_ECG_CARD_BEAT_RATE":                    "MDC_ECG_HEART_RATE", // PoCD guide and PIC iX
	"MDC_ECG_LEAD_I":                            "MDC_ECG_ELEC_POTL_I",
	"MDC_ECG_LEAD_II":                           "MDC_ECG_ELEC_POTL_II",
	"MDC_ECG_LEAD_III":                          "MDC_ECG_ELEC_POTL_III",
	"MDC_ATTR_ALERT_STATE":                      "MDC_ATTR_ALARM_STATE", // older PCD-04
	"MDC_ATTR_ALERT_PRIORITY":                   "MDC_ATTR_ALARM_PRIORITY",
	"MDC_ATTR_ALERT_INACTIVATION_STATE":         "MDC_ATTR_ALARM_INACTIVATION_STATE",
	"MDC_ATTR_ALARM_TYPE":                       "MDC_ATTR_ALERT_TYPE",
	"MDC_DEV_PUMP_INFUSATE_SOURCE_PRIMARY_CHAN": "MDC_DEV_PUMP_INFUSATE_SOURCE_PRIMARY",
	"MDC_DEV_PUMP_CURRENT_DELIVERY_STATUS":      "MDC_PUMP_CURRENT_DELIVERY_STATUS",
	"MDC_DEV_PUMP_NOT_DELIVERING_REASON":        "MDC_PUMP_NOT_DELIVERING_REASON",
	"MDC_DEV_PUMP_SOURCE_CHANNEL_LABEL":         "MDC_PUMP_SOURCE_CHANNEL_LABEL",
}

// settings are the partition whose codes are the setting of a measurement: 16777216
// above it (devices that report both, such as dialysis machines).
const settings = 16777216

// coded is what a CWE says: an MDC code, and what else names the same.
type coded struct {
	code    acom.Code
	refID   string
	codings []acom.Coding
	setting bool
	notes   []string
}

// code reads a coded element: the code in components 1-3 and its alternate in 4-6.
// An MDC code may stand in either.
func (r *reader) code(p hl7v2.Part) coded {
	var c coded
	var words [6]string
	p.Texts(words[:])
	for _, at := range [...]int{0, 3} {
		id, text, system := words[at], words[at+1], words[at+2]
		if id == "" && text == "" {
			continue
		}
		if strings.HasPrefix(id, "MDC_") && (text == "" || !strings.HasPrefix(text, "MDC_")) && (system == mdcSystem || system == "") {
			id, text = "", id // the REFID in the place of the number
		}
		if system == mdcSystem || strings.HasPrefix(text, "MDC_") && (system == "" || r.agreed(id, text, system)) {
			if c.code == 0 && c.refID == "" {
				r.mdc(&c, id, text)
			}
			continue
		}
		c.codings = append(c.codings, acom.Coding{System: r.system(system), Code: id, Display: text})
	}
	return c
}

// agreed reports whether a number and a REFID are those of one term, under whatever name of a
// coding system that has no meaning here.
func (r *reader) agreed(id, refID, system string) bool {
	if _, ok := systems[strings.ToUpper(system)]; ok || strings.HasPrefix(system, "99") {
		return false
	}
	named, ok := term.LookupRefID(refID)
	return ok && strconv.FormatUint(uint64(named.Code), 10) == id
}

// mdc settles what an MDC code is whose number and REFID are sent both, and which
// real senders get wrong. Where both are known and differ the profile says which
// counts; the other stays as a coding, and a note tells.
func (r *reader) mdc(c *coded, id, refID string) {
	number, err := strconv.ParseUint(id, 10, 32)
	code := uint32(number)
	c.refID = refID
	if code >= settings && code < settings<<1 {
		c.setting = true
	}
	canonical := refID
	if same, ok := synonyms[refID]; ok {
		canonical = same
	}
	named, known := term.LookupRefID(canonical)
	listed, numbered := term.LookupMDC(code)
	switch {
	case err != nil || code == 0:
		// "0^MDC_ATTR_SAMP_RATE^MDC": no number, and a REFID that may be the maker's own.
		c.code = acom.Code(named.Code)
		if !known {
			c.codings = append(c.codings, acom.Coding{System: privateSystem + "refid", Code: refID, Display: id})
			if refID == "" {
				c.codings[len(c.codings)-1] = acom.Coding{Display: id}
			} else if id == "0" || id == "" {
				c.codings[len(c.codings)-1].Display = ""
			}
		}
	case !known && numbered && refID != "":
		c.code = acom.Code(code)
		c.notes = append(c.notes, fmt.Sprintf("The sender calls MDC %d (%s) %s.", code, listed.RefID, refID))
	case !known || named.Code == code:
		c.code = acom.Code(code)
		if refID != "" && (!numbered || refID != listed.RefID) { // a name of the sender's, or another that is in use
			c.codings = append(c.codings, acom.Coding{System: term.MDCSystem, Code: id, Display: refID})
		}
	case r.profile.trustNumber:
		c.code = acom.Code(code)
		c.notes = append(c.notes, fmt.Sprintf("The sender's name %s is that of MDC %d; its number %d counts.", refID, named.Code, code))
	default:
		c.code = acom.Code(named.Code)
		c.codings = append(c.codings, acom.Coding{System: term.MDCSystem, Code: id, Display: refID})
		c.notes = append(c.notes, fmt.Sprintf("The sender's number %d is not that of its name %s, which counts.", code, refID))
	}
}

// system is the URI of a coding system by its HL7 name. One that only the sender
// knows gets a URI of its own; "" is local to the sender.
func (r *reader) system(name string) string {
	if uri, ok := r.profile.systems[name]; ok {
		return uri
	}
	if uri, ok := systems[strings.ToUpper(name)]; ok {
		return uri
	}
	if name == "" {
		name = "local"
	}
	return privateSystem + url.PathEscape(name)
}

// notIFCC is said of a value of HbA1c by IFCC that is called a percentage: the same number
// in mmol/mol is another state of health than in percent.
const notIFCC = "The sender calls the value by IFCC a percentage; IFCC's unit is mmol/mol."

// unit is what an OBX-6 says: an MDC unit, or what else was sent. The rows of a message
// share it, and nobody changes what it says.
type unit struct {
	code    acom.Code
	foreign *acom.Coding
	notes   []string
	coding  *acom.Coding // of a metric's object, see ofObject
}

// mostUnits is how many different units of a message are kept for its other rows.
const mostUnits = 64

// unit reads OBX-6, each text of it once.
func (r *reader) unit(p hl7v2.Part) *unit {
	read, ok := r.units[p.Raw()]
	if ok {
		return read
	}
	read = &unit{}
	read.code, read.foreign, read.notes = r.readUnit(p)
	if r.units == nil {
		r.units = map[string]*unit{}
	}
	if len(r.units) < mostUnits {
		r.units[p.Raw()] = read
	}
	return read
}

// readUnit reads an MDC unit, a UCUM code, or words. A value whose unit has a
// number and a name that differ keeps the name's, as codes do, with a note.
func (r *reader) readUnit(p hl7v2.Part) (code acom.Code, foreign *acom.Coding, notes []string) {
	var words [6]string
	p.Texts(words[:])
	for _, at := range [...]int{0, 3} {
		id, text, system := words[at], words[at+1], words[at+2]
		switch {
		case id == "" && text == "":
		case system == mdcSystem || system == "" && strings.HasPrefix(text, "MDC_DIM_"):
			number, err := strconv.ParseUint(id, 10, 32)
			named, known := term.LookupUnitRefID(text)
			unnumbered := err != nil || number == 0
			if known && named.Code != uint32(number) && (unnumbered || isUnit(acom.Code(number)) && !r.profile.trustNumber) {
				if !unnumbered {
					notes = append(notes, fmt.Sprintf("The sender's unit number %s is not that of its name %s, which counts.", id, text))
				}
				number, err = uint64(named.Code), nil
			}
			if err == nil && code == 0 {
				code = acom.Code(number)
			}
			if !isUnit(code) && foreign == nil && text != "" {
				foreign = &acom.Coding{Display: text}
			}
		case systems[strings.ToUpper(system)] == ucumSystem:
			foreign = &acom.Coding{System: ucumSystem, Code: id, Display: text}
		case strings.EqualFold(system, "NGSP") && id == "%":
			// The American standardisation of HbA1c is not a system of units; its percent is.
			foreign = &acom.Coding{System: ucumSystem, Code: "%", Display: "% (NGSP)"}
		case strings.EqualFold(system, "IFCC") && id == "mmol/mol":
			foreign = &acom.Coding{System: ucumSystem, Code: id, Display: id}
		case foreign == nil:
			if id == "" {
				id = text
			}
			if strings.EqualFold(system, "IFCC") && id == "%" {
				notes = append(notes, notIFCC)
			}
			foreign = &acom.Coding{Display: id}
			if system != "" {
				notes = append(notes, fmt.Sprintf("The unit is of the coding system %s.", system))
			}
		}
	}
	if foreign != nil && isUnit(code) {
		foreign = nil // the MDC unit says it all
	}
	return code, foreign, notes
}

func isUnit(code acom.Code) bool { _, ok := term.LookupUnit(uint32(code)); return ok }
