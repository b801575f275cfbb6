package biceps

import (
	"regexp"
	"strings"

	"vitalwire/adapters/acom"
)

// decimals is an xs:decimal, or one with an exponent as some libraries write it.
var decimals = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]{1,3})?$`)

// decimal writes a number as JSON does, with the digits that were sent: no plus, no zeros
// in front, a digit on each side of the point.
func decimal(text string) (string, bool) {
	parts := decimals.FindStringSubmatch(text)
	if parts == nil || parts[2]+parts[3] == "" || len(text) > 60 {
		return "", false
	}
	whole := strings.TrimLeft(parts[2], "0")
	if whole == "" {
		whole = "0"
	}
	if parts[3] != "" {
		whole += "." + parts[3]
	}
	return strings.TrimPrefix(parts[1], "+") + whole + parts[4], true
}

// numeric reads the Value of a numeric metric.
func numeric(text string) (acom.Value, []string) {
	if text == "" {
		return acom.Value{Absent: acom.AbsentUnknown}, nil
	}
	if n, ok := decimal(text); ok {
		return acom.Value{Number: &acom.Number{Text: n}}, nil
	}
	switch strings.ToUpper(text) {
	case "NAN":
		return acom.Value{Number: &acom.Number{Special: acom.NaN}}, nil
	case "INF", "+INF", "INFINITY":
		return acom.Value{Number: &acom.Number{Special: acom.PosInfinity}}, nil
	case "-INF", "-INFINITY":
		return acom.Value{Number: &acom.Number{Special: acom.NegInfinity}}, nil
	}
	return acom.Value{Absent: acom.AbsentError}, []string{"In place of a number the sender wrote \"" + short(text) + "\"."}
}

// choice is an allowed value of an enumeration.
type choice struct {
	Value   string        `json:"value"`
	Code    acom.Code     `json:"code,omitempty"`
	Codings []acom.Coding `json:"codings,omitempty"`
}

// enumerated reads the Value of an enumeration by what its descriptor says of it.
func (m *metric) enumerated(text string) (acom.Value, []string) {
	if text == "" {
		return acom.Value{Absent: acom.AbsentUnknown}, nil
	}
	for _, c := range m.Choices {
		if c.Value != text {
			continue
		}
		v := acom.Value{Concept: append([]acom.Coding{{Display: text}}, c.Codings...)}
		if c.Code != 0 {
			v.Coded = []acom.Code{c.Code}
		}
		return v, nil
	}
	var notes []string
	if len(m.Choices) > 0 {
		notes = []string{"The value is none of those that the device said it can take."}
	}
	return acom.Value{Concept: []acom.Coding{{Display: text}}}, notes
}

// sampled reads the Samples of a waveform. A sample that is no number is missing.
func (m *metric) sampled(text string) acom.Value {
	words := strings.Fields(text)
	if len(words) == 0 {
		return acom.Value{Absent: acom.AbsentUnknown}
	}
	for i, w := range words {
		n, ok := decimal(w)
		if !ok {
			n = "E"
		}
		words[i] = n
	}
	return acom.Value{Samples: &acom.Samples{Period: m.Period, Decimals: words, Limits: m.Range}}
}
