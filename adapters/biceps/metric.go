package biceps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7pcd01"
	"vitalwire/fhir/term"
)

// metric is what the values of a metric mean.
type metric struct {
	Category string        `json:"category"` // MetricCategory
	Manual   bool          `json:"manual,omitempty"`
	Unit     acom.Code     `json:"unit,omitempty"`
	Foreign  *acom.Coding  `json:"foreign,omitempty"`
	Period   string        `json:"period,omitempty"` // seconds between samples
	Range    *acom.Range   `json:"range,omitempty"`  // technical range of samples
	Choices  []choice      `json:"choices,omitempty"`
	Sites    []acom.Coding `json:"sites,omitempty"`
	Domain   string        `json:"domain,omitempty"` // of a distribution, in words
	Notes    []string      `json:"notes,omitempty"`
}

// kinds of values by the types of their descriptors and states.
var kinds = map[string]acom.Kind{
	"NumericMetricDescriptor": acom.Numeric, "NumericMetricState": acom.Numeric,
	"StringMetricDescriptor": acom.StringEvent, "StringMetricState": acom.StringEvent,
	"EnumStringMetricDescriptor": acom.CodedEnumeration, "EnumStringMetricState": acom.CodedEnumeration,
	"RealTimeSampleArrayMetricDescriptor": acom.RTSA, "RealTimeSampleArrayMetricState": acom.RTSA,
	// A distribution is no course in time, which SampledData would make of it.
	"DistributionSampleArrayMetricDescriptor": acom.StringEvent, "DistributionSampleArrayMetricState": acom.StringEvent,
}

// categories are the categories of a DeviceMetric (PoCD guide, "Mapping SDC").
var categories = map[string]string{"Msrmt": "measurement", "Clc": "calculation", "Set": "setting"}

// maxChoices bounds the values of an enumeration that are remembered.
const maxChoices = 500

// metric reads the descriptor of a metric.
func (t *turn) metric(e *element, d *descriptor, handle, path string) {
	typ, unit := readCode(e.pm("Type")), readCode(e.pm("Unit"))
	m := &metric{Category: e.get("MetricCategory"), Manual: e.get("DerivationMethod") == "Man", Notes: typ.notes}
	m.Unit, m.Foreign = unit.unit()
	category, known := categories[m.Category]
	if !known {
		category = "unspecified"
	}
	o := &acom.Object{Path: path, Kind: kinds[e.kind], Category: category}
	o.Type, o.Codings = typ.typed(handle)
	switch {
	case m.Unit != 0:
		u := mdcCoding(m.Unit, unit.words)
		o.Unit = &u
	case m.Foreign != nil:
		o.Unit = m.Foreign
	}
	if p, ok := span(e.get("SamplePeriod")); ok && p.Sign() > 0 {
		m.Period = p.RatString()
	}
	for c := range e.children() {
		switch {
		case c.space != pm:
		case c.name == "AllowedValue" && len(m.Choices) < maxChoices:
			typ := readCode(c.pm("Type"))
			m.Choices = append(m.Choices, choice{c.words("Value"), typ.code, typ.codings})
		case c.name == "TechnicalRange" && m.Range == nil:
			m.Range = limits(c)
		case c.name == "DistributionRange":
			domain := readCode(e.pm("DomainUnit"))
			m.Domain = fmt.Sprintf("A distribution over %s to %s in steps of %s, %s.", c.get("Lower"), c.get("Upper"), c.get("StepWidth"), domain.naming("unit not told").Display)
		case c.name == "BodySite":
			m.Sites = append(m.Sites, readCode(c).naming("body site"))
		}
	}
	d.Object, d.Metric = o, m
}

// limits reads a Range whose both sides are decimals or open.
func limits(e *element) *acom.Range {
	low, okLow := decimal(e.get("Lower"))
	high, okHigh := decimal(e.get("Upper"))
	if !okLow && !okHigh {
		return nil
	}
	return &acom.Range{Low: low, High: high}
}

// validity is what a MeasurementValidity says (PoCD guide, "Mapping SDC").
type validity struct {
	status     acom.Status
	absent     acom.Absent
	comparator acom.Comparator
}

