package blegatt

import (
	"bytes"

	"vitalwire/adapters/acom"
)

// keyBodyPart is the memory key of the first packet of a body composition that
// comes in two: body fat u16, then presence flags u8 (bit 0 time stamp, bit 1
// user) and those two fields, as sent. The second packet forgets it.
const keyBodyPart = "bca/part"

// bodyFields are the optional values of a Body Composition Measurement in the
// order of their flags, which is the order of the bytes.
var bodyFields = [...]struct {
	bit  int
	name string
	code acom.Code
	read func(raw uint16, imperial bool) acom.Value
}{
	{3, "Basal Metabolism", mdcBasalMetabolism, kilojoules},
	{4, "Muscle Percentage", mdcMuscleShare, percent},
	{5, "Muscle Mass", mdcMuscleMass, mass},
	{6, "Fat Free Mass", mdcFatFreeMass, mass},
	{7, "Soft Lean Mass", mdcSoftLeanMass, mass},
	{8, "Body Water Mass", mdcBodyWater, mass},
	{9, "Impedance", mdcImpedance, ohms},
	{10, "Weight", mdcBodyWeight, mass},
	{11, "Height", mdcBodyHeight, length},
}

// bodyComposition reads a Body Composition Measurement (BCS 3.2, GSS): flags
// u16, body fat, time stamp (bit 1), user (2) and the fields above. Bit 0 selects
// pound and inch. Bit 12 marks one of two packets: the second repeats the body
// fat without time stamp and user, takes both from the first, and does not report
// the fat again.
func (r *reader) bodyComposition() {
	flags := r.U16LE("Flags")
	imperial := flag(flags, 0)
	fatBytes := r.Peek(2)
	fat := acom.Measurement{Kind: acom.Numeric, Type: mdcBodyFat, Value: failable(r.U16LE("Body Fat Percentage"), imperial, percent)}

	var shared acom.Measurement
	part := append(bytes.Clone(fatBytes), byte(flags>>1&3))
	if flag(flags, 1) {
		part = append(part, r.Peek(7)...)
		shared.Time = r.timeStamp("Time Stamp")
	}
	if flag(flags, 2) {
		part = append(part, r.Peek(1)...)
		shared.Person = r.userIndex()
	}
	values := []acom.Measurement{fat}
	for _, f := range bodyFields {
		if flag(flags, f.bit) {
			values = append(values, acom.Measurement{Kind: acom.Numeric, Type: f.code, Value: f.read(r.U16LE(f.name), imperial)})
		}
	}
	if flag(flags, 12) {
		if first, ok := r.bodyFirstPacket(fatBytes); ok && flags&6 == 0 {
			shared, values = first, values[1:]
			r.keep(keyBodyPart, nil)
		} else {
			r.keep(keyBodyPart, part)
		}
	}
	r.addShared(shared, values)
}

// bodyFirstPacket recalls time and person of a first packet with the same body fat.
func (r *reader) bodyFirstPacket(fat []byte) (acom.Measurement, bool) {
	var shared acom.Measurement
	c, ok := r.recalled(keyBodyPart)
	if !ok || !bytes.Equal(c.Take(2, "fat"), fat) {
		return shared, false
	}
	present := c.U8("present")
	if flag(present, 0) {
		shared.Time = acom.Time{Wall: dateTime(c, "time")}
	}
	if flag(present, 1) {
		shared.Person = (&reader{Cursor: c}).userIndex()
	}
	return shared, c.Err() == nil
}
