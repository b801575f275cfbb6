// Package blegatt reads the health characteristics of Bluetooth LE GATT as the
// Bluetooth SIG lays them out: GATT Specification Supplement (GSS), Blood
// Pressure Service (BLS 1.1.1), Health Thermometer (HTS 1.0), Glucose (GLS
// 1.0.1), Heart Rate (HRS 1.0), Pulse Oximeter (PLXS 1.0.1), Weight Scale (WSS
// 1.0.1), Body Composition (BCS 1.0.1), Continuous Glucose Monitoring (CGMS
// 1.0.2), Generic Health Sensor (GHSS 1.0) with Elapsed Time (ETS 1.0), Battery,
// Current Time and Device Information. Facts carry the MDC
// codes and units of the SIG white paper Personal Health Devices Transcoding
// (v16) and of IEEE 11073-104xx.
//
// One Decode call takes one characteristic value; Frame.Characteristic names it,
// because the bytes do not. All values are little-endian and, where a layout has
// flags, flags first with the optional fields following in a fixed order.
// Lengths are strict: a missing field and a left-over byte are both errors.
// Nothing is converted; where GATT has a unit that MDC has not (kg/L, mol/L) only
// the decimal point moves.
//
// A decoder keeps no state between calls. What must be remembered (a session
// start for later offsets, the time of glucose record 7 for its context) goes
// through Memory; the keys stand beside the code that writes them.
//
// Measurement keys without a slash ("bp", "rr.1") hold within their report;
// "glucose/7" holds for the device, since its context is another frame.
//
// 2B8C, which GHSS drafts gave to health observations, is read as 2B8B; today it is
// a concentration of CO2, whose two bytes are no observation and are refused.
//
// Left out: insulin delivery, fitness machines, and requests to a control point,
// which a collector writes and a sensor never sends.
package blegatt

