// Package ivy450c reads what the Ivy 450C patient monitor sends by its serial line
// (9600 8N1), in the format it calls ANSAR-B: once a second the waves of that second
// as bytes, then the parameters as lines of text.
//
//	FF "ANSAR-B " | ECG 200 | RESP 50 | PLETH 50 | P1 50 | P2 50 | lines that end with CR | FE
//
//	never a number: an empty field, a field that is none, a saturation above 100; the
//	                samples FB to FF, which stand for no signal
//	units           pressures are mm[Hg], rates per minute, SpO2 percent; the monitor does not
//	                say in which unit it is set to show temperature and carbon dioxide: the
//	                profile may, as "temperature=Cel;co2=mm[Hg]". Without it they are numbers
//	                of the monitor's own code that have no unit
//	time            none is told, but every message is a second: the last one ended when
//	                the gateway received the capture
//
// A capture begins and ends where it does: bytes before the first whole message and
// after the last are passed over, and so is a message that is not whole. deviceId must
// be given. The digit after a parameter's name, whose meaning is not published, and the
// scale of the waves are not told: the frame keeps them.
package ivy450c

import (
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "ivy450c",
	Standard: "Ivy 450C serial output, ANSAR-B",
	New:      func(adapters.Memory) adapters.Decoder { return decoder{} },
}

// second is what a message is long, in microseconds.
const second = 1_000_000

type decoder struct{}

// Decode implements adapters.Decoder.
func (decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	device, ok := deviceOf(f.Device)
	if !ok {
		return adapters.Result{}, &adapters.Error{Reason: "the monitor does not say which it is; deviceId must be given", Unprocessable: true}
	}
	set, err := settingsOf(f.Profile)
	if err != nil {
		return adapters.Result{}, err
	}
	messages, skipped := split(f.Bytes)
	if len(messages) == 0 {
		return adapters.Result{}, &adapters.Error{Offset: len(f.Bytes), Reason: "it holds no whole message from FF ANSAR-B to FE"}
	}
	var clock *acom.Clock
	if !f.Received.IsZero() {
		clock = &acom.Clock{Device: after(len(messages)), Gateway: f.Received.Format(time.RFC3339Nano)}
	}
	result := adapters.Result{Skipped: skipped}
	for i, m := range messages {
		r := reading{units: set, from: after(i), to: after(i + 1)}
		r.read(m)
		result.Reports = append(result.Reports, acom.Report{Device: device, Clock: clock, Measurements: r.measurements,
			Bedside: &acom.Bedside{Sender: "Ivy 450C", Objects: r.objects}})
	}
	return result, nil
}

// deviceOf is the monitor as the gateway names it.
func deviceOf(name string) (acom.Device, bool) {
	d := acom.Device{Type: 69965, Manufacturer: "Ivy Biomedical", Model: "450C"} // MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS
	switch {
	case len(name) == 16:
		d.SystemID = name
	case name != "":
		d.Local = "Ivy:" + name
	}
	return d, name != ""
}

// settings are units of the monitor that it does not tell, by what has them.
type settings map[string]acom.Code

func settingsOf(profile string) (settings, error) {
	known := map[string]acom.Code{"temperature=Cel": 268192, "temperature=[degF]": 266560, "co2=mm[Hg]": mercury, "co2=kPa": 265987, "co2=%": percent}
	set := settings{}
	for part := range strings.SplitSeq(profile, ";") {
		part = strings.TrimSpace(part)
		unit, ok := known[part]
		if !ok && part != "" {
			return nil, &adapters.Error{Reason: "the profile is not understood; it is temperature=Cel or [degF] and co2=mm[Hg], kPa or %, with a semicolon between", Unprocessable: true}
		}
		if ok {
			name, _, _ := strings.Cut(part, "=")
			set[name] = unit
		}
	}
	return set, nil
}

// after is the time after so many messages.
func after(messages int) acom.Time {
	return acom.Time{Ticks: &acom.Ticks{Micros: uint64(messages) * second, Resolution: second}}
}
