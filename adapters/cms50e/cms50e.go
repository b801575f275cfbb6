// Package cms50e reads the live frames of the Contec CMS50E pulse oximeter, as its serial
// line sends them: nine bytes, the first of them 01; and those of the CMS50D+, five bytes of
// which the first alone has its high bit set.
//
//	never a number: a saturation of 127 (no finger) or above 100, or nought; a pulse of
//	                nought, or one whose high bit is set (two descriptions of the bit differ);
//	                of the CMS50D+ a pulse of 255, and both while it searches or has no finger
//	time            none is told: the gateway's receipt counts
//
// Bytes before and between frames are passed over: a capture begins where it begins. A
// capture of many frames gives what the last of them says. deviceId must be given.
package cms50e

import (
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "cms50e",
	Standard: "Contec CMS50E live data, 115200 8N1; CMS50D+, 19200 8O1",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

type decoder struct{}

// packet is the bytes of a frame: 01, high bits, signal, pleth twice, pulse, saturation.
type packet [9]uint8

// whole reports whether the bytes are a frame.
func (p packet) whole() bool {
	return p[0] == 0x01 && p[1]&p[2]&p[5]&p[6]&0x80 != 0
}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	model := "CMS50E"
	saturation, pulse, found := nine(f.Bytes)
	if !found {
		model = "CMS50D+"
		saturation, pulse, found = five(f.Bytes)
	}
	if !found {
		return adapters.Result{}, &adapters.Error{Offset: len(f.Bytes), Reason: "it holds no whole frame: nine bytes that begin with 01, or five of which the first has its high bit set"}
	}
	if saturation > 100 {
		saturation = 0
	}
	report := acom.Report{Device: acom.Device{SystemID: f.Device, Manufacturer: "Contec", Model: model,
		Specializations: []acom.Specialization{{Type: 528388, Version: 1}}}} // MDC_DEV_SPEC_PROFILE_PULS_OXIM
	if len(f.Device) == 12 {
		report.Device.SystemID, report.Device.Address = "", f.Device
	}
	report.Measurements = []acom.Measurement{
		{Kind: acom.Numeric, Type: 150456, Value: value(saturation, 262688)}, // MDC_PULS_OXIM_SAT_O2 in percent
		{Kind: acom.Numeric, Type: 149530, Value: value(pulse, 264864)},      // MDC_PULS_OXIM_PULS_RATE in beats per minute
	}
	return adapters.Result{Reports: []acom.Report{report}}, nil
}

// nine finds the last frame of a CMS50E; a number that is none is nought.
func nine(data []byte) (saturation, pulse uint8, found bool) {
	c := cursor.New(data)
	var window, last packet
	held := 0
	for c.Left() > 0 {
		copy(window[:], window[1:])
		window[8] = c.U8("live data")
		if held++; held < len(window) || !window.whole() {
			continue
		}
		last, found, held = window, true, 0
	}
	saturation, pulse = last[6]&0x7F, last[5]&0x7F
	if last[1]&0x08 != 0 || last[2]&0x40 != 0 {
		pulse = 0
	}
	return saturation, pulse, found
}

// Bits of a frame of a CMS50D+, of its first and its third byte.
const (
	seeking      = 0x10 // has searched too long
	noFinger     = 0x10
	searching    = 0x20
	pulseHighBit = 0x40 // the eighth bit of the pulse
)

// five finds the last frame of a CMS50D+: signal, pleth, bar graph, pulse, saturation. A
// number that is none is nought.
func five(data []byte) (saturation, pulse uint8, found bool) {
	c := cursor.New(data)
	var p [5]uint8
	for held := 1; c.Left() > 0; held++ {
		copy(p[:], p[1:])
		p[4] = c.U8("live data")
		if held < len(p) || p[0]&0x80 == 0 || (p[1]|p[2]|p[3]|p[4])&0x80 != 0 || !followed(c) {
			continue
		}
		saturation, pulse, found = p[4], p[3]|(p[2]&pulseHighBit)<<1, true
		if p[0]&seeking != 0 || p[2]&(noFinger|searching) != 0 {
			saturation, pulse = 0, 0
		}
		if pulse == 255 {
			pulse = 0
		}
	}
	return saturation, pulse, found
}

// followed reports whether a frame of five bytes ends here: the next one begins, or nothing
// comes.
func followed(c *cursor.Cursor) bool {
	for _, next := range c.Peek(1) {
		return next&0x80 != 0
	}
	return true
}

// value is a number in a unit; nought is none.
func value(n uint8, unit acom.Code) acom.Value {
	if n == 0 {
		return acom.Value{Absent: acom.AbsentTemporarily}
	}
	return acom.Value{Number: &acom.Number{Text: strconv.Itoa(int(n))}, Unit: unit}
}
