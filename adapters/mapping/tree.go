package mapping

import (
	"encoding/json"
	"strconv"
	"strings"

	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// Part is a VMD, channel or metric of a point-of-care device, to be stored as a
// resource of its own.
type Part struct {
	// Name tells the part among those of its device; MetricName of a metric.
	Name string
	// Parent is the Name of the part it is in, "" when that is the MDS.
	Parent string
	// Type is the resource's type, Device or DeviceMetric.
	Type       string
	Identifier Identifier
	object     acom.Object
	parentKind string // profile of the parent
}

// MetricName is the name of the DeviceMetric of a measurement: its place, and what
// is measured there. "" when the device told no place.
func MetricName(m acom.Measurement) string {
	if m.Metric == nil || m.Metric.Path == "" {
		return ""
	}
	return m.Metric.Path + "#" + typeName(m)
}

// levels are the profiles of objects by the number of levels in their path.
var levels = map[int]string{1: "MdsDevice", 2: "VmdDevice", 3: "ChannelDevice"}

// Parts lists the parts of a report's device, parents before children. device is the
// name of the device in identifiers. Objects of which only attributes came are not
// parts: their type is not known.
func Parts(report acom.Report, device string) []Part {
	if report.Bedside == nil {
		return nil
	}
	var list []Part
	places := map[string]Part{}
	for depth := 2; depth <= 3; depth++ {
		for _, o := range report.Bedside.Objects {
			if o.Kind != 0 || depthOf(o.Path) != depth || o.Type == 0 && len(o.Codings) == 0 || places[o.Path].Name != "" {
				continue
			}
			p := Part{Name: o.Path, Type: "Device", object: o, Identifier: Identifier{LocalSystem, device + "." + o.Path}}
			p.Parent, p.parentKind = nearest(places, o.Path)
			places[o.Path], list = p, append(list, p)
		}
	}
	for _, o := range report.Bedside.Objects {
		if o.Kind == 0 {
			continue
		}
		name := MetricName(acom.Measurement{Type: o.Type, Metric: &acom.Metric{Path: o.Path, Codings: o.Codings}})
		p := Part{Name: name, Type: "DeviceMetric", object: o, Identifier: Identifier{LocalSystem, device + "." + name}}
		p.Parent, p.parentKind = nearest(places, o.Path)
		list = append(list, p)
	}
	return list
}

// Above are the names of the VMD and channel that the part may be in and that its report does
// not tell, the nearest first: a message need not repeat what an earlier one said.
func (p Part) Above() (names []string) {
	for path := p.object.Path; strings.Contains(path, "."); {
		path = path[:strings.LastIndexByte(path, '.')]
		if path == p.Parent {
			break
		}
		if depth := depthOf(path); depth == 2 || depth == 3 {
			names = append(names, path)
		}
	}
	return names
}

// In is the part in one of those Above.
func (p Part) In(name string) Part {
	p.Parent, p.parentKind = name, levels[depthOf(name)]
	return p
}

func depthOf(path string) int { return strings.Count(path, ".") + 1 }

// nearest is the closest part above a path, and its profile.
func nearest(places map[string]Part, path string) (name, kind string) {
	for strings.Contains(path, ".") {
		path = path[:strings.LastIndexByte(path, '.')]
		if p, ok := places[path]; ok {
			return p.Name, levels[depthOf(path)]
		}
	}
	return "", levels[1]
}

// Told is all that Resource makes a resource of, as JSON: what is told alike becomes alike.
func (p Part) Told(mds, parent fhir.Key) ([]byte, error) {
	return json.Marshal(struct {
		Type, Kind  string
		Identifier  Identifier
		MDS, Parent fhir.Key
		Object      acom.Object
	}{p.Type, p.parentKind, p.Identifier, mds, parent, p.object})
}

// Resource is the part in FHIR: mds is the device it is of, parent the part it is in.
func (p Part) Resource(mds, parent fhir.Key) (*fhir.Resource, error) {
	identifiers := []samply.Identifier{{System: ptr(p.Identifier.System), Value: ptr(p.Identifier.Value)}}
	kind := objectConcept(p.object)
	if p.Type == "DeviceMetric" {
		return p.metric(identifiers, kind, mds, parent)
	}
	d := samply.Device{Identifier: identifiers, Type: &kind, Parent: reference(parent), SerialNumber: some(p.object.ID)}
	// A profile wants its parent's profile: a channel without VMD claims none.
	if profile := levels[depthOf(p.object.Path)]; levels[depthOf(p.object.Path)-1] == p.parentKind {
		d.Meta = &samply.Meta{Profile: []string{pocd + profile}}
	}
	d.StatusReason = statusReason(p.object.Activation)
	tell(&d, p.object.Attributes)
	return wire("Device", samply.OtherDevice(d))
}

func (p Part) metric(identifiers []samply.Identifier, kind samply.CodeableConcept, mds, parent fhir.Key) (*fhir.Resource, error) {
	m := samply.DeviceMetric{
		Identifier: identifiers, Type: kind, Source: reference(mds), Parent: reference(parent),
		Category: map[string]samply.DeviceMetricCategory{"setting": samply.DeviceMetricCategorySetting,
			"calculation": samply.DeviceMetricCategoryCalculation, "unspecified": samply.DeviceMetricCategoryUnspecified}[p.object.Category], // measurement is the zero value
	}
	profile := map[acom.Kind]string{acom.Numeric: "NumericDeviceMetric", acom.CompoundNumeric: "NumericDeviceMetric", acom.RTSA: "SampleArrayDeviceMetric"}[p.object.Kind]
	if profile == "" {
		profile = "EnumerationDeviceMetric"
	}
	if p.parentKind == levels[3] {
		m.Meta = &samply.Meta{Profile: []string{pocd + profile}}
	}
	if u := p.object.Unit; u != nil && profile != "EnumerationDeviceMetric" {
		m.Unit = conceptPtr(*u)
	}
	if status, ok := operational[p.object.Activation]; ok {
		m.OperationalStatus = &status
	}
	if c := p.object.Calibration; c != nil {
		m.Calibration = []samply.DeviceMetricCalibration{calibration(*c)}
	}
	if l := p.object.Limits; l != nil {
		if e := alarmLimits(*l, p.object.Unit); e != nil {
			m.Extension = append(m.Extension, *e)
		}
	}
	return wire("DeviceMetric", samply.OtherDeviceMetric(m))
}

// alarmLimits are OBX-7 of a monitor: at what it gives alarm, not what is normal
// (PoCD extension reference-range).
func alarmLimits(l acom.Range, unit *acom.Coding) *samply.Extension {
	e := samply.Extension{Url: "http://hl7.org/fhir/StructureDefinition/reference-range", Extension: []samply.Extension{{
		Url: "type", ValueCodeableConcept: ptr(concept("http://hl7.org/fhir/uv/pocd/CodeSystem/reference-range-type", "alarm-limits", "Alarm limits"))}}}
	for _, side := range []struct{ url, text string }{{"low", l.Low}, {"high", l.High}} {
		if !isDecimal(side.text) {
			continue
		}
		var code acom.Code
		var foreign *acom.Coding
		if unit != nil && unit.System == term.MDCSystem {
			code = parseCode(unit.Code)
		} else {
			foreign = unit
		}
		q, _, err := quantityOf(side.text, code, foreign)
		if err != nil {
			continue
		}
		e.Extension = append(e.Extension, samply.Extension{Url: side.url, ValueQuantity: &q})
	}
	if len(e.Extension) == 1 {
		return nil
	}
	return &e
}

// objectConcept is the type of an object as it was sent and understood.
func objectConcept(o acom.Object) samply.CodeableConcept {
	c := bedsideCode(acom.Measurement{Type: o.Type, Kind: acom.RTSA}, &acom.Metric{Codings: o.Codings})
	return c
}

// BedsideDevice is the MDS of a point-of-care device. It claims MdsDevice when the
// device said what it is, which the profile demands.
func BedsideDevice(d acom.Device) (*fhir.Resource, error) {
	device := samply.Device{Manufacturer: some(d.Manufacturer), ModelNumber: some(d.Model), SerialNumber: some(d.Serial)}
	if id := DeviceID(d, ""); d.SystemID != "" {
		device.Identifier = []samply.Identifier{systemID(id)}
	} else {
		device.Identifier = []samply.Identifier{{System: ptr(LocalSystem), Value: ptr(d.Local)}}
	}
	if d.Type != 0 {
		device.Type = ptr(mdcConcept(d.Type))
		device.Meta = &samply.Meta{Profile: []string{pocd + "MdsDevice"}}
	}
	device.StatusReason = statusReason(d.Activation)
	device.LotNumber, device.ManufactureDate, device.ExpirationDate = some(d.Lot), some(d.Made), some(d.Expires)
	for _, u := range d.UDI {
		device.UdiCarrier = append(device.UdiCarrier, samply.DeviceUdiCarrier{
			DeviceIdentifier: some(u.Identifier), CarrierHRF: some(u.Form), Issuer: some(u.Issuer), Jurisdiction: some(u.Jurisdiction)})
	}
	tell(&device, d.Attributes)
	return wire("Device", samply.OtherDevice(device))
}

// tell writes the attributes of an object: those that Device has an element for, the
// others as properties.
func tell(d *samply.Device, attributes []acom.Attribute) {
	for _, a := range attributes {
		switch code := parseCode(a.Name.Code); {
		case a.Name.System == term.MDCSystem && code == 67880: // MDC_ATTR_ID_MODEL
			d.ModelNumber = some(a.Value)
		case a.Name.System == term.MDCSystem && code == 531972:
			d.SerialNumber = some(a.Value)
		case a.Name.System == term.MDCSystem && code == 67996 && isDecimal(a.Value):
			if q, _, err := quantity(a.Value, a.Unit); err == nil {
				d.Property = append(d.Property, samply.DeviceProperty{Type: mdcConcept(code), ValueQuantity: []samply.Quantity{q}})
			}
		case a.Name.System == term.MDCSystem && code >= 531974 && code <= 531977:
			d.Version = append(d.Version, version(code, a.Value))
		case a.Unit != 0 && isDecimal(a.Value):
			if q, _, err := quantity(a.Value, a.Unit); err == nil {
				d.Property = append(d.Property, samply.DeviceProperty{Type: *conceptPtr(a.Name), ValueQuantity: []samply.Quantity{q}})
			}
		default:
			d.Property = append(d.Property, samply.DeviceProperty{Type: *conceptPtr(a.Name), ValueCode: []samply.CodeableConcept{{Text: ptr(a.Value)}}})
		}
	}
}

// parseCode is an MDC code in decimal, 0 for what is none.
func parseCode(text string) acom.Code {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return acom.Code(n)
}
