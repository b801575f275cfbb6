package ivy450c

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// highest is the largest sample; beyond it are marks of no signal.
const highest = 250

// wave is a part of the bytes of all waves.
type wave struct {
	name    string
	samples int
	period  string // seconds
	typ     acom.Code
	path    string
}

var parts = []wave{
	{"ECG", 200, "0.005", 131328, "1.0.0.18"},
	{"RESP", 50, "0.02", 0, "1.0.0.19"}, // of the impedance or of carbon dioxide
	{"PLETH", 50, "0.02", 150452, "1.0.0.20"},
	{"P1", 50, "0.02", 150016, "1.0.0.21"},
	{"P2", 50, "0.02", 150016, "1.0.0.22"},
}

// leads are the terms of ECG leads by the monitor's names.
var leads = map[string]acom.Code{
	"I": 131329, "II": 131330, "III": 131389, "AVR": 131390, "AVL": 131391, "AVF": 131392,
}

var unscaled = []string{"The samples are steps of the monitor's display, 0 to 250; it tells no scale."}

// waves adds the waves that have a signal.
func (r *reading) waves(bytes []byte) {
	c := cursor.New(bytes)
	for _, w := range parts {
		s := acom.Samples{
			Period:        w.period,
			LowerAbsolute: acom.Number{Text: "0"}, UpperAbsolute: acom.Number{Text: "250"},
			LowerScaled: 0, UpperScaled: highest,
			Raw: make([]int64, 0, w.samples),
		}
		for i, b := range c.Take(w.samples, w.name) {
			if s.Raw = append(s.Raw, int64(b)); b > highest {
				s.Missing = append(s.Missing, i)
			}
		}
		if len(s.Missing) == len(s.Raw) {
			continue
		}
		codings := []acom.Coding{{Display: w.name}}
		switch w.name {
		case "RESP":
			codings[0] = acom.Coding{System: system, Code: w.name, Display: "Respiration wave"}
		case "ECG":
			if words := strings.Split(r.lead, "-"); len(words) > 1 && leads[words[1]] != 0 {
				w.typ = leads[words[1]]
			}
			if r.lead != "" {
				codings[0].Display = r.lead
			}
		}
		r.measurements = append(r.measurements, acom.Measurement{Kind: acom.RTSA, Type: w.typ, Time: r.from, Duration: "1",
			Value: acom.Value{Samples: &s}, Metric: &acom.Metric{Path: w.path, Codings: codings, Notes: unscaled}})
		r.objects = append(r.objects, acom.Object{Path: w.path, Type: w.typ, Codings: codings, Kind: acom.RTSA, Category: "measurement"})
	}
}
