package phd20601

import (
	"encoding/hex"
	"slices"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Attribute ids of partition "object infrastructure" (annex A and 11073-10101).
const (
	attrConfirmMode      = 2323
	attrModel            = 2344
	attrMetricID         = 2347
	attrProdSpec         = 2349
	attrType             = 2351
	attrStatus           = 2375
	attrCompoundNu       = 2379
	attrNu               = 2384
	attrOpState          = 2387
	attrSaSpec           = 2413
	attrScale16          = 2415
	attrScale32          = 2416
	attrScale8           = 2417
	attrSystemID         = 2436
	attrDateTime         = 2439
	attrSegmentEnd       = 2442
	attrSamplePeriod     = 2445
	attrRelativeTime     = 2447
	attrTimeStamp        = 2448
	attrRelTimeStamp     = 2449
	attrSegmentStart     = 2450
	attrUnit             = 2454
	attrBattery          = 2460
	attrEnum             = 2462
	attrHiResTime        = 2536
	attrHiResTimeStamp   = 2537
	attrConfigID         = 2628
	attrTimeInfo         = 2629
	attrMetricSpec       = 2630
	attrSourceHandle     = 2631
	attrSamples          = 2632
	attrEnumOID          = 2633
	attrEnumString       = 2634
	attrRegCert          = 2635
	attrBasicNu          = 2636
	attrSegmentMap       = 2638
	attrSegmentPerson    = 2639
	attrScanMap          = 2643
	attrValueMap         = 2645
	attrSimpleNu         = 2646
	attrActivePeriod     = 2649
	attrSpecializations  = 2650
	attrMetricIDPart     = 2655
	attrEnumPart         = 2656
	attrSupplemental     = 2657
	attrEnumBits32       = 2661
	attrEnumBits16       = 2662
	attrCompoundSimple   = 2676
	attrCompoundBasic    = 2677
	attrMetricIDList     = 2678
	attrScanHandles      = 2679
	attrSourceHandleList = 2681
	attrBaseOffsetTime   = 2689
	attrBOTimeStamp      = 2690
	attrBOSegmentStart   = 2691
	attrTickResolution   = 2693
)

// octets is a byte string that is hexadecimal in JSON.
type octets string

// MarshalText implements encoding.TextMarshaler.
func (o octets) MarshalText() ([]byte, error) {
	return []byte(strings.ToUpper(hex.EncodeToString([]byte(o)))), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *octets) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	*o = octets(raw)
	return err
}

// properties are the attributes of a metric object that say how to read its
// values (6.3.3 to 6.3.6). They come with the configuration; an agent may change
// them in any scan report, for that report and all later ones (7.4.4).
type properties struct {
	typ          acom.Code
	partition    uint16 // Metric-Id-Partition, 0 when not given
	metricID     uint16 // Metric-Id, 0 when not given
	ids          []uint16
	unit         uint16
	enumPart     uint16
	supplemental []acom.Code
	sources      []uint16
	spec         uint16 // Metric-Spec-Small
	period       uint32 // Sample-Period in RelativeTime ticks
	sa           *saSpec
	scale        *scaleSpec
}

// saSpec is SaSpec (A.5): how samples are packed.
type saSpec struct {
	count       uint16
	size        uint8 // bits of a sample: 8, 16 or 32
	significant uint8 // 255: signed
	flags       uint16
}

// scaleSpec is ScaleRangeSpec8, 16 or 32 (A.5).
type scaleSpec struct {
	lowerAbsolute, upperAbsolute acom.Number
	lowerScaled, upperScaled     uint32
	bits                         int
}

// Limits that no device comes near: they keep what one record says small.
const (
	maxSupplemental = 32
	maxComponents   = 1024
	maxSources      = 32
)

