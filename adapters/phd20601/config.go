package phd20601

import (
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Object classes (MDC_MOC_*, 6.3).
const (
	classEnumeration     = 5
	classNumeric         = 6
	classRTSA            = 9
	classEpisodicScanner = 18
	classPeriodicScanner = 19
	classPMStore         = 61
)

// configReport is ConfigReport (A.11.5).
type configReport struct {
	id      uint16
	objects *cursor.Cursor // ConfigObjectList: count, length, objects
	count   int
	parsed  *configuration
	fault   string // why the configuration cannot be used, "" when it can
}

// configuration is what an agent measures and how it reports it (8.8).
type configuration struct {
	objects map[uint16]*object
	order   []uint16 // handles as listed
}

// object is a ConfigObject with the attributes a manager needs.
type object struct {
	class, handle uint16
	properties    properties
	values        map[uint16]octets // the properties as sent
	layouts       [][]slot          // Attribute-Value-Map; std configurations may have two
	groups        []group           // scanners: Scan-Handle-Attr-Val-Map
	scans         []uint16          // scanners: Scan-Handle-List
	opState       uint16            // scanners: Operational-State
	attrs         []attribute       // all, as sent
}

// group is one entry of a Scan-Handle-Attr-Val-Map: what a grouped scan report
// holds of one object.
type group struct {
	handle uint16
	slots  []slot
}

// metric tells whether the object gives measurements.
func (o *object) metric() bool {
	return o.class == classNumeric || o.class == classEnumeration || o.class == classRTSA
}

// scanner tells whether the object is a configurable scanner (6.3.9).
func (o *object) scanner() bool {
	return o.class == classEpisodicScanner || o.class == classPeriodicScanner
}

// covers are the handles a scanner reports.
func (o *object) covers() []uint16 {
	handles := append([]uint16(nil), o.scans...)
	for _, g := range o.groups {
		handles = append(handles, g.handle)
	}
	return handles
}

func parseConfigReport(c *cursor.Cursor) *configReport {
	r := &configReport{id: c.U16("config-report-id")}
	r.objects = reopen(c)
	r.count = int(reopen(c).U16("config-obj-list"))
	r.parsed, r.fault = parseConfiguration(c)
	return r
}

// parseConfiguration reads a ConfigObjectList. What is malformed is an error of
// c; what is well-formed and of no use to a manager is told by fault.
func parseConfiguration(c *cursor.Cursor) (*configuration, string) {
	cfg := &configuration{objects: map[uint16]*object{}}
	fault := ""
	useful := false
	list(c, "config-obj-list", func(c *cursor.Cursor) {
		o := parseObject(c)
		switch {
		case cfg.objects[o.handle] != nil:
			fault = sprintf("two objects have handle %d", o.handle)
		case o.handle == 0:
			fault = "an object has handle 0, which is the MDS"
		case o.metric() && o.properties.typ == 0:
			fault = sprintf("metric object %d has no Type", o.handle)
		default:
			useful = useful || o.metric() || o.scanner() || o.class == classPMStore
			cfg.objects[o.handle] = o
			cfg.order = append(cfg.order, o.handle)
		}
	})
	if fault == "" && !useful {
		fault = "it has no numeric, enumeration, RT-SA, scanner or PM-store object"
	}
	return cfg, fault
}

func parseObject(c *cursor.Cursor) *object {
	o := &object{class: c.U16("obj-class"), handle: c.U16("obj-handle"), values: map[uint16]octets{}}
	o.attrs = attributeList(c, "attributes")
	for _, a := range o.attrs {
		body := a.open()
		if o.metric() && o.properties.set(a.id, body) {
			o.values[a.id] = octets(a.raw())
			continue
		}
		switch a.id {
		case attrValueMap:
			o.layouts = [][]slot{attributeValueMap(body)}
		case attrScanMap:
			o.groups = nil
			list(body, "Scan-Handle-Attr-Val-Map", func(c *cursor.Cursor) {
				handle := c.U16("obj-handle")
				o.groups = append(o.groups, group{handle: handle, slots: mapOf(c, handle)})
			})
		case attrScanHandles:
			o.scans = u16List(body, "Scan-Handle-List")
		case attrOpState:
			o.opState = body.U16("Operational-State")
		default:
			continue // not needed here, or unknown: never an error
		}
		body.Close("the attribute value")
	}
	return o
}

// recalled reads a ConfigObjectList that was remembered.
func recalled(raw []byte) (*configuration, bool) {
	c := cursor.New(raw)
	cfg, fault := parseConfiguration(c)
	c.Close("config-obj-list")
	return cfg, c.Err() == nil && fault == ""
}

// Device configuration ids (A.8): 0001-3FFF are standard, 4000-7FFF extended.
func isStandardID(id uint16) bool { return id > 0 && id < 0x4000 }

// codeOf joins partition SCADA with a term.
func codeOf(term uint16) acom.Code { return acom.MDC(acom.PartitionSCADA, term) }
