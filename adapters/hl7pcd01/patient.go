package hl7pcd01

import (
	"fmt"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// patient reads PID. An identifier without a value is none (Mindray sends the
// authority alone); one that names a device instead is that (IHE IDCO).
func (r *reader) patient(pid *hl7v2.Segment) {
	s := &acom.Subject{}
	for _, cx := range pid.Field(3).Repetitions() {
		id := acom.SubjectID{
			Value:     cx.Component(1).Text(),
			Namespace: cx.Component(4).Sub(1).Text(), Universal: cx.Component(4).Sub(2).Text(), UniversalType: cx.Component(4).Sub(3).Text(),
			Type: cx.Component(5).Text(),
		}
		switch {
		case id.Value == "":
		case id.Type == "U" && isImplant(id.Value):
			r.implant = implant(id)
		default:
			s.Identifiers = append(s.Identifiers, id)
		}
	}
	family, given := pid.Field(5).Component(1).Sub(1).Text(), pid.Field(5).Component(2).Text()
	s.Name = strings.Trim(family+", "+given, ", ")
	if t, ok := hl7v2.ParseTime(pid.Field(7).Component(1).Text()); ok {
		s.BirthDate = [...]string{"", "%04d", "%04d-%02d", "%04d-%02d-%02d"}[min(t.Parts, 3)]
		s.BirthDate = fmt.Sprintf(s.BirthDate, []any{t.Year, t.Month, t.Day}[:min(t.Parts, 3)]...)
	}
	s.Sex = pid.Field(8).Text()
	if s.Identifiers != nil || s.Name != "" || s.BirthDate != "" {
		r.subject = s
	}
}

// isImplant reports whether an identifier names a device by model and serial number.
func isImplant(text string) bool {
	for _, name := range []string{"MODEL:", "SERIAL:"} {
		if len(text) > len(name) && strings.EqualFold(text[:len(name)], name) {
			return true
		}
	}
	return false
}

// implant is the device in "MODEL:name/SERIAL:number" of PID-3, whichever comes first: each
// reaches to the other.
func implant(id acom.SubjectID) acom.Device {
	upper := strings.Map(func(c rune) rune { // byte for byte, as ToUpper is not
		if c >= 'a' && c <= 'z' {
			return c - 'a' + 'A'
		}
		return c
	}, id.Value)
	part := func(name, other string) string {
		at := strings.Index(upper, name)
		if at < 0 {
			return ""
		}
		rest := id.Value[at+len(name):]
		if end := strings.Index(upper[at+len(name):], other); end >= 0 {
			rest = strings.TrimSuffix(strings.TrimSpace(rest[:end]), "/")
		}
		return strings.TrimSpace(rest)
	}
	model, serial := part("MODEL:", "SERIAL:"), part("SERIAL:", "MODEL:")
	return acom.Device{Manufacturer: id.Namespace, Model: model, Serial: serial, Local: local(id.Namespace, serial)}
}

// placeOf is PV1-3 as one name: point of care, room, bed and facility, whatever of
// it was told.
func placeOf(location hl7v2.Part) string {
	var words []string
	for n := 1; n <= 4; n++ {
		words = append(words, location.Component(n).Text())
	}
	return strings.TrimRight(strings.Join(words, "^"), "^")
}
