package intellivue

import (
	"encoding/json"
	"unicode/utf16"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Attributes of objects (Programming Guide, "Attribute Data Types and Constants Used";
// nomenclature partition 1).
const (
	attrPatientAlarms  = 0x0902
	attrDeviceAlarms   = 0x0904
	attrBedLabel       = 0x091E
	attrLabel          = 0x0924
	attrLabelString    = 0x0927
	attrModel          = 0x0928
	attrProduction     = 0x092D
	attrMetricSpec     = 0x093F
	attrMetricState    = 0x0940
	attrMode           = 0x0946
	attrCompound       = 0x094B
	attrNumeric        = 0x0950
	attrPatientState   = 0x0957
	attrBirthDate      = 0x0958
	attrPatientID      = 0x095A
	attrFamily         = 0x095C
	attrGiven          = 0x095D
	attrSex            = 0x0961
	attrCompoundWave   = 0x0967
	attrSampleSpec     = 0x096D
	attrWave           = 0x096E
	attrScale          = 0x096F
	attrSystemID       = 0x0984
	attrSystemType     = 0x0986
	attrDateAndTime    = 0x0987
	attrSamplePeriod   = 0x098D
	attrRelativeTime   = 0x098F
	attrStamp          = 0x0990
	attrRelativeStamp  = 0x0991
	attrUnit           = 0x0996
	attrEnumeration    = 0x099E
	attrHeight         = 0x09DC
	attrWeight         = 0x09DF
	attrFixedValues    = 0x0A16
	attrModality       = 0xF294
	manualModality     = 0x4000
	settings           = 1026 // the nomenclature partition of labels of settings
	alarmLimit         = 130  // category of a metric that is a limit
	metricOff          = 0x8000
	demonstration      = 0x2000 // operating mode
	maximumDescription = 40     // of what a label may be long
)

// objectKey is an object within its association.
type objectKey struct{ context, handle uint16 }

// described is what an object tells seldom and its values need.
type described struct {
	// Since tells the association it was told in: handles begin anew with the next.
	Since    uint32 `json:"since,omitempty"`
	Label    string `json:"label,omitempty"`
	Category uint16 `json:"category,omitempty"`
	Setting  bool   `json:"setting,omitempty"`
	Manual   bool   `json:"manual,omitempty"`
	Off      bool   `json:"off,omitempty"`
	// of a wave
	Period  uint32    `json:"period,omitempty"` // ticks of 125 µs
	Bits    uint8     `json:"bits,omitempty"`
	Used    uint8     `json:"used,omitempty"` // significant bits
	Masked  bool      `json:"masked,omitempty"`
	Invalid uint16    `json:"invalid,omitempty"` // mask of invalid samples
	Scale   *[4]int64 `json:"scale,omitempty"`   // raw FLOATs, then the scaled values
	Unit    uint16    `json:"unit,omitempty"`
}

// seen is an object as a message has it.
type seen struct {
	key     objectKey
	now     described
	told    bool // whether something of now is new
	numbers []numeric
	waves   []wave
	enums   []enumeration
	time    acom.Time
	patient patient
	mds     monitor
	isMDS   bool
	lists   []alarmList
}

// object reads the attributes of an object, then what they say.
func (r *reader) object(c *cursor.Cursor, key objectKey, isMDS bool) {
	o := &seen{key: key, isMDS: isMDS}
	if r.name != "" {
		r.load()
	}
	o.now = r.describedAs(key)
	each(c, "attributes", func(c *cursor.Cursor) {
		id := c.U16("attribute")
		value := c.Sub(int(c.U16("attribute length")), "attribute")
		r.attribute(o, id, value)
	})
	if c.Err() != nil {
		return
	}
	if o.mds.told {
		r.monitor(o.mds, o.isMDS)
	}
	r.needs = r.needs || o.told
	if o.told && r.name != "" {
		o.now.Since = r.mds.Began
		data, err := json.Marshal(o.now)
		if err == nil {
			r.keep(r.objectKey(key), data)
		}
	}
	r.values(o)
	r.patient(o.patient)
	for _, list := range o.lists {
		r.alarms(list)
	}
}

func (r *reader) objectKey(key objectKey) string {
	return r.key("object/%d.%d", key.context, key.handle)
}

// describedAs is what was told of an object in this association.
func (r *reader) describedAs(key objectKey) (d described) {
	if r.name == "" || key == (objectKey{}) {
		return d
	}
	data, ok := r.recall(r.objectKey(key))
	if !ok || json.Unmarshal(data, &d) != nil || d.Since != r.mds.Began {
		return described{}
	}
	return d
}

// attribute reads one attribute; those that are not known are passed over.
func (r *reader) attribute(o *seen, id uint16, c *cursor.Cursor) {
	tell := func() { o.told = true }
	switch id {
	case attrNumeric:
		o.numbers = append(o.numbers, r.numeric(c))
	case attrCompound:
		each(c, "values", func(c *cursor.Cursor) { o.numbers = append(o.numbers, r.numeric(c)) })
	case attrWave:
		o.waves = append(o.waves, r.wave(c))
	case attrCompoundWave:
		each(c, "waves", func(c *cursor.Cursor) { o.waves = append(o.waves, r.wave(c)) })
	case attrEnumeration:
		o.enums = append(o.enums, r.enumeration(c))
	case attrStamp:
		if w := wallOf(c.Take(8, "time stamp")); w != nil {
			o.time = acom.Time{Wall: w}
		}
	case attrRelativeStamp:
		if at := c.U32("relative time stamp"); o.time.IsZero() {
			o.time = r.timeOf(nil, at)
		}
	case attrLabelString:
		o.now.Label = label(c)
		tell()
	case attrLabel:
		o.now.Setting = c.U32("label")>>16 == settings
		tell()
	case attrMetricSpec:
		c.U32("update period")
		o.now.Category = c.U16("category")
		tell()
	case attrModality:
		o.now.Manual = c.U16("modality")&manualModality != 0
		tell()
	case attrMetricState:
		o.now.Off = c.U16("metric state")&metricOff != 0
		tell()
	case attrSamplePeriod:
		o.now.Period = c.U32("sample period")
		tell()
	case attrUnit:
		o.now.Unit = c.U16("unit")
		tell()
	case attrSampleSpec:
		c.U16("array size")
		o.now.Bits, o.now.Used = c.U8("sample size"), c.U8("significant bits")
		o.now.Masked = c.U16("flags")&outerBits != 0
		tell()
	case attrScale:
		o.now.Scale = &[4]int64{int64(c.U32("lower absolute")), int64(c.U32("upper absolute")), int64(c.U16("lower scaled")), int64(c.U16("upper scaled"))}
		tell()
	case attrFixedValues:
		each(c, "fixed values", func(c *cursor.Cursor) {
			if id, mask := c.U16("fixed value"), c.U16("fixed value"); id == invalidMask {
				o.now.Invalid = mask
			}
		})
		tell()
	case attrPatientAlarms, attrDeviceAlarms:
		o.lists = append(o.lists, r.alarmList(id, c))
	default:
		if !o.mds.attribute(id, c) {
			o.patient.attribute(id, c)
		}
	}
}

// text is a String: how long, and UTF-16 with zeros at its end.
func text(c *cursor.Cursor) string {
	data := cursor.New(c.Take(int(c.U16("text")), "text"))
	var units []uint16
	for data.Left() > 1 {
		unit := data.U16("text")
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	return string(utf16.Decode(units))
}

// label is a text that names an object: no longer than any of the monitor's.
func label(c *cursor.Cursor) string {
	runes := []rune(text(c))
	return string(runes[:min(len(runes), maximumDescription)])
}

// octets is a VariableLabel of text: how long, and bytes with zeros at their end.
func octets(c *cursor.Cursor) string {
	var out []rune
	for _, b := range c.Take(int(c.U16("label")), "label") {
		if b == 0 || len(out) == maximumDescription {
			break
		}
		out = append(out, rune(b))
	}
	return string(out)
}
