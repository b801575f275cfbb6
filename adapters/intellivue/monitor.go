package intellivue

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// monitor is what the MDS told of itself, remembered under <device>/mds.
type monitor struct {
	Maker   string            `json:"maker,omitempty"`
	Model   string            `json:"model,omitempty"`
	Type    acom.Code         `json:"type,omitempty"`
	Serial  string            `json:"serial,omitempty"`
	Version map[string]string `json:"version,omitempty"` // by MDC code
	Bed     string            `json:"bed,omitempty"`
	Demo    bool              `json:"demo,omitempty"`
	// Absolute is the date and time when the running clock was Relative.
	Absolute *acom.Wall `json:"absolute,omitempty"`
	Relative uint32     `json:"relative,omitempty"`
	// Began is the running clock when the association did.
	Began uint32 `json:"began,omitempty"`

	id    string
	mode  bool // whether the operating mode was told
	clock bool // whether Relative was
	told  bool
}

// attribute reads an attribute of the MDS; false when it is none.
func (m *monitor) attribute(id uint16, c *cursor.Cursor) bool {
	switch id {
	case attrModel:
		m.Maker, m.Model = octets(c), octets(c)
	case attrBedLabel:
		m.Bed = text(c)
	case attrSystemID:
		m.id = fmt.Sprintf("%X", c.Take(int(c.U16("system identifier")), "system identifier"))
	case attrSystemType:
		m.Type = acom.MDC(c.U16("type"), c.U16("type"))
	case attrMode:
		m.mode, m.Demo = true, c.U16("operating mode")&demonstration != 0
	case attrDateAndTime:
		m.Absolute = wallOf(c.Take(8, "date and time"))
	case attrRelativeTime:
		m.clock, m.Relative = true, c.U32("relative time")
	case attrProduction:
		each(c, "production specification", m.production)
	default:
		return false
	}
	m.told = true
	return true
}

// production reads an entry: kind, component, text. Those of the product as a whole
// (component 8) are the monitor's.
func (m *monitor) production(c *cursor.Cursor) {
	const product, serial = 8, 1
	kind, component, text := c.U16("kind"), c.U16("component"), strings.TrimSpace(octets(c))
	switch {
	case text == "" || component != product:
	case kind == serial:
		m.Serial = text
	case kind >= 3 && kind <= 6: // revisions of hardware, software, firmware, protocol
		if m.Version == nil {
			m.Version = map[string]string{}
		}
		m.Version[fmt.Sprint(531971+int(kind))] = text
	}
}

// load recalls what the monitor told earlier.
func (r *reader) load() {
	if r.loaded {
		return
	}
	r.loaded = true
	if data, ok := r.recall(r.key("mds")); ok {
		_ = json.Unmarshal(data, &r.mds) // what cannot be read was not told
	}
}

// monitor takes what an MDS tells: all of itself when the association begins, in
// addition or anew when it is polled.
func (r *reader) monitor(m monitor, begins bool) {
	r.facts = true
	if r.name == "" {
		r.name = m.id
	}
	if r.name == "" {
		return
	}
	r.load()
	if begins {
		r.mds = monitor{Began: r.relative}
	}
	known := &r.mds
	for _, f := range []struct{ into, from *string }{{&known.Maker, &m.Maker}, {&known.Model, &m.Model}, {&known.Serial, &m.Serial}, {&known.Bed, &m.Bed}} {
		if *f.from != "" {
			*f.into = *f.from
		}
	}
	if m.Type != 0 {
		known.Type = m.Type
	}
	if m.Version != nil {
		known.Version = m.Version
	}
	if m.mode {
		known.Demo = m.Demo
	}
	if !m.clock {
		m.Relative = r.relative
	}
	if m.Absolute != nil {
		known.Absolute, known.Relative = m.Absolute, m.Relative
	}
	r.keepMonitor()
}

// follow takes the pair of clocks anew once a day.
func (r *reader) follow() {
	if w := r.moment.Wall; w != nil && r.mds.Absolute != nil && instant(*w).Sub(instant(*r.mds.Absolute)) > 24*time.Hour {
		r.mds.Absolute, r.mds.Relative = w, r.relative
		r.keepMonitor()
	}
}

func (r *reader) keepMonitor() {
	if data, err := json.Marshal(r.mds); err == nil {
		r.keep(r.key("mds"), data)
	}
}

// device is the monitor in the report.
func (r *reader) device() acom.Device {
	d := acom.Device{Type: r.mds.Type, Manufacturer: r.mds.Maker, Model: r.mds.Model, Serial: r.mds.Serial}
	if len(r.name) == 16 {
		d.SystemID = r.name
	} else {
		d.Local = "IntelliVue:" + r.name
	}
	for _, code := range []string{"531974", "531975", "531976", "531977"} {
		if text := r.mds.Version[code]; text != "" {
			d.Attributes = append(d.Attributes, acom.Attribute{Name: mdc(parse(code)), Value: text})
		}
	}
	return d
}

// wallOf reads an AbsoluteTime: eight bytes of binary coded decimals, the last of them
// hundredths. A monitor that has none sends FF; nil then, and for what is no time.
func wallOf(bytes []byte) *acom.Wall {
	var n []int
	for _, b := range bytes {
		high, low := int(b>>4), int(b&0x0F)
		if high > 9 || low > 9 {
			return nil
		}
		n = append(n, high*10+low)
	}
	if len(n) != 8 {
		return nil
	}
	w := acom.Wall{Year: n[0]*100 + n[1], Month: n[2], Day: n[3], Hour: n[4], Minute: n[5], Second: n[6], Fraction: fmt.Sprintf("%02d", n[7])}
	at := instant(w)
	if at.Year() != w.Year || int(at.Month()) != w.Month || at.Day() != w.Day || w.Year == 0 || w.Hour > 23 || w.Minute > 59 || w.Second > 59 {
		return nil
	}
	return &w
}

// instant is a time of the monitor's clock, which has no zone, for reckoning with it.
func instant(w acom.Wall) time.Time {
	nanos := 0
	for i, unit := 0, 100_000_000; i < len(w.Fraction) && unit > 0; i, unit = i+1, unit/10 {
		nanos += int(w.Fraction[i]-'0') * unit
	}
	return time.Date(w.Year, time.Month(w.Month), w.Day, w.Hour, w.Minute, w.Second, nanos, time.UTC)
}

// tick is the unit of RelativeTime.
const tick = 125 * time.Microsecond

// timeOf is the absolute time of a message or, where it has none, the running clock by
// the MDS's date and time. The running clock turns over after six days: the shorter way
// round is meant, and every day the pair is taken anew.
func (r *reader) timeOf(absolute []byte, relative uint32) acom.Time {
	if w := wallOf(absolute); w != nil {
		return acom.Time{Wall: w}
	}
	if r.name != "" {
		r.load()
	}
	if r.mds.Absolute == nil {
		return acom.Time{Ticks: &acom.Ticks{Micros: uint64(relative) * 125, Resolution: 125}}
	}
	at := instant(*r.mds.Absolute).Add(time.Duration(int32(relative-r.mds.Relative)) * tick)
	w := acom.Wall{Year: at.Year(), Month: int(at.Month()), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second(),
		Fraction: fmt.Sprintf("%03d", at.Nanosecond()/int(time.Millisecond))}
	return acom.Time{Wall: &w}
}