var validities = map[string]validity{
	"Vld": {}, "Vldated": {status: acom.ValidatedData},
	"Ong": {status: acom.MsmtOngoing, absent: acom.AbsentTemporarily},
	"Qst": {status: acom.Questionable}, "Calib": {status: acom.CalibrationOngoing}, "Inv": {status: acom.Invalid},
	"Oflw": {comparator: acom.Above}, "Uflw": {comparator: acom.Below},
	"NA": {absent: acom.AbsentNotPerformed},
}

// metricState reads the state of a metric: its value, if it has one.
func (t *turn) metricState(e *element, handle string, d *descriptor) {
	o := d.Object
	if o.Kind == 0 {
		o.Kind = kinds[e.kind] // the abstract type of descriptor; the state tells
	}
	o.Activation = activation(e)
	t.place(d.System, handle)
	value := e.pm("MetricValue")
	switch {
	case value == nil:
		return
	case e.foreign || value.foreign:
		t.skip(e, "a value with an extension that must be understood and is not")
		return
	case o.Kind == 0:
		t.skip(e, "a value of a metric whose kind nothing tells")
		return
	case d.Metric.Category == "Preset" || d.Metric.Category == "Rcmm":
		t.skip(e, "a preset or a recommendation is neither measured nor set")
		return
	}
	m := acom.Measurement{Kind: o.Kind, Type: o.Type, Setting: d.Metric.Category == "Set"}
	m.Metric = &acom.Metric{Path: o.Path, Codings: o.Codings, Notes: slices.Clone(d.Metric.Notes)}
	m.Metric.Therapy = m.Setting || hl7pcd01.Therapy(refID(o.Type))
	if d.Metric.Manual {
		m.Metric.Method = &acom.Coding{Display: "Manual"}
	}
	t.valued(value, d, &m)
	t.judged(value, o.Activation, &m)
	t.sited(e, d, &m)
	for c := range e.children() {
		if c.space == pm && c.name == "PhysiologicalRange" && m.Metric.Reference == nil && m.Value.Number != nil {
			m.Metric.Reference = limits(c)
		}
	}
	s := t.system(d.System)
	s.measurements = append(s.measurements, m)
}

func refID(code acom.Code) string { k, _ := term.LookupMDC(uint32(code)); return k.RefID }

// valued reads value and time.
func (t *turn) valued(e *element, d *descriptor, m *acom.Measurement) {
	var notes, late []string
	versioned := e.extension("MetricEpoch")
	m.Time, late = t.when(d.System, e.get("DeterminationTime"), versioned, "DeterminationTime")
	distribution := e.get("Samples") != "" && m.Kind == acom.StringEvent
	switch {
	case m.Kind == acom.RTSA && d.Metric.Period == "":
		m.Value = acom.Value{Absent: acom.AbsentError}
		notes = []string{"A waveform without a sample period; its samples are in the message alone."}
	case m.Kind == acom.RTSA:
		m.Value = d.Metric.sampled(e.get("Samples"))
		if n := m.Value.Samples; n != nil {
			if p, ok := rational(d.Metric.Period); ok {
				m.Duration = decimalText(p.Mul(p, ratio(len(n.Decimals))))
			}
		}
		notes = t.annotations(e)
	case m.Kind == acom.Numeric:
		m.Value, notes = numeric(e.get("Value"))
	case m.Kind == acom.CodedEnumeration:
		m.Value, notes = d.Metric.enumerated(e.get("Value"))
	case distribution:
		m.Value = acom.Value{Text: strings.Join(strings.Fields(e.get("Samples")), " ")}
		if d.Metric.Domain != "" {
			notes = []string{d.Metric.Domain}
		}
	default:
		m.Value = acom.Value{Text: e.get("Value")}
	}
	if m.Kind == acom.Numeric || m.Kind == acom.RTSA {
		m.Value.Unit, m.Value.Foreign = d.Metric.Unit, d.Metric.Foreign
	}
	m.Metric.Notes = append(append(m.Metric.Notes, notes...), late...)
	if m.Kind != acom.RTSA {
		t.lasted(e, d.System, versioned, m)
	}
}

