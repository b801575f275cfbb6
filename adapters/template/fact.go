package template

import (
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
)

// Fact is a measurement in few words, as cases state it. Of a want only the members
// that are given are compared.
type Fact struct {
	Device   string `json:"device,omitempty"`
	Patient  string `json:"patient,omitempty"`
	Code     string `json:"code,omitempty"` // MDC|150364 or http://loinc.org|8867-4: the first
	Time     string `json:"time,omitempty"` // RFC 3339; without an offset where none is known
	Duration string `json:"duration,omitempty"`
	Record   string `json:"record,omitempty"`
	// Value is a number, a text, a code, or samples between blanks.
	Value      string `json:"value,omitempty"`
	Unit       string `json:"unit,omitempty"` // UCUM code, or the words that were sent
	Absent     string `json:"absent,omitempty"`
	Components []Fact `json:"components,omitempty"`
}

// Facts are the measurements of reports in few words.
func Facts(reports []acom.Report) []Fact {
	var list []Fact
	for _, r := range reports {
		device, patient := r.Device.Local, ""
		for _, id := range []string{r.Device.Address, r.Device.SystemID} {
			if id != "" {
				device = id
			}
		}
		if s := r.Subject; s != nil && len(s.Identifiers) > 0 && s.Identifiers[0].Type == "" {
			patient = s.Identifiers[0].Value
		}
		for _, m := range r.Measurements {
			f := factOf(m.Value)
			f.Device, f.Patient, f.Duration, f.Record = device, patient, m.Duration, m.Record
			f.Code, f.Time = codeText(m.Type, m.Metric.Codings), timeText(m.Time)
			for _, c := range m.Components {
				part := factOf(c.Value)
				part.Code = codeText(c.Type, c.Codings)
				f.Components = append(f.Components, part)
			}
			list = append(list, f)
		}
	}
	return list
}

func codeText(mdc acom.Code, codings []acom.Coding) string {
	if mdc != 0 {
		return "MDC|" + strconv.FormatUint(uint64(mdc), 10)
	}
	if len(codings) > 0 {
		return codings[0].System + "|" + codings[0].Code
	}
	return ""
}

func factOf(v acom.Value) (f Fact) {
	f.Absent = v.Absent.String()
	switch {
	case v.Number != nil:
		f.Value = v.Number.Text
	case v.Samples != nil:
		f.Value = strings.Join(v.Samples.Decimals, " ")
	case len(v.Concept) > 0:
		for _, c := range v.Concept {
			if f.Value == "" || c.Code != "" {
				if f.Value = c.Code; c.Code != "" {
					break
				}
				f.Value = c.Display
			}
		}
	default:
		f.Value = v.Text
	}
	if known, ok := term.LookupUnit(uint32(v.Unit)); ok {
		f.Unit = known.UCUM
	} else if v.Foreign != nil {
		if f.Unit = v.Foreign.Code; f.Unit == "" {
			f.Unit = v.Foreign.Display
		}
	}
	return f
}

func timeText(t acom.Time) string {
	w := t.Wall
	if w == nil {
		return ""
	}
	at := time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, 0, time.UTC)
	if w.DateOnly {
		return at.Format("2006-01-02")
	}
	text := at.Format("2006-01-02T15:04:05")
	if w.Fraction != "" {
		text += "." + w.Fraction
	}
	if w.OffsetMinutes != nil {
		zone := time.FixedZone("", *w.OffsetMinutes*60)
		text += time.Date(2000, 1, 1, 0, 0, 0, 0, zone).Format("Z07:00")
	}
	return text
}

// differs says where a fact is not as wanted, "" for nowhere.
func (f Fact) differs(want Fact) string {
	for _, m := range []struct{ name, found, want string }{
		{"device", f.Device, want.Device}, {"patient", f.Patient, want.Patient}, {"code", f.Code, want.Code}, {"time", f.Time, want.Time},
		{"duration", f.Duration, want.Duration}, {"record", f.Record, want.Record}, {"value", f.Value, want.Value},
		{"unit", f.Unit, want.Unit}, {"absent", f.Absent, want.Absent},
	} {
		if m.want != "" && m.found != m.want {
			return m.name + " is " + strconv.Quote(m.found) + ", wanted " + strconv.Quote(m.want)
		}
	}
	if want.Absent == "" && f.Absent != "" && want.Value != "" {
		return "the value is absent: " + f.Absent
	}
	if want.Components == nil {
		return ""
	}
	if len(want.Components) != len(f.Components) {
		return strconv.Itoa(len(f.Components)) + " components, wanted " + strconv.Itoa(len(want.Components))
	}
	for i, c := range want.Components {
		if d := f.Components[i].differs(c); d != "" {
			return "component " + strconv.Itoa(i+1) + ": " + d
		}
	}
	return ""
}
