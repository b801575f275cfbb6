package phd20601

import (
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Header times of a PM-segment entry (SegmEntryHeader, A.11.5).
const (
	headerAbsolute   = 0x8000
	headerRelative   = 0x4000
	headerHiRes      = 0x2000
	headerBaseOffset = 0x1000
)

// Segment event status (SegmEvtStatus, A.11.5).
const (
	segmentLast      = 0x4000
	segmentConfirmed = 0x0080
)

// segment is what a manager must know of a PM-segment (6.3.8) to read its entries.
type segment struct {
	instance uint16
	person   uint16
	header   uint16
	elements []element
	start    *acom.Wall
	period   uint32
	mapped   bool
}

// element is SegmEntryElem: one object in every entry.
type element struct {
	class, handle uint16
	typ           acom.Code
	slots         []slot
}

// segmentData is SegmentDataEvent (A.11.5).
type segmentData struct {
	instance     uint16
	index, count uint32
	status       uint16
	entries      *cursor.Cursor
}

func parseSegmentData(c *cursor.Cursor) *segmentData {
	return &segmentData{
		instance: c.U16("segm-instance"), index: c.U32("segm-evt-entry-index"), count: c.U32("segm-evt-entry-count"),
		status: c.U16("segm-evt-status"), entries: octetString(c, "segm-data-event-entries"),
	}
}

// parseSegments reads a SegmentInfoList (A.11.5).
func parseSegments(c *cursor.Cursor) []segment {
	var all []segment
	list(c, "segment-info-list", func(c *cursor.Cursor) {
		s := segment{instance: c.U16("seg-inst-no"), person: personUnknown}
		for _, a := range attributeList(c, "seg-info") {
			body := a.open()
			switch a.id {
			case attrSegmentMap:
				s.mapped = true
				s.header = body.U16("segm-entry-header")
				list(body, "segm-entry-elem-list", func(c *cursor.Cursor) {
					e := element{class: c.U16("class-id"), typ: acom.Code(c.U32("metric-type")), handle: c.U16("handle")}
					e.slots = mapOf(c, e.handle)
					s.elements = append(s.elements, e)
				})
			case attrSegmentPerson:
				s.person = body.U16("PM-Seg-Person-Id")
			case attrSegmentStart:
				s.start = wallClock(body, "Segment-Start-Abs-Time")
			case attrBOSegmentStart:
				s.start = baseOffsetTime(body, "Segment-Start-BO-Time")
			case attrSamplePeriod:
				s.period = body.U32("Sample-Period")
			default:
				continue
			}
			body.Close("the attribute value")
		}
		all = append(all, s)
	})
	return all
}

// takeSegmentInfo learns the segments of a PM-store and asks for the first one.
// Nothing is ever cleared: that is for whoever owns the device to decide.
func (t *turn) takeSegmentInfo(at *cursor.Cursor, store uint16, info *cursor.Cursor) error {
	if t.owner() == "" {
		return refuse(at, "nothing tells whose segments these are: send the association request first, or name the device")
	}
	t.remember(t.segmentsKey(store), rest(info))
	if t.segments == nil {
		t.segments = map[uint16][]segment{}
	}
	t.segments[store] = parseSegments(reopen(info))
	if len(t.segments[store]) > 0 {
		t.trigger(store, t.segments[store][0].instance)
	}
	return at.Err()
}

// trigger asks for the transfer of a segment (8.9.3.4.2).
func (t *turn) trigger(store, instance uint16) {
	t.invokeNext(roivConfirmedAction, message(nil).u16(store, actSegmentTrigger, 2, instance))
}

// takeSegment reads the entries of a segment data event (8.9.3.4.2), confirms
// them and, after the last, asks for the next segment.
func (t *turn) takeSegment(d *dataAPDU) error {
	e := d.event.segment
	cfg, err := t.needConfiguration(&d.at)
	if err != nil {
		return err
	}
	s, next, ok := t.segmentOf(d.handle, e.instance)
	if !ok {
		return refuse(&d.at, "segment %d of PM-store %d is not known: send the answer to Get-Segment-Info (action %d) first",
			e.instance, d.handle, actSegmentGetInfo)
	}
	b := &batch{turn: t, label: label{"S%d-%d", d.handle, e.instance}}
	c := reopen(e.entries)
	for i := range e.count {
		if c.Left() == 0 && c.Err() == nil {
			return malformed(c, "segm-data-event-entries announces %d entries and ends after %d", e.count, i)
		}
		if err := b.entry(cfg, s, c, uint64(e.index)+uint64(i)); err != nil {
			return err
		}
	}
	c.Close("segm-data-event-entries")
	if err := c.Err(); err != nil {
		return err
	}
	b.emit()
	t.confirm(d, message(nil).u16(e.instance).u32(e.index).u32(e.count).u16(e.status|segmentConfirmed))
	if e.status&segmentLast != 0 && next != 0 {
		t.trigger(d.handle, next)
	}
	return nil
}

// segmentOf finds a segment and the instance number of the one after it.
func (t *turn) segmentOf(store, instance uint16) (s segment, next uint16, ok bool) {
	all := t.segments[store]
	if all == nil {
		if raw, found := t.recall(t.segmentsKey(store)); found {
			c := cursor.New(raw)
			if all = parseSegments(c); c.Err() != nil {
				return s, 0, false
			}
		}
	}
	for i := range all {
		if all[i].instance == instance && all[i].mapped {
			if i+1 < len(all) {
				next = all[i+1].instance
			}
			return all[i], next, true
		}
	}
	return s, 0, false
}

// entry reads one entry of a segment: its header times and its elements.
func (b *batch) entry(cfg *configuration, s segment, c *cursor.Cursor, index uint64) error {
	at := reopen(c)
	var d defaults
	if s.header&headerAbsolute != 0 {
		d.time.Wall = wallClock(c, "entry time")
	}
	if s.header&headerRelative != 0 {
		d.time.Ticks = relativeTime(c, "entry time")
	}
	if s.header&headerHiRes != 0 {
		d.time.Ticks = hiResTime(c, "entry time")
	}
	if s.header&headerBaseOffset != 0 {
		d.time.Wall = baseOffsetTime(c, "entry time")
	}
	if d.time.Wall != nil {
		d.time.Ticks = nil
	}
	if d.time.IsZero() && s.start != nil && s.period > 0 && index <= maxTicks/uint64(s.period) {
		// Periodic entries carry no time: 6.3.8.3, Segment-Start and Sample-Period.
		d.time.Wall, _ = after(s.start, index*uint64(s.period))
	}
	first := len(b.all)
	for _, e := range s.elements {
		place := reopen(c)
		if err := b.add(e.object(cfg), place, s.person, b.cut(c, e.slots), d); err != nil {
			return err
		}
	}
	for _, m := range b.all[first:] {
		if m.Time.IsZero() {
			return refuse(at, "the entries of segment %d carry no time and nothing tells it", s.instance)
		}
	}
	if at.Err() == nil && at.Offset() == c.Offset() {
		return refuse(at, "the entry map of segment %d is empty", s.instance)
	}
	return c.Err()
}

// object is the configured object of an element, with the element's own type.
func (e element) object(cfg *configuration) *object {
	o := object{class: e.class, handle: e.handle, values: map[uint16]octets{}}
	if known := cfg.objects[e.handle]; known != nil && known.class == e.class {
		o = *known
	}
	if e.typ.Term() != 0 {
		o.properties.typ = e.typ
	}
	return &o
}
