package phd20601

import (
	"vitalwire/adapters/cursor"
)

// Event types (MDC_NOTI_*, 7.4 and A.11.5).
const (
	notiConfig      = 3356
	notiSegmentData = 3361
)

// shape is how a scan report lays out its observations.
type shape int

const (
	fixedShape   shape = iota // by the Attribute-Value-Map of each object
	varShape                  // each value with its attribute-id
	groupedShape              // by the Scan-Handle-Attr-Val-Map of the scanner
)

// scanForm is one of the sixteen kinds of scan reports.
type scanForm struct {
	shape  shape
	people bool // multi-person: person-id before each list
}

// scanForms are the scan reports of the MDS and of unbuffered (episodic) and
// buffered (periodic) scanners.
var scanForms = map[uint16]scanForm{
	3357: {fixedShape, false}, 3358: {varShape, false}, 3359: {fixedShape, true}, 3360: {varShape, true},
	3362: {varShape, false}, 3363: {fixedShape, false}, 3364: {groupedShape, false},
	3365: {varShape, true}, 3366: {fixedShape, true}, 3367: {groupedShape, true},
	3368: {varShape, false}, 3369: {fixedShape, false}, 3370: {groupedShape, false},
	3371: {varShape, true}, 3372: {fixedShape, true}, 3373: {groupedShape, true},
}

// scanReport is any ScanReportInfo* (A.11.5).
type scanReport struct {
	form      scanForm
	requestID uint16 // data-req-id, F000 when the agent started it
	number    uint16 // scan-report-no
	records   []record
}

// record is the observation of one object, or of one scan in a grouped report.
type record struct {
	person uint16
	handle uint16        // not in grouped reports
	attrs  []attribute   // variable form
	body   cursor.Cursor // fixed and grouped form
}

func parseScan(c *cursor.Cursor, form scanForm) *scanReport {
	r := &scanReport{form: form, requestID: c.U16("data-req-id"), number: c.U16("scan-report-no")}
	if !form.people {
		r.parseRecords(c, 0)
		return r
	}
	for s := sequenceOf(c, "scan-per-list"); s.next(); {
		person := s.body.U16("person-id")
		if form.shape == groupedShape { // ScanReportPerGrouped holds one scan, not a list of them
			r.records = append(r.records, record{person: person, body: octetStringOf(&s.body, "obs-scan-grouped")})
			continue
		}
		r.parseRecords(&s.body, person)
	}
	return r
}

func (r *scanReport) parseRecords(c *cursor.Cursor, person uint16) {
	for s := sequenceOf(c, "obs-scan list"); s.next(); {
		rec := record{person: person}
		switch r.form.shape {
		case fixedShape:
			rec.handle = s.body.U16("obj-handle")
			rec.body = octetStringOf(&s.body, "obs-val-data")
		case varShape:
			rec.handle = s.body.U16("obj-handle")
			rec.attrs = attributeList(&s.body, "attributes")
		case groupedShape:
			rec.body = octetStringOf(&s.body, "obs-scan-grouped")
		}
		if r.records == nil {
			r.records = make([]record, 0, min(s.count, 8))
		}
		r.records = append(r.records, rec)
	}
}

// takeScan turns a scan report of the object with the given handle into one
// report of measurements.
func (t *turn) takeScan(at *cursor.Cursor, handle uint16, scan *scanReport) error {
	cfg, err := t.needConfiguration(at)
	if err != nil {
		return err
	}
	b := &batch{turn: t, label: label{"%04X-%d", scan.requestID, scan.number}, records: len(scan.records)}
	for i := range scan.records {
		var err error
		rec := &scan.records[i]
		switch {
		case scan.form.shape == groupedShape:
			err = b.grouped(cfg, at, handle, rec)
		case rec.handle == 0 && scan.form.shape == varShape:
			err = t.takeMDS(at, rec.attrs) // the MDS tells of itself, such as its battery
		default:
			err = b.single(cfg, at, rec, scan.form)
		}
		if err != nil {
			return err
		}
	}
	b.emit()
	return nil
}

// single reads a record of fixed or variable form.
func (b *batch) single(cfg *configuration, at *cursor.Cursor, rec *record, form scanForm) error {
	fixed := form.shape == fixedShape
	if fixed {
		at = &rec.body
	}
	o := cfg.objects[rec.handle]
	if o == nil {
		return b.unknownObject(at, rec.handle)
	}
	attrs := rec.attrs
	if fixed {
		slots, err := b.layout(o, &rec.body)
		if err != nil {
			return err
		}
		attrs = b.cut(reopen(&rec.body), slots)
	}
	return b.add(o, at, rec.person, attrs, defaults{})
}

// layout finds the Attribute-Value-Map that fits a fixed record exactly.
func (b *batch) layout(o *object, body *cursor.Cursor) ([]slot, error) {
	for _, slots := range o.layouts {
		if width(slots) == body.Left() {
			return slots, nil
		}
	}
	if len(o.layouts) == 0 {
		return nil, refuse(body, "object %d has no Attribute-Value-Map in configuration %04X: a fixed report of it cannot be read", o.handle, b.configID)
	}
	return nil, refuse(body, "%d bytes for object %d, configuration %04X lays out %d: send the configuration report anew",
		body.Left(), o.handle, b.configID, width(o.layouts[0]))
}

// grouped reads one scan of a grouped report.
func (b *batch) grouped(cfg *configuration, at *cursor.Cursor, scanner uint16, rec *record) error {
	s := cfg.objects[scanner]
	if s == nil || len(s.groups) == 0 {
		return refuse(at, "object %d is no scanner with a Scan-Handle-Attr-Val-Map in configuration %04X: send the configuration report first", scanner, b.configID)
	}
	c, need := reopen(&rec.body), 0
	for _, g := range s.groups {
		need += width(g.slots)
	}
	if need != c.Left() {
		return refuse(c, "%d bytes in a scan of scanner %d, configuration %04X lays out %d: send the configuration report anew",
			c.Left(), scanner, b.configID, need)
	}
	for _, g := range s.groups {
		o := cfg.objects[g.handle]
		if o == nil {
			return b.unknownObject(c, g.handle)
		}
		place := reopen(c)
		if err := b.add(o, place, rec.person, b.cut(c, g.slots), defaults{}); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) unknownObject(at *cursor.Cursor, handle uint16) error {
	return refuse(at, "object %d is not in configuration %04X: send the configuration report first", handle, b.configID)
}
