package ingest

import (
	"encoding/json"
	"errors"
	"strings"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// readings holds device/acom key -> linked: the Observation that a measurement
// named by its device became, so that a later frame can relate to it (a glucose
// context to its glucose measurement).
const readings = "reading"

type linked struct {
	Observation string `json:"observation"`
	Patient     string `json:"patient"`
}

// links resolves the relations between measurements of one device on one patient.
type links struct {
	reader          store.Reader
	device, patient string
	known           map[string]fhir.Key
}

func (l links) name(key string, observation fhir.Key) {
	if key != "" {
		l.known[key] = observation
	}
}

func (l links) record(key string, observation fhir.Key) (store.RecordWrite, error) {
	data, err := json.Marshal(linked{Observation: observation.String(), Patient: l.patient})
	return store.RecordWrite{Collection: readings, Key: l.device + "/" + key, Value: data}, err
}

// find gives the Observation of a measurement in this frame or an earlier one.
// One of another patient is never linked: devices count anew.
func (l links) find(key string) (fhir.Key, bool, error) {
	if observation, ok := l.known[key]; ok || !holdsForDevice(key) {
		return observation, ok, nil
	}
	data, ok, err := l.reader.Record(readings, l.device+"/"+key)
	if err != nil || !ok {
		return fhir.Key{}, false, err
	}
	var earlier linked
	if err := json.Unmarshal(data, &earlier); err != nil {
		return fhir.Key{}, false, err
	}
	observation, ok := fhir.ParseKey(earlier.Observation)
	return observation, ok && earlier.Patient == l.patient, nil
}

// resolve writes the relations of an Observation to others as references.
func (l links) resolve(o mapping.Observation) (err error) {
	o.Link(func(key string) (fhir.Key, bool) {
		observation, ok, failed := l.find(key)
		err = errors.Join(err, failed)
		return observation, ok && failed == nil
	})
	return err
}

// holdsForDevice tells keys that name a measurement for good, such as
// "glucose/7", from those that only hold within their report.
func holdsForDevice(key string) bool { return strings.Contains(key, "/") }