// set takes a value when id is one of the properties and tells whether it was.
// A value of a wrong length is an error of c.
func (p *properties) set(id uint16, c *cursor.Cursor) bool {
	switch id {
	case attrType:
		p.typ = acom.Code(c.U32("Type"))
	case attrMetricIDPart:
		p.partition = c.U16("Metric-Id-Partition")
	case attrMetricID:
		p.metricID = c.U16("Metric-Id")
	case attrMetricIDList:
		p.ids = bounded(c, u16List(c, "Metric-Id-List"), maxComponents, "Metric-Id-List")
	case attrUnit:
		p.unit = c.U16("Unit-Code")
	case attrEnumPart:
		p.enumPart = c.U16("Enum-Observed-Value-Partition")
	case attrSupplemental:
		p.supplemental = nil
		list(c, "Supplemental-Types", func(c *cursor.Cursor) {
			p.supplemental = append(p.supplemental, acom.Code(c.U32("Supplemental-Types")))
		})
		p.supplemental = bounded(c, p.supplemental, maxSupplemental, "Supplemental-Types")
	case attrSourceHandle:
		p.sources = []uint16{c.U16("Source-Handle-Reference")}
	case attrSourceHandleList:
		p.sources = bounded(c, u16List(c, "Source-Handle-Reference-List"), maxSources, "Source-Handle-Reference-List")
	case attrMetricSpec:
		p.spec = c.U16("Metric-Spec-Small")
	case attrSamplePeriod:
		p.period = c.U32("Sample-Period")
	case attrSaSpec:
		p.sa = &saSpec{count: c.U16("Sa-Specification"), size: c.U8("Sa-Specification"),
			significant: c.U8("Sa-Specification"), flags: c.U16("Sa-Specification")}
	case attrScale8, attrScale16, attrScale32:
		p.scale = scale(id, c)
	default:
		return false
	}
	c.Close("the attribute value")
	return true
}

func bounded[T any](c *cursor.Cursor, all []T, most int, what string) []T {
	if len(all) > most {
		c.Fail("%s has %d entries, more than %d", what, len(all), most)
		return nil
	}
	return all
}

func scale(id uint16, c *cursor.Cursor) *scaleSpec {
	const what = "Scale-and-Range-Specification"
	s := &scaleSpec{lowerAbsolute: cursor.FLOAT(c.U32(what)), upperAbsolute: cursor.FLOAT(c.U32(what))}
	switch id {
	case attrScale8:
		s.bits, s.lowerScaled, s.upperScaled = 8, uint32(c.U8(what)), uint32(c.U8(what))
	case attrScale16:
		s.bits, s.lowerScaled, s.upperScaled = 16, uint32(c.U16(what)), uint32(c.U16(what))
	default:
		s.bits, s.lowerScaled, s.upperScaled = 32, c.U32(what), c.U32(what)
	}
	return s
}

// metric is the MDC code of what the object measures: Metric-Id where given,
// else the code of Type (6.3.3.3).
func (p *properties) metric() acom.Code {
	if p.metricID == 0 {
		return p.typ
	}
	return p.inPartition(p.metricID)
}

// inPartition joins a term with Metric-Id-Partition, else the partition of Type.
func (p *properties) inPartition(term uint16) acom.Code {
	if p.partition != 0 {
		return acom.MDC(p.partition, term)
	}
	return acom.MDC(p.typ.Partition(), term)
}

// unitCode is a Unit-Code with its partition, 0 when none was given (A.5).
func unitCode(unit uint16) acom.Code {
	if unit == 0 {
		return 0
	}
	return acom.MDC(acom.PartitionDimension, unit)
}

// slot is one entry of an Attribute-Value-Map: an attribute and its size in a
// report of fixed or grouped form.
type slot struct {
	id   uint16
	size int
}

func attributeValueMap(c *cursor.Cursor) []slot {
	var slots []slot
	list(c, "Attribute-Value-Map", func(c *cursor.Cursor) {
		s := slot{id: c.U16("attribute-id"), size: int(c.U16("attribute-len"))}
		if s.size == 0 {
			c.Fail("Attribute-Value-Map gives attribute %d no bytes", s.id)
		}
		slots = append(slots, s)
	})
	return slots
}

// mapOf reads the Attribute-Value-Map of what cannot do without one.
func mapOf(c *cursor.Cursor, handle uint16) []slot {
	slots := attributeValueMap(c)
	if len(slots) == 0 {
		c.Fail("the Attribute-Value-Map of object %d is empty", handle)
	}
	return slots
}

// width is the number of bytes the slots take.
func width(slots []slot) int {
	n := 0
	for _, s := range slots {
		n += s.size
	}
	return n
}

// cut splits bytes by the slots. What it gives holds until it is called again.
func (b *batch) cut(c *cursor.Cursor, slots []slot) []attribute {
	attrs := slices.Grow(b.attrs[:0], len(slots))
	for _, s := range slots {
		what := "attribute"
		if c.Left() < s.size { // only then the name is read
			what = sprintf("attribute %d", s.id)
		}
		attrs = append(attrs, attribute{id: s.id, body: *c.Sub(s.size, what)})
	}
	b.attrs = attrs
	return attrs
}
