// Package applehealth reads export.xml of Apple's Health app: records of quantities and
// categories, and blood pressures, which are correlations.
//
//	never a number: a percentage above 1 (percentages are fractions: 0.96 is 96 %); a
//	                value of a quantity that is no number
//	unit            with each record
//	time zone       told with each time (offset); it is that of the phone when it exported
//	overlap         several sources count the same steps: each record names its source,
//	                none is added up
//
// Nothing in the file names a device uniquely: deviceId must be given. The file's DTD is
// passed over and no entity is expanded. Multi-gigabyte files are cut by Split.
package applehealth

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/records"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "applehealth",
	Standard: "Apple Health export.xml",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
	Split:    records.SplitXML("HealthData", func(name string) bool { return name == "Record" || name == "Correlation" }),
}

type decoder struct{}

const maxDepth = 16

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	b, err := records.NewBatch("applehealth", f)
	if err != nil {
		return adapters.Result{}, err
	}
	r := reader{Batch: b, xml: xml.NewDecoder(bytes.NewReader(f.Bytes))}
	for {
		token, err := r.xml.Token()
		if errors.Is(err, io.EOF) && r.root && len(r.open) == 0 {
			return b.Result()
		}
		if err != nil {
			return adapters.Result{}, records.Refuse(min(int(r.xml.InputOffset()), len(f.Bytes)), "it is no well-formed XML")
		}
		if err := r.take(token); err != nil {
			return adapters.Result{}, err
		}
	}
}

// reader is one frame on its way.
type reader struct {
	*records.Batch
	xml  *xml.Decoder
	root bool
	open []string // names of the elements that are open
	// of the Record being read, and of the Correlation around it
	record      *record
	correlation *record
	parts       []*record
}

// record is a Record or Correlation with what it holds.
type record struct {
	at                                            int
	typ, value, unit, source, device, start, stop string
	manual                                        bool
}

func (r *reader) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		if !r.root && t.Name.Local != "HealthData" {
			return records.Refuse(0, "its root is not HealthData")
		}
		r.root = true
		if len(r.open) == maxDepth {
			return records.Refuse(int(r.xml.InputOffset()), "it is nested deeper than %d", maxDepth)
		}
		r.open = append(r.open, t.Name.Local)
		r.begin(t)
	case xml.EndElement:
		r.end(t.Name.Local)
		r.open = r.open[:len(r.open)-1]
	}
	return nil
}

func (r *reader) begin(e xml.StartElement) {
	switch depth := len(r.open); {
	case e.Name.Local == "Record" && (depth == 2 || depth == 3 && r.correlation != nil):
		r.record = recordOf(e, int(r.xml.InputOffset()))
	case e.Name.Local == "Correlation" && depth == 2:
		r.correlation, r.parts = recordOf(e, int(r.xml.InputOffset())), nil
	case e.Name.Local == "MetadataEntry" && attribute(e, "key") == "HKWasUserEntered" && attribute(e, "value") == "1":
		switch {
		case r.record != nil:
			r.record.manual = true
		case r.correlation != nil:
			r.correlation.manual = true
		}
	case depth == 2 && e.Name.Local != "ExportDate" && e.Name.Local != "Me":
		r.Skip(int(r.xml.InputOffset()), "an element %s, which is not read", records.Clip(e.Name.Local, 40))
	}
}

func (r *reader) end(name string) {
	switch {
	case name == "Record" && r.record != nil:
		if r.correlation != nil {
			r.parts = append(r.parts, r.record)
		} else {
			r.single(r.record)
		}
		r.record = nil
	case name == "Correlation" && r.correlation != nil:
		r.correlated()
		r.correlation, r.parts = nil, nil
	}
}

func recordOf(e xml.StartElement, at int) *record {
	return &record{at: at, typ: attribute(e, "type"), value: attribute(e, "value"), unit: attribute(e, "unit"),
		source: attribute(e, "sourceName"), device: deviceOf(attribute(e, "device")), start: attribute(e, "startDate"), stop: attribute(e, "endDate")}
}

