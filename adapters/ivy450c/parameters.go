package ivy450c

import (
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/fhir/term"
)

// system is that of what the monitor shows and no MDC term means.
const system = "urn:vitalwire:ivy450c"

// Units of MDC that the monitor's numbers are in.
const (
	beats   = 264864 // MDC_DIM_BEAT_PER_MIN
	breaths = 264928 // MDC_DIM_RESP_PER_MIN
	percent = 262688
	mercury = 266016 // MDC_DIM_MMHG
)

// number is a field of a line and what it means.
type number struct {
	field int
	typ   acom.Code
	unit  acom.Code
	path  string
}

// line is what a parameter's line holds: its numbers, where the words begin, and the
// setting that tells its unit.
type line struct {
	numbers []number
	words   int
	setting string
}

// lines by the parameter's name. P1 and P2 are whatever the transducer is at.
var lines = map[string]line{
	"HR":    {[]number{{1, 147842, beats, "1.0.0.1"}}, 2, ""},
	"RR":    {[]number{{1, 151562, breaths, "1.0.0.2"}}, 2, ""},
	"ETCO2": {[]number{{1, 151708, 0, "1.0.0.3"}}, 2, "co2"},
	"SPO2":  {[]number{{1, 150456, percent, "1.0.0.4"}}, 2, ""},
	"NIBP":  {[]number{{1, 150021, mercury, "1.0.0.6"}, {2, 150022, mercury, "1.0.0.7"}, {3, 150023, mercury, "1.0.0.8"}, {4, 149546, beats, "1.0.0.9"}}, 5, ""},
	"P1":    {[]number{{1, 150017, mercury, "1.0.0.10"}, {2, 150018, mercury, "1.0.0.11"}, {3, 150019, mercury, "1.0.0.12"}}, 4, ""},
	"P2":    {[]number{{1, 150017, mercury, "1.0.0.13"}, {2, 150018, mercury, "1.0.0.14"}, {3, 150019, mercury, "1.0.0.15"}}, 4, ""},
	"T1":    {[]number{{1, 150344, 0, "1.0.0.16"}}, 2, "temperature"},
	"T2":    {[]number{{1, 150344, 0, "1.0.0.17"}}, 2, "temperature"},
}

// most is how many measurements a message may have.
const most = 24

// reading is what a message says.
type reading struct {
	units        settings
	from, to     acom.Time
	measurements []acom.Measurement
	objects      []acom.Object
	lead         string // words of HR, which name the ECG lead
	seen         map[string]bool
}

// read takes the lines first, for one of them names the lead of the ECG.
func (r *reading) read(m message) {
	r.seen = map[string]bool{}
	r.measurements = make([]acom.Measurement, 0, most)
	r.objects = append(make([]acom.Object, 0, most+1), acom.Object{Path: "1", Type: 69965})
	for text := range strings.SplitAfterSeq(string(m.text), "\r") {
		name, _, _ := strings.Cut(text, "=")
		name = strings.TrimSpace(name)
		l, known := lines[name]
		if known && !r.seen[name] { // of a parameter told twice the first
			r.seen[name] = true
			r.line(name, l, strings.Split(strings.TrimRight(text, "\r"), ";"))
		}
	}
	r.waves(m.waves)
}

func (r *reading) line(name string, l line, fields []string) {
	var words []string
	for _, word := range fields[min(l.words, len(fields)):] {
		if word = strings.TrimSpace(word); word != "" && !strings.HasPrefix(word, "PR=") {
			words = append(words, word)
		}
	}
	shown := strings.Join(words, ", ")
	for _, n := range l.numbers {
		codings := []acom.Coding{{Display: name}}
		if name == "HR" && strings.HasPrefix(shown, "ECG") {
			r.lead = shown
		}
		if l.setting != "" {
			n.unit = r.units[l.setting]
		}
		// A rate that is not counted in the ECG, and what has no unit, is no MDC term.
		if name == "HR" && !strings.HasPrefix(shown, "ECG") || n.unit == 0 {
			n.typ, codings[0] = 0, acom.Coding{System: system, Code: name, Display: name}
		}
		r.add(n, value(fields, n), codings, shown)
	}
	if name != "SPO2" || len(fields) < 3 {
		return
	}
	if rate, ok := strings.CutPrefix(strings.TrimSpace(fields[2]), "PR="); ok {
		r.add(number{0, 149530, beats, "1.0.0.5"}, value([]string{rate}, number{unit: beats}), []acom.Coding{{Display: "PR"}}, "")
	}
}

func (r *reading) add(n number, v acom.Value, codings []acom.Coding, shown string) {
	m := acom.Measurement{Kind: acom.Numeric, Type: n.typ, Time: r.to, Value: v, Metric: &acom.Metric{Path: n.path, Codings: codings}}
	if shown != "" {
		m.Metric.Notes = []string{"The monitor shows: " + shown + "."}
	}
	r.measurements = append(r.measurements, m)
	o := acom.Object{Path: n.path, Type: n.typ, Codings: codings, Kind: acom.Numeric, Category: "measurement"}
	if n.unit != 0 {
		known, _ := term.LookupUnit(uint32(n.unit))
		o.Unit = &acom.Coding{System: term.MDCSystem, Code: strconv.FormatUint(uint64(n.unit), 10), Display: known.RefID}
	}
	r.objects = append(r.objects, o)
}

// value is a field as a number of a unit; what is none is absent.
func value(fields []string, n number) acom.Value {
	text := ""
	if n.field < len(fields) {
		text = strings.TrimSpace(fields[n.field])
	}
	if text == "" {
		return acom.Value{Absent: acom.AbsentTemporarily}
	}
	whole, fraction, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if whole == "" || len(text) > 8 || strings.Trim(whole+fraction, "0123456789") != "" || point && fraction == "" {
		return acom.Value{Absent: acom.AbsentError}
	}
	for len(whole) > 1 && whole[0] == '0' {
		whole = whole[1:]
	}
	if n.typ == 150456 && len(whole) > 2 && whole != "100" {
		return acom.Value{Absent: acom.AbsentError}
	}
	if point {
		whole += "." + fraction
	}
	if text[0] == '-' {
		whole = "-" + whole
	}
	return acom.Value{Number: &acom.Number{Text: whole}, Unit: n.unit}
}
