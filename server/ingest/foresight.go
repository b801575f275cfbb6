package ingest

import (
	"encoding/json"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// foresight is a Reader that has asked ahead for what a frame needs, many questions in
// one statement, and remembers what it was told: a snapshot does not change.
type foresight struct {
	store.Reader
	records  map[store.RecordName][]byte // nil for none
	versions map[fhir.Key]store.Version  // without a Key for none
	last     map[[3]string]lastRecord
}

// lastRecord is what LastRecord gave.
type lastRecord struct {
	record store.Record
	ok     bool
}

func newForesight(r store.Reader) *foresight {
	return &foresight{Reader: r, records: map[store.RecordName][]byte{}, versions: map[fhir.Key]store.Version{}, last: map[[3]string]lastRecord{}}
}

// foresee reads what the books say of the devices of reports and of a gateway, then the
// resources that they name, and some others.
func (a *foresight) foresee(reports []acom.Report, device, gateway string, others ...fhir.Key) error {
	var names []store.RecordName
	named := map[store.RecordName]bool{}
	ask := func(collection, key string) {
		if name := (store.RecordName{Collection: collection, Key: key}); !named[name] {
			named[name], names = true, append(names, name)
		}
	}
	for _, report := range reports {
		mine := identities(report.Device, device)
		for _, name := range mine {
			ask(enrolments, name)
			ask(devices, name)
		}
		if len(mine) == 0 {
			continue
		}
		for _, part := range mapping.Parts(report, mine[0]) {
			ask(devices, part.Identifier.Value)
			for _, above := range part.Above() {
				ask(devices, mine[0]+"."+above)
			}
		}
	}
	if gateway != "" {
		ask(devices, gateway)
	}
	if err := a.learn(names); err != nil {
		return err
	}
	keys := others
	for _, name := range names {
		var entry struct{ Key string }
		if name.Collection == devices && json.Unmarshal(a.records[name], &entry) == nil { // else whoever needs it says so
			if key, ok := fhir.ParseKey(entry.Key); ok {
				keys = append(keys, key)
			}
		}
	}
	return a.meet(keys)
}

// learn reads records.
func (a *foresight) learn(names []store.RecordName) error {
	found, err := a.Reader.RecordsOf(names)
	if err != nil {
		return err
	}
	for _, name := range names {
		a.records[name] = found[name]
	}
	return nil
}

// meet reads current versions.
func (a *foresight) meet(keys []fhir.Key) error {
	found, err := a.Reader.Current(keys)
	if err != nil {
		return err
	}
	for _, key := range keys {
		a.versions[key] = found[key]
	}
	return nil
}

// Record gives a record's value.
func (a *foresight) Record(collection, key string) (value []byte, ok bool, err error) {
	name := store.RecordName{Collection: collection, Key: key}
	value, known := a.records[name]
	if !known {
		if value, ok, err = a.Reader.Record(collection, key); err != nil {
			return nil, false, err
		}
		if !ok {
			value = nil
		}
		a.records[name] = value
	}
	return value, value != nil, nil
}

// Read gives the current version.
func (a *foresight) Read(key fhir.Key) (store.Version, error) {
	v, known := a.versions[key]
	switch {
	case !known:
		return a.Reader.Read(key)
	case v.Key.ID == "":
		return v, fhir.NotFound(key)
	}
	return v, nil
}

// LastRecord gives the record with the greatest key.
func (a *foresight) LastRecord(collection, prefix, atMost string) (store.Record, bool, error) {
	question := [3]string{collection, prefix, atMost}
	if was, known := a.last[question]; known {
		return was.record, was.ok, nil
	}
	record, ok, err := a.Reader.LastRecord(collection, prefix, atMost)
	if err == nil {
		a.last[question] = lastRecord{record, ok}
	}
	return record, ok, err
}