// lasted makes the time of a measurement that tells its start and end the start, with the
// duration until the end.
func (t *turn) lasted(e *element, system string, versioned *element, m *acom.Measurement) {
	start, okStart := millis(e.get("StartTime"))
	stop, okStop := millis(e.get("StopTime"))
	if !okStart || !okStop || stop < start {
		return
	}
	begun, notes := t.when(system, e.get("StartTime"), versioned, "StartTime")
	if m.Time.Wall == nil {
		m.Time, m.Metric.Notes = begun, append(m.Metric.Notes, notes...)
	}
	if m.Time.Step == begun.Step {
		m.Metric.Notes = append(m.Metric.Notes, fmt.Sprintf("Measured from %s to %s by the device's clock.", stamp(start), stamp(stop)))
	}
}

// annotations are what the device remarked on single samples.
func (t *turn) annotations(e *element) (notes []string) {
	var words []string
	for a := range e.children() {
		if a.space == pm && a.name == "Annotation" {
			words = append(words, readCode(a.pm("Type")).naming("annotation").Display)
		}
	}
	for a := range e.children() {
		if a.space != pm || a.name != "ApplyAnnotation" || len(notes) == 100 {
			continue
		}
		if i := number(a.get("AnnotationIndex")); i < uint64(len(words)) {
			notes = append(notes, "Sample "+strconv.FormatUint(number(a.get("SampleIndex")), 10)+": "+words[i]+".")
		}
	}
	return notes
}

// judged reads the quality of a value. What is not valid is shown as what it is, and a
// value of a metric that is not in operation is none.
func (t *turn) judged(e *element, active string, m *acom.Measurement) {
	quality := e.pm("MetricQuality")
	var word string
	if quality != nil {
		word = quality.get("Validity")
		switch quality.get("Mode") {
		case "Test":
			m.Status |= acom.TestData
		case "Demo":
			m.Status |= acom.DemoData
		}
		if qi, ok := decimal(quality.get("Qi")); ok && strings.TrimRight(qi, "0") != "1." && qi != "1" {
			m.Metric.Notes = append(m.Metric.Notes, "The device's quality indicator, from 0 to 1, is "+qi+".")
		}
	}
	v, known := validities[word]
	if !known {
		v.status = acom.Questionable
		m.Metric.Notes = append(m.Metric.Notes, "The device said nothing of the value's validity that is known.")
	}
	m.Status |= v.status
	if v.comparator != 0 {
		m.Metric.Interpretation = append(m.Metric.Interpretation, v.comparator.String())
		if m.Value.Number != nil && m.Value.Number.Text != "" {
			m.Value.Comparator = v.comparator
		}
	}
	if active != "On" {
		v.absent = acom.AbsentNotPerformed
		m.Metric.Notes = append(m.Metric.Notes, "The metric was not in operation ("+short(active)+").")
	}
	if v.absent != 0 {
		m.Value = acom.Value{Absent: v.absent}
	}
}

// sited tells where on the body; the state's word comes before the descriptor's.
func (t *turn) sited(e *element, d *descriptor, m *acom.Measurement) {
	sites := d.Metric.Sites
	if own := e.pm("BodySite"); own != nil {
		sites = []acom.Coding{readCode(own).naming("body site")}
	}
	if len(sites) == 0 {
		return
	}
	m.Metric.Site = &sites[0]
	for _, more := range sites[1:] {
		m.Metric.Notes = append(m.Metric.Notes, "Also at: "+more.Display+".")
	}
}

// place adds an object and those it is in to what is told of an MDS.
func (t *turn) place(system, handle string) {
	s := t.system(system)
	d := t.describe(handle)
	if d == nil || d.Object == nil || s.placed[handle] {
		return
	}
	if d.Class == "metric" && d.Object.Kind == 0 {
		return // nothing told what its values are
	}
	s.placed[handle] = true
	t.place(system, d.Parent)
	s.objects = append(s.objects, handle)
}
