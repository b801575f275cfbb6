package phd20601

import (
	"maps"
	"slices"
	"strconv"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// batch collects the measurements of one scan report or segment.
type batch struct {
	*turn
	label   label       // of the report
	records int         // how many it has, as far as known
	attrs   []attribute // of one record, see cut
	all     []acom.Measurement
	origins []origin // beside all
}

// label names a report or segment in keys of measurements without a time.
type label struct {
	format        string
	first, second uint16
}

func (l label) String() string { return sprintf(l.format, l.first, l.second) }

// origin is where a measurement came from, to resolve source handles.
type origin struct {
	handle, person uint16
	sources        []uint16
}

// defaults hold for a record that says nothing else.
type defaults struct{ time acom.Time }

// personUnknown is the person-id of a measurement nobody is known for (A.11.5).
const personUnknown = 0xFFFF

// settingBit is mss-cat-setting of Metric-Spec-Small (A.3).
const settingBit = 0x0004

// add turns the attributes of one record into measurements, one per value.
func (b *batch) add(o *object, at *cursor.Cursor, person uint16, attrs []attribute, d defaults) error {
	if err := at.Err(); err != nil {
		return err
	}
	if !o.metric() {
		return nil // an attribute change of a scanner or PM-store
	}
	p := b.effective(o)
	for _, a := range attrs {
		body := a.open()
		if p.set(a.id, body) && body.Err() == nil {
			b.update(o, a)
		}
	}
	m := acom.Measurement{Supplemental: p.supplemental, Time: d.time, Setting: p.spec&settingBit != 0}
	if person != personUnknown {
		m.Person = uint32(person)
	}
	if b.test {
		m.Status |= acom.TestData
	}
	if err := annotate(&m, attrs); err != nil {
		return err
	}
	for _, a := range attrs {
		if !observed(a.id) {
			continue
		}
		if b.all == nil {
			n := min(b.records, 32)
			b.all, b.origins = make([]acom.Measurement, 0, n), make([]origin, 0, n)
		}
		b.all = append(b.all, m)
		v := &b.all[len(b.all)-1]
		v.Type = p.metric()
		if err := value(v, &p, o, a); err != nil {
			return err
		}
		untick(&v.Value, b.told().TickResolution)
		if err := b.count(&a.body, 1+len(v.Components)+len(v.Supplemental)+len(p.sources)); err != nil {
			return err
		}
		b.origins = append(b.origins, origin{handle: o.handle, person: person, sources: p.sources})
	}
	return at.Err()
}

// effective are the object's properties as last changed by the agent.
func (b *batch) effective(o *object) properties {
	p := o.properties
	if len(b.updates[o.handle]) == 0 {
		return p
	}
	for _, id := range slices.Sorted(maps.Keys(b.updates[o.handle])) {
		p.set(id, cursor.New([]byte(b.updates[o.handle][id])))
	}
	return p
}

// exclusive groups attributes of which an object has one.
var exclusive = [][]uint16{{attrScale8, attrScale16, attrScale32}, {attrSourceHandle, attrSourceHandleList}}

// update keeps a changed property for this report and later ones.
func (b *batch) update(o *object, a attribute) {
	values := b.updates[o.handle]
	for _, ids := range exclusive {
		if slices.Contains(ids, a.id) {
			for _, id := range ids {
				delete(values, id)
			}
		}
	}
	delete(values, a.id)
	if raw := octets(a.raw()); o.values[a.id] != raw {
		if values == nil {
			if b.updates == nil {
				b.updates = map[uint16]map[uint16]octets{}
			}
			values = map[uint16]octets{}
			b.updates[o.handle] = values
		}
		values[a.id] = raw
	}
	if len(values) == 0 {
		delete(b.updates, o.handle)
	}
}

// annotate reads what holds for all values of a record: status, time, duration.
func annotate(m *acom.Measurement, attrs []attribute) error {
	var local, offset *acom.Wall
	var ticks, fine *acom.Ticks
	for _, a := range attrs {
		c := a.open()
		switch a.id {
		case attrStatus:
			m.Status |= acom.Status(c.U16("Measurement-Status"))
		case attrTimeStamp, attrDateTime:
			// Date-and-Time belongs to the MDS; agents were seen to map it here.
			local = wallClock(c, "Absolute-Time-Stamp")
		case attrBOTimeStamp:
			offset = baseOffsetTime(c, "Base-Offset-Time-Stamp")
		case attrRelTimeStamp:
			ticks = relativeTime(c, "Relative-Time-Stamp")
		case attrHiResTimeStamp:
			fine = hiResTime(c, "HiRes-Time-Stamp")
		case attrActivePeriod:
			m.Duration = c.Span(cursor.FLOAT(c.U32("Measure-Active-Period")), "Measure-Active-Period")
		default:
			continue
		}
		c.Close("the attribute value")
		if err := c.Err(); err != nil {
			return err
		}
	}
	switch { // the stamp that says most
	case offset != nil:
		m.Time = acom.Time{Wall: offset}
	case local != nil:
		m.Time = acom.Time{Wall: local}
	case fine != nil:
		m.Time = acom.Time{Ticks: fine}
	case ticks != nil:
		m.Time = acom.Time{Ticks: ticks}
	}
	return nil
}

// observed reports whether an attribute is an observed value.
func observed(id uint16) bool {
	switch id {
	case attrBasicNu, attrSimpleNu, attrNu, attrCompoundBasic, attrCompoundSimple, attrCompoundNu,
		attrEnumOID, attrEnumString, attrEnumBits16, attrEnumBits32, attrEnum, attrSamples:
		return true
	}
	return false
}

// value reads an observed value into m.
func value(m *acom.Measurement, p *properties, o *object, a attribute) (err error) {
	c := a.open()
	switch a.id {
	case attrBasicNu:
		m.Kind, m.Value = acom.Numeric, quantity(cursor.SFLOAT(c.U16("Basic-Nu-Observed-Value")), p.unit)
	case attrSimpleNu:
		m.Kind, m.Value = acom.Numeric, quantity(cursor.FLOAT(c.U32("Simple-Nu-Observed-Value")), p.unit)
	case attrNu:
		m.Kind = acom.Numeric
		m.Type, m.Value = nuObsValue(m, p, c)
	case attrCompoundBasic, attrCompoundSimple, attrCompoundNu:
		m.Kind = acom.CompoundNumeric
		err = compound(m, p, o, a.id, c)
	case attrEnumOID:
		m.Kind, m.Value = acom.CodedEnumeration, p.coded(c.U16("Enum-Observed-Value-Simple-OID"))
	case attrEnumString:
		m.Kind, m.Value.Text = acom.StringEvent, text(octetString(c, "Enum-Observed-Value-Simple-Str"))
	case attrEnumBits16:
		m.Kind, m.Value.Bits = acom.BitsEnumeration, bitString(m.Type, uint32(c.U16("Enum-Observed-Value-Basic-Bit-Str")), 16)
	case attrEnumBits32:
		m.Kind, m.Value.Bits = acom.BitsEnumeration, bitString(m.Type, c.U32("Enum-Observed-Value-Simple-Bit-Str"), 32)
	case attrEnum:
		enumObsValue(m, p, c)
	case attrSamples:
		m.Kind = acom.RTSA
		err = samples(m, p, o, octetString(c, "Simple-Sa-Observed-Value"))
	}
	c.Close("the observed value")
	if c.Err() != nil {
		err = c.Err()
	}
	return err
}

func quantity(n acom.Number, unit uint16) acom.Value {
	return acom.Value{Number: &n, Unit: unitCode(unit)}
}

// nuObsValue reads NuObsValue (A.5): its own metric-id, status and unit.
func nuObsValue(m *acom.Measurement, p *properties, c *cursor.Cursor) (acom.Code, acom.Value) {
	const what = "Nu-Observed-Value"
	typ := p.metric()
	if id := c.U16(what); id != 0 {
		typ = p.inPartition(id)
	}
	m.Status |= acom.Status(c.U16(what))
	unit := c.U16(what)
	if unit == 0 {
		unit = p.unit
	}
	return typ, quantity(cursor.FLOAT(c.U32(what)), unit)
}

// compound reads a compound value; the basic and simple forms are in the order
// of Metric-Id-List (6.3.4.3).
func compound(m *acom.Measurement, p *properties, o *object, id uint16, c *cursor.Cursor) error {
	const what = "Compound-Nu-Observed-Value"
	place := reopen(c)
	var numbers []acom.Number // in one piece
	if id != attrCompoundNu {
		room := min(len(p.ids), c.Left()/2)
		m.Components, numbers = make([]acom.Component, 0, room), make([]acom.Number, room)
	}
	for s := sequenceOf(c, what); s.next(); {
		c := &s.body
		n := len(m.Components)
		var part acom.Component
		switch {
		case n >= maxComponents:
			c.Fail("%s has more than %d values", what, maxComponents)
		case id == attrCompoundNu:
			part.Type, part.Value = nuObsValue(m, p, c)
		default:
			if n < len(p.ids) {
				part.Type = p.inPartition(p.ids[n])
			}
			if n == len(numbers) {
				numbers = append(numbers, acom.Number{}) // more than were announced: refused below
			}
			if id == attrCompoundBasic {
				numbers[n] = cursor.SFLOAT(c.U16(what))
			} else {
				numbers[n] = cursor.FLOAT(c.U32(what))
			}
			part.Value = acom.Value{Number: &numbers[n], Unit: unitCode(p.unit)}
		}
		m.Components = append(m.Components, part)
	}
	if n := len(m.Components); id != attrCompoundNu && n != len(p.ids) && c.Err() == nil {
		return refuse(place, "%d values for object %d, whose Metric-Id-List names %d", n, o.handle, len(p.ids))
	}
	return nil
}

// coded joins a term with Enum-Observed-Value-Partition, else the partition of Type.
func (p *properties) coded(term uint16) acom.Value {
	switch {
	case term == 0:
		return acom.Value{Absent: acom.AbsentUnknown}
	case p.enumPart != 0:
		return acom.Value{Coded: []acom.Code{acom.MDC(p.enumPart, term)}}
	}
	return acom.Value{Coded: []acom.Code{acom.MDC(p.typ.Partition(), term)}}
}

// definedBits are the bits a specialization defines for a status: with them a
// clear bit says "not so". Of any other bit string only the set bits are known
// to be supported, for 20601 agents do not tell.
var definedBits = map[acom.Code]uint32{
	acom.MDC(2, 19532):   0xFFFF, // 10404 device and sensor annunciation status
	acom.MDC(128, 29144): 0xFFE0, // 10417 device and sensor annunciation status
}

func bitString(typ acom.Code, v uint32, width int) *acom.Bits {
	mask := v
	if defined, ok := definedBits[typ]; ok && width == 16 {
		mask |= defined
	}
	return &acom.Bits{Value: v, Mask: mask, Width: width}
}

// Choices of EnumVal (A.5).
const (
	enumObjID  = 0x0001
	enumText   = 0x0002
	enumBitStr = 0x0010
)

// enumObsValue reads EnumObsValue (A.5).
func enumObsValue(m *acom.Measurement, p *properties, c *cursor.Cursor) {
	const what = "Enum-Observed-Value"
	if id := c.U16(what); id != 0 {
		m.Type = p.inPartition(id)
	}
	m.Status |= acom.Status(c.U16(what))
	at := c.Offset()
	choice := c.U16(what)
	body := octetString(c, what)
	switch choice {
	case enumObjID:
		m.Kind, m.Value = acom.CodedEnumeration, p.coded(body.U16(what))
	case enumText:
		m.Kind, m.Value.Text = acom.StringEvent, text(octetString(body, what))
	case enumBitStr:
		m.Kind, m.Value.Bits = acom.BitsEnumeration, bitString(m.Type, body.U32(what), 32)
	default:
		body.FailAt(at, "%s: choice %04X is none of 0001, 0002 and 0010", what, choice)
	}
	body.Close(what)
}

// samples reads Simple-Sa-Observed-Value by Sa-Specification,
// Scale-and-Range-Specification and Sample-Period (6.3.5).
func samples(m *acom.Measurement, p *properties, o *object, c *cursor.Cursor) error {
	switch {
	case c.Err() != nil:
		return c.Err()
	case p.sa == nil:
		return refuse(c, "object %d sends samples without a Sa-Specification: send the configuration report anew", o.handle)
	case p.scale == nil:
		return refuse(c, "object %d sends samples without a Scale-and-Range-Specification: send the configuration report anew", o.handle)
	case p.period == 0:
		return refuse(c, "object %d sends samples without a Sample-Period: send the configuration report anew", o.handle)
	case p.sa.size != 8 && p.sa.size != 16 && p.sa.size != 32:
		return refuse(c, "object %d has samples of %d bits, not 8, 16 or 32", o.handle, p.sa.size)
	}
	size := int(p.sa.size) / 8
	if c.Left()%size != 0 {
		return malformed(c, "%d bytes are no whole number of %d-bit samples", c.Left(), p.sa.size)
	}
	s := &acom.Samples{
		Period:        seconds(p.period),
		LowerAbsolute: p.scale.lowerAbsolute, UpperAbsolute: p.scale.upperAbsolute,
		LowerScaled: p.signed(p.scale.lowerScaled, p.scale.bits), UpperScaled: p.signed(p.scale.upperScaled, p.scale.bits),
		Raw: make([]int64, 0, c.Left()/size),
	}
	for c.Left() > 0 {
		var raw uint32
		for range size {
			raw = raw<<8 | uint32(c.U8("sample"))
		}
		s.Raw = append(s.Raw, p.sample(raw))
	}
	m.Value = acom.Value{Samples: s, Unit: unitCode(p.unit)}
	return nil
}

// Sa-Specification: significant bits of a signed sample, and the flag that the
// bits above the significant ones hold something else.
const (
	signedSamples  = 255
	extendedRanges = 0x1000
)

func (p *properties) sample(raw uint32) int64 {
	if n := p.sa.significant; p.sa.flags&extendedRanges != 0 && n > 0 && n < p.sa.size {
		raw &= 1<<n - 1
	}
	return p.signed(raw, int(p.sa.size))
}

func (p *properties) signed(raw uint32, width int) int64 {
	if p.sa.significant != signedSamples {
		return int64(raw)
	}
	return int64(int32(raw<<(32-width)) >> (32 - width))
}

// emit resolves source handles and adds the report, if it says anything.
func (b *batch) emit() {
	if len(b.all) == 0 {
		return
	}
	b.relate()
	r := b.report()
	r.Measurements = b.all
	if r.Clock == nil && b.clock != nil && slices.ContainsFunc(b.all, b.counted) {
		r.Clock = b.clock
	}
	b.result.Reports = append(b.result.Reports, r)
}

// counted tells whether a measurement has only a running clock's time, and the
// clock that was read is that one.
func (b *batch) counted(m acom.Measurement) bool {
	ticks, read := m.Time.Ticks, b.clock.Device.Ticks
	return ticks != nil && read != nil && ticks.Resolution == read.Resolution
}

// relate follows Source-Handle-Reference (6.3.3.3): a measurement was derived
// from the one of that object, the same person and the same time; where one of
// the two has no time, from the last one before it.
func (b *batch) relate() {
	if !slices.ContainsFunc(b.origins, func(from origin) bool { return from.sources != nil }) {
		return
	}
	type object struct{ handle, person uint16 }
	type moment struct {
		object
		stamp string
	}
	first := map[moment]int{}
	for i, from := range b.origins {
		at := moment{object{from.handle, from.person}, stampOf(b.all[i].Time)}
		if _, ok := first[at]; !ok {
			first[at] = i
		}
	}
	last := map[object]int{}
	keys := map[string]bool{}
	for i, from := range b.origins {
		stamp := stampOf(b.all[i].Time)
		for _, handle := range from.sources {
			source := object{handle, from.person}
			j, ok := first[moment{source, stamp}]
			if !ok || stamp == "" {
				if j, ok = last[source]; ok && stamp != "" && stampOf(b.all[j].Time) != "" {
					ok = false // two moments: nothing says they belong together
				}
			}
			if ok && j != i {
				b.name(j, keys)
				b.all[i].DerivedFrom = append(b.all[i].DerivedFrom, b.all[j].Key)
			}
		}
		last[object{from.handle, from.person}] = i
	}
}

// name gives a measurement its key: object, time and person.
func (b *batch) name(j int, keys map[string]bool) {
	m := &b.all[j]
	if m.Key != "" {
		return
	}
	at := stampOf(m.Time)
	if at == "" {
		at = sprintf("%s-%d", b.label, j)
	}
	m.Key = strconv.Itoa(int(b.origins[j].handle)) + "/" + at
	if m.Person != 0 {
		m.Key += sprintf("/%d", m.Person)
	}
	if keys[m.Key] { // the same object twice at one time
		m.Key += sprintf("#%d", j)
	}
	keys[m.Key] = true
}

func stampOf(t acom.Time) string {
	switch {
	case t.Wall != nil:
		w := t.Wall
		s := padded(make([]byte, 0, 24), w.Year, 4)
		for _, n := range [...]int{w.Month, w.Day, w.Hour, w.Minute, w.Second} {
			s = padded(s, n, 2)
		}
		if w.Fraction != "" {
			s = append(append(s, '.'), w.Fraction...)
		}
		return string(s)
	case t.Ticks != nil:
		return "t" + strconv.FormatUint(t.Ticks.Micros, 10)
	}
	return ""
}

// padded appends a number with zeros before it.
func padded(s []byte, n, width int) []byte {
	for limit := 10; width > 1; width-- {
		if n < limit {
			s = append(s, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(s, int64(n), 10)
}
