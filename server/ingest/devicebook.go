package ingest

import (
	"encoding/json"
	"slices"
	"strings"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// registered is what the books hold of a device: its resource, and all facts it
// ever told.
type registered struct {
	Key   string      `json:"key"`
	Facts acom.Device `json:"facts"`
}

// deviceBook finds or plans the Device resources of one frame.
type deviceBook struct {
	reader store.Reader
	plan   *plan
	formed *formedParts
	seen   map[string]fhir.Key // by first name
	// settled is set for an old frame that is read again: what it tells of a device is
	// no news, and what the device told since stays.
	settled bool
}

func (s *Service) devicesOf(r store.Reader, p *plan) *deviceBook {
	return &deviceBook{reader: r, plan: p, formed: &s.formed, seen: map[string]fhir.Key{}}
}

// gateway is the Device of a gateway by EUI-64; the zero Key for "".
func (b *deviceBook) gateway(eui string) (fhir.Key, error) {
	if eui == "" {
		return fhir.Key{}, nil
	}
	return b.find(acom.Device{SystemID: eui}, func(acom.Device) (*fhir.Resource, error) { return mapping.GatewayDevice(eui) })
}

// sensor is the Device of a sensor, brought up to date with what it told now.
func (b *deviceBook) sensor(facts acom.Device) (fhir.Key, error) {
	return b.find(facts, func(all acom.Device) (*fhir.Resource, error) { return mapping.SensorDevice(all, "") })
}

func (b *deviceBook) find(facts acom.Device, build func(acom.Device) (*fhir.Resource, error)) (fhir.Key, error) {
	names := identities(facts, "")
	if key, seen := b.seen[names[0]]; seen {
		return key, nil
	}
	known, booked, err := b.lookUp(names)
	if err != nil {
		return fhir.Key{}, err
	}
	merged := known.Facts.Merge(facts)
	current, err := b.current(names, known)
	if err != nil {
		return fhir.Key{}, err
	}
	if booked && current != nil && (b.settled || merged.Equal(known.Facts)) {
		b.seen[names[0]] = current.Key
		return current.Key, nil
	}
	built, err := build(merged)
	if err != nil {
		return fhir.Key{}, err
	}
	key, err := b.save(names[0], current, built)
	if err != nil {
		return fhir.Key{}, err
	}
	b.seen[names[0]] = key
	return key, b.enter(identities(merged, ""), registered{Key: key.String(), Facts: merged})
}

// lookUp finds the device under any of its names.
func (b *deviceBook) lookUp(names []string) (known registered, booked bool, err error) {
	for _, name := range names {
		data, ok, err := b.reader.Record(devices, name)
		if err != nil {
			return known, false, err
		}
		if ok {
			err := json.Unmarshal(data, &known)
			return known, true, err
		}
	}
	return known, false, nil
}

// enter plans the book entries of a device under all its names. They are guarded
// by what they replace, so that two frames cannot overwrite each other's news.
func (b *deviceBook) enter(names []string, entry registered) error {
	value, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	for _, name := range names {
		before, ok, err := b.reader.Record(devices, name)
		if err != nil {
			return err
		}
		b.plan.record(store.RecordWrite{Collection: devices, Key: name, Value: value, IfAbsent: !ok, IfValue: before})
	}
	return nil
}

// current is the device's resource: the booked one, else one that somebody made
// with the device's identifier; nil when there is none (any more).
func (b *deviceBook) current(names []string, known registered) (*store.Version, error) {
	if key, ok := fhir.ParseKey(known.Key); ok {
		v, err := b.reader.Read(key)
		if err == nil && !v.Deleted {
			return &v, nil
		}
		if err := unlessNotFound(err, nil); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		system, value := deviceIdentifier(name)
		spellings := []string{value}
		if system != mapping.LocalSystem {
			// An EUI is no text: the guide writes its digits in either case (docs/adr/0004).
			spellings = append(spellings, strings.ToLower(value))
		}
		for _, value := range slices.Compact(spellings) {
			v, ok, err := findByIdentifier(b.reader, "Device", system, value)
			if err != nil || ok {
				return &v, err
			}
		}
	}
	return nil, nil
}

// save plans the write of a device: new, or the current resource with the
// elements replaced that the device tells of itself. What others wrote into it
// (patient, location, owner) stays.
func (b *deviceBook) save(eui string, current *store.Version, built *fhir.Resource) (fhir.Key, error) {
	if current == nil {
		id, err := interaction.NewID()
		if err != nil {
			return fhir.Key{}, err
		}
		key := fhir.Key{Type: "Device", ID: id}
		w := interaction.NewWrite(store.Create, key, built)
		system, value := deviceIdentifier(eui)
		w.Unless = &store.Identifier{System: &system, Value: value}
		b.plan.write(w)
		return key, nil
	}
	return b.overwrite(current, built)
}

// overwrite replaces in the current resource what the device tells of itself.
func (b *deviceBook) overwrite(current *store.Version, built *fhir.Resource) (fhir.Key, error) {
	now, err := fhir.ParseResource(current.Body)
	if err != nil {
		return fhir.Key{}, err
	}
	merged := now.Clone()
	for _, m := range built.Root().Members() {
		switch m.Name {
		case "resourceType", "id", "identifier", "meta":
			if merged.Get(m.Name) == nil {
				merged.Root().Set(m.Name, m.Value)
			}
		default:
			merged.Root().Set(m.Name, m.Value)
		}
	}
	if !merged.Root().Equal(now.Root()) {
		w := interaction.NewWrite(store.Put, current.Key, merged)
		w.IfMatch = current.VersionID
		b.plan.write(w)
	}
	return current.Key, nil
}
