package hl7pcd01

import (
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// deviceOf finds who measured: the equipment instance of the MDS, else of any row
// of the group, else the filler or placer of OBR, else who was it before in the
// message, else the sender itself. Senders put it in other fields and leave it
// out of all rows but one, so every place is looked at.
func (r *reader) deviceOf(g *group, before acom.Device) acom.Device {
	if g.about.implant.Local != "" {
		return g.about.implant
	}
	sender := eui(r.header.Field(3).Component(2).Text())
	if sender == "" { // the EUI in the place of the name
		sender = eui(r.header.Field(3).Component(1).Text())
	}
	var mds, other hl7v2.Part
	for i := range g.results {
		result := &g.results[i]
		instance, ok := r.instance(result.obx)
		switch {
		case !ok:
		case result.path != "" && result.path.String() == g.mds && mds.Empty():
			mds = instance
		case other.Empty():
			other = instance
		}
	}
	named := func(p hl7v2.Part) acom.Device {
		// EI: entity ^ namespace ^ universal id ^ type. The universal id is who names
		// the entity, or the device itself when it is that of one device.
		entity, universal := p.Component(1).Text(), eui(p.Component(3).Text())
		if universal == "" {
			universal = eui(p.Component(2).Text())
		}
		switch id := eui(entity); {
		case id != "":
			return acom.Device{SystemID: id}
		case universal != "" && !manyDevices(universal) && universal != sender:
			return acom.Device{SystemID: universal}
		case entity != "" && universal != "":
			return acom.Device{Local: local(universal, entity)}
		case entity != "":
			return acom.Device{Local: local(r.sender(), entity)}
		}
		return acom.Device{}
	}
	var filler acom.Device
	for _, n := range []int{3, 2} {
		ei := g.obr.Field(n)
		for _, component := range []int{1, 3} {
			if id := eui(ei.Component(component).Text()); id != "" && id != sender && !manyDevices(id) && filler.SystemID == "" {
				filler.SystemID = id
			}
		}
	}
	switch d := named(mds); {
	case d.SystemID != "":
		return d
	case filler.SystemID != "":
		return filler
	case d.Local != "":
		return d
	}
	if d := named(other); d.SystemID != "" || d.Local != "" {
		return d
	}
	if before.SystemID != "" || before.Local != "" {
		return before
	}
	return r.senderDevice(sender, g.about.place)
}

// senderDevice is the sender as the device. A gateway stands for many: where it
// tells no device, the bed is the nearest thing to one.
func (r *reader) senderDevice(sender, place string) acom.Device {
	switch name := r.sender(); {
	case r.profile.gateway && place != "":
		if sender != "" {
			name = sender
		}
		return acom.Device{Local: local(name, "bed "+place)}
	case sender != "":
		return acom.Device{SystemID: sender}
	case name != "" && name != "|":
		return acom.Device{Local: local("", name)}
	}
	return acom.Device{}
}

// instance is OBX-18, or the field in which this sender has it. Empty repetitions
// are passed over.
func (r *reader) instance(obx *hl7v2.Segment) (hl7v2.Part, bool) {
	for _, ei := range obx.Field(18).Repetitions() {
		if !ei.Empty() {
			return ei, true
		}
	}
	for _, n := range r.profile.shifted {
		for _, ei := range obx.Field(n).Repetitions() {
			if eui(ei.Component(1).Text()) != "" {
				return ei, true
			}
		}
	}
	return hl7v2.Part{}, false
}

// manyDevices reports whether an EUI-64 is that of a maker, who numbers his devices
// in another component, and not of one device: its extension is all zeros.
func manyDevices(eui string) bool { return strings.HasSuffix(eui, "0000000000") }

// local names a device that has no EUI, by who vouches for the name.
func local(authority, name string) string {
	if name == "" {
		return ""
	}
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "")
	}
	return strings.ReplaceAll(strings.TrimPrefix(authority+":"+name, ":"), "/", "%2F") // books have names between slashes
}

// eui is an EUI-64 as 16 upper-case hex digits, "" if text is none.
func eui(text string) string {
	if len(text) < 16 || len(text) > 23 {
		return ""
	}
	plain := strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(text, "-", ""), ":", ""))
	if len(plain) != 16 || strings.Trim(plain, "0123456789ABCDEF") != "" {
		return ""
	}
	return plain
}