// deviceOf is what the description of a device says of its kind, such as "Apple Watch,
// Apple Inc., Watch6,2". The address at its beginning is another one in every export.
func deviceOf(text string) string {
	var parts []string
	text = strings.TrimSuffix(strings.TrimSpace(text), ">")
	for _, key := range []string{", name:", ", manufacturer:", ", hardware:"} {
		if _, rest, ok := strings.Cut(text, key); ok {
			for _, next := range []string{", name:", ", manufacturer:", ", model:", ", hardware:", ", firmware:", ", software:", ", localIdentifier:", ", UDI"} {
				rest, _, _ = strings.Cut(rest, next)
			}
			parts = append(parts, rest)
		}
	}
	return strings.Join(parts, ", ")
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// The two quantities that come once by themselves and once in their correlation.
const (
	systolic  = "HKQuantityTypeIdentifierBloodPressureSystolic"
	diastolic = "HKQuantityTypeIdentifierBloodPressureDiastolic"
)

// single reads a Record that is in no correlation.
func (r *reader) single(rec *record) {
	t, ok := records.ISO(rec.start, r.Settings.Zone)
	switch {
	case !ok:
		r.Fault(rec.at, "startDate is no time")
		return
	case rec.typ == systolic || rec.typ == diastolic:
		r.Skip(rec.at, "a single pressure; its Correlation holds both")
		return
	case strings.HasPrefix(rec.typ, "HKCategoryTypeIdentifier"):
		m := acom.Measurement{Kind: acom.CodedEnumeration, Time: t, Metric: &acom.Metric{
			Codings: []acom.Coding{{System: records.HealthKitSystem, Code: records.Clip(rec.typ, 100)}}, Activity: true}}
		m.Value.Concept = []acom.Coding{{System: records.HealthKitSystem, Code: records.Clip(rec.value, 100)}}
		if rec.value == "" {
			m.Value = acom.Value{Absent: acom.AbsentUnknown}
		}
		r.add(rec, m)
		return
	}
	plain, ok := records.Decimal(rec.value)
	if !ok {
		r.Fault(rec.at, "a quantity without a number")
		return
	}
	m, ok := records.HealthKit(rec.typ, plain, rec.unit, t)
	if !ok {
		r.Skip(rec.at, "a record of type %q, which is not read", records.Clip(rec.typ, 60))
		return
	}
	r.add(rec, m)
}

// correlated reads a blood pressure. Other correlations (food) hold records that stand
// by themselves as well.
func (r *reader) correlated() {
	if r.correlation.typ != "HKCorrelationTypeIdentifierBloodPressure" {
		r.Skip(r.correlation.at, "a correlation whose records stand by themselves too")
		return
	}
	t, ok := records.ISO(r.correlation.start, r.Settings.Zone)
	if !ok {
		r.Fault(r.correlation.at, "startDate is no time")
		return
	}
	high, low := acom.Value{Absent: acom.AbsentUnknown}, acom.Value{Absent: acom.AbsentUnknown}
	for _, part := range r.parts {
		plain, ok := records.Decimal(part.value)
		if !ok || !records.IsPositive(plain) {
			continue
		}
		switch part.typ {
		case systolic:
			high = records.Unit(plain, part.unit)
		case diastolic:
			low = records.Unit(plain, part.unit)
		}
		r.correlation.manual = r.correlation.manual || part.manual
	}
	if high.Number == nil && low.Number == nil {
		r.Fault(r.correlation.at, "a blood pressure without pressures")
		return
	}
	r.add(r.correlation, records.Panel(high, low, t))
}

// add completes a reading. Its record is named by who made it and when: exports name
// none, and two sources may measure at one time.
func (r *reader) add(rec *record, m acom.Measurement) {
	if end, ok := records.ISO(rec.stop, r.Settings.Zone); ok {
		records.Lasting(&m, end)
	}
	if at, ok := records.Moment(m.Time); ok {
		m.Record = strings.Join([]string{records.Clip(rec.source, 60), at.UTC().Format(time.RFC3339), m.Duration}, "|")
	}
	if rec.manual {
		records.Manual(&m)
	}
	if rec.device == "" {
		rec.device = rec.source
	} else if rec.source != "" {
		rec.device += " (" + rec.source + ")"
	}
	records.By(&m, rec.device)
	r.Add(acom.Device{}, m)
}
