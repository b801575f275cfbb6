package mapping

import (
	samply "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"vitalwire/adapters/acom"
)

// statusReasons are the ComponentActivation of a component as Device.statusReason (PoCD
// guide, page "Mapping SDC").
var statusReasons = map[string][2]string{
	"On": {"online", "Online"}, "NotRdy": {"not-ready", "Not Ready"}, "StndBy": {"standby", "Standby"},
	"Off": {"off", "Off"}, "Shtdn": {"not-ready", "Not Ready"}, "Fail": {"not-ready", "Not Ready"},
}

// operational are the ComponentActivation of a metric as DeviceMetric.operationalStatus
// (the same page).
var operational = map[string]samply.DeviceMetricOperationalStatus{
	"On": samply.DeviceMetricOperationalStatusOn, "NotRdy": samply.DeviceMetricOperationalStatusOff, "StndBy": samply.DeviceMetricOperationalStatusStandby,
	"Off": samply.DeviceMetricOperationalStatusOff, "Shtdn": samply.DeviceMetricOperationalStatusOff, "Fail": samply.DeviceMetricOperationalStatusOff,
}

func statusReason(activation string) []samply.CodeableConcept {
	word, ok := statusReasons[activation]
	if !ok {
		return nil
	}
	return []samply.CodeableConcept{concept("http://terminology.hl7.org/CodeSystem/device-status-reason", word[0], word[1])}
}

// calibration is the CalibrationInfo of SDC (the same page). What is of no word stays
// unspecified.
func calibration(c acom.Calibration) samply.DeviceMetricCalibration {
	state, ok := map[string]samply.DeviceMetricCalibrationState{
		"No": samply.DeviceMetricCalibrationStateNotCalibrated, "Req": samply.DeviceMetricCalibrationStateCalibrationRequired,
		"Run": samply.DeviceMetricCalibrationStateNotCalibrated, "Cal": samply.DeviceMetricCalibrationStateCalibrated,
	}[c.State]
	if !ok {
		state = samply.DeviceMetricCalibrationStateUnspecified
	}
	out := samply.DeviceMetricCalibration{State: &state, Time: some(c.Time)}
	if c.Type != "" {
		kind, ok := map[string]samply.DeviceMetricCalibrationType{
			"Offset": samply.DeviceMetricCalibrationTypeOffset, "Gain": samply.DeviceMetricCalibrationTypeGain, "TP": samply.DeviceMetricCalibrationTypeTwoPoint,
		}[c.Type]
		if !ok {
			kind = samply.DeviceMetricCalibrationTypeUnspecified
		}
		out.Type = &kind
	}
	return out
}