import (
	"sort"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// Adapter is listed by adapters/all.
var Adapter = adapters.Adapter{
	Name:     "blegatt",
	Standard: "Bluetooth SIG GATT Specification Supplement; BLS, HTS, GLS, HRS, PLXS, WSS, BCS, CGMS, GHSS, ETS",
	New:      func(memory adapters.Memory) adapters.Decoder { return decoder{memory} },
}

// maxValue is the longest attribute value (Core Specification, Vol 3 Part F 3.2.9).
const maxValue = 512

// layout is how the value of one characteristic is read.
type layout struct {
	// name by which the characteristic is known in errors.
	name string
	// profile is the MDC device specialization that offers it, 0 when several do.
	profile acom.Code
	decode  func(*reader)
}

// layouts lists every characteristic known here.
var layouts = map[string]layout{
	"2A08": {"Date Time", 0, (*reader).clockRead},
	"2A0D": {"DST Offset", 0, func(r *reader) { r.dstOffset() }},
	"2A0E": {"Time Zone", 0, func(r *reader) { r.timeZone() }},
	"2A18": {"Glucose Measurement", profileGlucose, (*reader).glucose},
	"2A19": {"Battery Level", 0, (*reader).batteryLevel},
	"2A1C": {"Temperature Measurement", profileThermometer, (*reader).temperature},
	"2A1D": {"Temperature Type", profileThermometer, (*reader).temperatureType},
	"2A1E": {"Intermediate Temperature", profileThermometer, (*reader).intermediateTemperature},
	"2A21": {"Measurement Interval", profileThermometer, func(r *reader) { r.measurementInterval() }},
	"2A23": {"System ID", 0, (*reader).systemID},
	"2A24": {"Model Number String", 0, (*reader).modelNumber},
	"2A25": {"Serial Number String", 0, (*reader).serialNumber},
	"2A26": {"Firmware Revision String", 0, (*reader).firmwareRevision},
	"2A27": {"Hardware Revision String", 0, (*reader).hardwareRevision},
	"2A28": {"Software Revision String", 0, (*reader).softwareRevision},
	"2A29": {"Manufacturer Name String", 0, (*reader).manufacturerName},
	"2A2B": {"Current Time", 0, (*reader).currentTime},
	"2A34": {"Glucose Measurement Context", profileGlucose, func(r *reader) { r.glucoseContext() }},
	"2A35": {"Blood Pressure Measurement", profileBloodPressure, (*reader).bloodPressure},
	"2A36": {"Intermediate Cuff Pressure", profileBloodPressure, (*reader).intermediateCuffPressure},
	"2A37": {"Heart Rate Measurement", profileHeartRate, (*reader).heartRate},
	"2A49": {"Blood Pressure Feature", profileBloodPressure, (*reader).bloodPressureFeature},
	"2A51": {"Glucose Feature", profileGlucose, (*reader).glucoseFeature},
	"2A52": {"Record Access Control Point", 0, func(r *reader) { r.recordAccess() }},
	"2A5E": {"PLX Spot-Check Measurement", profilePulseOximeter, (*reader).plxSpotCheck},
	"2A5F": {"PLX Continuous Measurement", profilePulseOximeter, (*reader).plxContinuous},
	"2A60": {"PLX Features", profilePulseOximeter, (*reader).plxFeatures},
	"2A9C": {"Body Composition Measurement", profileBodyComposition, (*reader).bodyComposition},
	"2A9D": {"Weight Measurement", profileScale, (*reader).weight},
	"2AA7": {"CGM Measurement", profileCGM, (*reader).cgmMeasurement},
	"2AA8": {"CGM Feature", profileCGM, (*reader).cgmFeature},
	"2AA9": {"CGM Status", profileCGM, (*reader).cgmStatus},
	"2AAA": {"CGM Session Start Time", profileCGM, (*reader).cgmSessionStart},
	"2AAB": {"CGM Session Run Time", profileCGM, (*reader).cgmSessionRunTime},
	"2AAC": {"CGM Specific Ops Control Point", profileCGM, func(r *reader) { r.cgmOps() }},
	"2B34": {"Enhanced Blood Pressure Measurement", profileBloodPressure, (*reader).enhancedBloodPressure},
	"2B35": {"Enhanced Intermediate Cuff Pressure", profileBloodPressure, (*reader).enhancedCuffPressure},
	"2B36": {"Blood Pressure Record", profileBloodPressure, (*reader).pressureRecord},
	"2B37": {"Registered User", 0, (*reader).registeredUser},
	"2B8B": {"Live Health Observations", 0, (*reader).liveObservation},
	"2B8C": {"Live Health Observations", 0, (*reader).liveObservation}, // see the package comment
	"2BDD": {"Stored Health Observations", 0, (*reader).storedObservation},
	"2BF2": {"Current Elapsed Time", 0, (*reader).currentElapsedTime},
	"2BF3": {"Health Sensor Features", 0, (*reader).healthSensorFeatures},
}

// decoder reads values one by one; all it holds is the memory it may ask.
type decoder struct{ memory adapters.Memory }

// Decode reads one characteristic value.
func (d decoder) Decode(f adapters.Frame) (adapters.Result, error) {
	l, ok := layouts[f.Characteristic]
	if !ok {
		l, ok = layouts[shortUUID(f.Characteristic)]
	}
	if !ok {
		return adapters.Result{}, unknownCharacteristic(f.Characteristic)
	}
	device, err := identity(f.Device)
	if err != nil {
		return adapters.Result{}, err
	}
	if len(f.Bytes) > maxValue {
		return adapters.Result{}, &adapters.Error{Offset: maxValue, Reason: "a GATT value has at most 512 bytes"}
	}
	r := &reader{
		Cursor: cursor.New(f.Bytes), memory: d.memory, device: device.SystemID + device.Address, received: f.Received,
		reports: [1]acom.Report{{Device: device, Clock: f.Clock}},
	}
	r.report = &r.reports[0]
	l.decode(r)
	r.Close(l.name)
	if err := r.Err(); err != nil {
		return adapters.Result{}, err
	}
	if !r.deviceFact && len(r.report.Measurements) == 0 {
		return adapters.Result{Remember: r.remember}, nil
	}
	if l.profile != 0 {
		r.specialize(l.profile)
	}
	return adapters.Result{Reports: r.reports[:], Remember: r.remember}, nil
}

// baseUUID is what a 16-bit UUID abbreviates (Core Specification, Vol 3 Part B 2.5.1).
const (
	baseUUIDHead = "0000"
	baseUUIDTail = "-0000-1000-8000-00805F9B34FB"
)

// shortUUID gives the 4 upper-case hex digits of a characteristic written as
// "2A35", "0x2a35" or in full on the Bluetooth base UUID; anything else unchanged.
func shortUUID(text string) string {
	uuid := strings.ToUpper(strings.TrimSpace(text))
	uuid = strings.TrimPrefix(uuid, "0X")
	if short, ok := strings.CutSuffix(uuid, baseUUIDTail); ok {
		if head, ok := strings.CutPrefix(short, baseUUIDHead); ok {
			return head
		}
	}
	return uuid
}

func unknownCharacteristic(text string) error {
	known := make([]string, 0, len(layouts))
	for uuid := range layouts {
		known = append(known, uuid)
	}
	sort.Strings(known)
	reason := "a Bluetooth value needs its characteristic"
	if text != "" {
		reason = "characteristic is not known"
		// Echo only what can be a UUID: nothing else belongs in an error.
		if uuid := shortUUID(text); len(uuid) == 36 || len(uuid) == 4 {
			if strings.Trim(uuid, "0123456789ABCDEF-") == "" {
				reason = "characteristic " + uuid + " is not known"
			}
		}
	}
	return &adapters.Error{Unprocessable: true, Reason: reason + "; known are " + strings.Join(known, ", ")}
}

// identity puts the gateway's name of the device where its length says it belongs.
func identity(device string) (acom.Device, error) {
	upper := strings.ToUpper(device)
	hex := true
	for i := range len(upper) {
		hex = hex && (upper[i] >= '0' && upper[i] <= '9' || upper[i] >= 'A' && upper[i] <= 'F')
	}
	switch {
	case device == "":
		return acom.Device{}, &adapters.Error{Unprocessable: true,
			Reason: "deviceId is needed: a Bluetooth characteristic does not name its device"}
	case hex && len(upper) == 16:
		return acom.Device{SystemID: upper}, nil
	case hex && len(upper) == 12:
		return acom.Device{Address: upper}, nil
	}
	return acom.Device{}, &adapters.Error{Unprocessable: true,
		Reason: "deviceId must be an EUI-64 (16 hex digits) or a Bluetooth address (12 hex digits)"}
}
