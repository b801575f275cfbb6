package ingest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"vitalwire/fhir"
)

// MaxFrame is the most bytes of one frame.
const MaxFrame = 1 << 20

// envelope is a frame with what the gateway knows of it, as JSON.
type envelope struct {
	Adapter        string  `json:"adapter"`
	DeviceID       string  `json:"deviceId"`
	GatewayID      string  `json:"gatewayId"`
	ReceivedAt     string  `json:"receivedAt"`
	Characteristic string  `json:"characteristic"`
	Profile        string  `json:"profile"`
	Hex            *string `json:"hex"`
	Base64         *string `json:"base64"`
	Clock          *Clock  `json:"clock"`
}

// ReadEnvelope reads a frame in its JSON envelope: deviceId, gatewayId, receivedAt,
// characteristic, profile, clock, and the bytes as hex or base64. adapter may be ""
// when the envelope names it. Errors: Malformed.
func ReadEnvelope(adapter string, data []byte) (Submission, error) {
	var e envelope
	if err := DecodeJSON(data, &e); err != nil {
		return Submission{}, err
	}
	sub := Submission{Adapter: adapter, Device: e.DeviceID, Gateway: e.GatewayID, Received: e.ReceivedAt,
		Characteristic: e.Characteristic, Clock: e.Clock, Profile: e.Profile}
	switch {
	case adapter == "":
		sub.Adapter = e.Adapter
	case e.Adapter != "" && e.Adapter != adapter:
		return sub, fhir.Malformed("", "the envelope is for adapter %.40q and was sent to %s", e.Adapter, adapter).WithCode(fhir.CodeValue)
	}
	var err error
	switch {
	case (e.Hex == nil) == (e.Base64 == nil):
		return sub, fhir.Malformed("", "the frame is given as exactly one of hex and base64").WithCode(fhir.CodeRequired)
	case e.Hex != nil:
		sub.Bytes, err = hex.DecodeString(strings.NewReplacer(" ", "", "-", "", ":", "").Replace(*e.Hex))
	default:
		sub.Bytes, err = base64.StdEncoding.DecodeString(*e.Base64)
	}
	if err != nil {
		return sub, fhir.Malformed("", "hex or base64 cannot be decoded").WithCode(fhir.CodeValue)
	}
	return sub, nil
}

// DecodeJSON reads strict JSON (see fhir.ParseElement) into a struct, refusing
// members it does not have. Errors: Malformed.
func DecodeJSON(data []byte, into any) error {
	if _, err := fhir.ParseElement(data); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fhir.Malformed("", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
