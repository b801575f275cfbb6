package hl7pcd01

import (
	"fmt"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// about is whom, and what bed, results are about: a PATIENT_RESULT group of ORU (HL7 2.6,
// 7.3.1), of which a message may have several. What precedes the results says it; what
// follows them is of the next.
type about struct {
	subject *acom.Subject
	place   string
	implant acom.Device // told in PID-3 (IDCO)
	began   bool        // results have come
}

// at is the same patient at a place; another bed is another group.
func (a *about) at(place string) *about {
	if !a.began {
		a.place = place
		return a
	}
	if a.place == place {
		return a
	}
	return &about{subject: a.subject, place: place, implant: a.implant}
}

// patient reads PID. An identifier without a value is none (Mindray sends the
// authority alone); one that names a device instead is that (IHE IDCO).
func patient(pid *hl7v2.Segment) *about {
	a := &about{}
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
			a.implant = implant(id)
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
		a.subject = s
	}
	return a
}

// observers reads OBX-16: XCN, id ^ family ^ given ^ ^ suffix ^ prefix ^ ^ ^ authority and, after it,
// the identifier's type (HL7 2.6, 2.A.86).
func observers(field hl7v2.Part) (list []acom.Observer) {
	for _, xcn := range field.Repetitions() {
		authority := xcn.Component(9)
		o := acom.Observer{ID: acom.SubjectID{
			Value:     xcn.Component(1).Text(),
			Namespace: authority.Sub(1).Text(), Universal: authority.Sub(2).Text(), UniversalType: authority.Sub(3).Text(),
			Type: xcn.Component(13).Text(),
		}}
		o.Name = strings.Join(strings.Fields(xcn.Component(6).Text()+" "+xcn.Component(3).Text()+" "+xcn.Component(2).Sub(1).Text()+" "+xcn.Component(5).Text()), " ")
		if o.ID.Value != "" || o.Name != "" {
			list = append(list, o)
		}
	}
	return list
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
