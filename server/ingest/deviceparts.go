package ingest

import (
	"encoding/json"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// partEntry is what the books hold of a part of a point-of-care device: its
// resource, and the hash of what it was made of.
type partEntry struct {
	Key  string `json:"key"`
	Hash string `json:"hash"`
}

// reported is the Device of a report: personal, at the bedside, or behind a service.
func (b *deviceBook) reported(report acom.Report) (fhir.Key, error) {
	switch {
	case report.Service != "":
		return b.find(report.Device, func(all acom.Device) (*fhir.Resource, error) { return mapping.ServiceDevice(all, "") })
	case report.Bedside == nil:
		return b.sensor(report.Device)
	}
	return b.find(report.Device, func(all acom.Device) (*fhir.Resource, error) {
		r, err := mapping.BedsideDevice(all)
		if err != nil || all.Parent == "" {
			return r, err
		}
		parent, known, err := b.named(all.Parent)
		if err == nil && known {
			r.Root().Set("parent", fhir.NewObject(fhir.S("reference", parent.String())))
		}
		return r, err
	})
}

// named is the Device of a name, of this frame or of the books.
func (b *deviceBook) named(name string) (fhir.Key, bool, error) {
	if key, seen := b.seen[name]; seen {
		return key, true, nil
	}
	entry, booked, err := b.lookUp([]string{name})
	key, ok := fhir.ParseKey(entry.Key)
	return key, booked && ok, err
}

// parts finds or plans the VMDs, channels and metrics of a point-of-care device, and
// gives the metrics by name. Messages repeat them; they are written when they say
// something new.
func (b *deviceBook) parts(report acom.Report, device string, mds fhir.Key) (map[string]fhir.Key, error) {
	keys, metrics := map[string]fhir.Key{"": mds}, map[string]fhir.Key{}
	for _, part := range mapping.Parts(report, device) {
		part, err := b.placed(part, device, keys)
		if err != nil {
			return nil, err
		}
		key, err := b.part(part, mds, keys[part.Parent])
		if err != nil {
			return nil, err
		}
		keys[part.Name] = key
		if part.Type == "DeviceMetric" {
			metrics[part.Name] = key
		}
	}
	return metrics, nil
}

// placed is the part in the nearest VMD or channel that the report or an earlier one told.
// keys has those that are known by now, the zero Key for those that nobody told.
func (b *deviceBook) placed(part mapping.Part, device string, keys map[string]fhir.Key) (mapping.Part, error) {
	for _, name := range part.Above() {
		key, asked := keys[name]
		if !asked {
			var err error
			if key, err = b.partThere(device + "." + name); err != nil {
				return part, err
			}
			keys[name] = key
		}
		if key.ID != "" {
			return part.In(name), nil
		}
	}
	return part, nil
}

// partThere is the resource of a part by its name in the books, the zero Key if there is none.
func (b *deviceBook) partThere(name string) (fhir.Key, error) {
	if key, seen := b.seen[name]; seen {
		return key, nil
	}
	var known partEntry
	if _, _, err := readRecord(b.reader, devices, name, &known); err != nil {
		return fhir.Key{}, err
	}
	key, ok := fhir.ParseKey(known.Key)
	if !ok {
		return fhir.Key{}, nil
	}
	v, err := b.reader.Read(key)
	if err != nil || v.Deleted {
		return fhir.Key{}, unlessNotFound(err, nil)
	}
	return key, nil
}

func (b *deviceBook) part(part mapping.Part, mds, parent fhir.Key) (fhir.Key, error) {
	name := part.Identifier.Value
	if key, seen := b.seen[name]; seen {
		return key, nil
	}
	hash, resource, err := b.formed.hash(part, mds, parent)
	if err != nil {
		return fhir.Key{}, err
	}
	entry := partEntry{Hash: hash}
	data, booked, err := b.reader.Record(devices, name)
	if err != nil {
		return fhir.Key{}, err
	}
	var known partEntry
	if booked {
		if err := json.Unmarshal(data, &known); err != nil {
			return fhir.Key{}, err
		}
	}
	current, err := b.currentPart(part, known)
	if err != nil {
		return fhir.Key{}, err
	}
	if current != nil && (b.settled || known.Hash == entry.Hash) {
		b.seen[name] = current.Key
		return current.Key, nil
	}
	if resource == nil {
		if resource, err = part.Resource(mds, parent); err != nil {
			return fhir.Key{}, err
		}
	}
	key, err := b.savePart(part, current, resource)
	if err != nil {
		return fhir.Key{}, err
	}
	b.seen[name], entry.Key = key, key.String()
	value, err := json.Marshal(entry)
	if err != nil {
		return fhir.Key{}, err
	}
	b.plan.record(store.RecordWrite{Collection: devices, Key: name, Value: value, IfAbsent: !booked, IfValue: data})
	return key, nil
}

// currentPart is the part's resource, nil when there is none (any more).
func (b *deviceBook) currentPart(part mapping.Part, known partEntry) (*store.Version, error) {
	if key, ok := fhir.ParseKey(known.Key); ok {
		v, err := b.reader.Read(key)
		if err == nil && !v.Deleted {
			return &v, nil
		}
		if err := unlessNotFound(err, nil); err != nil {
			return nil, err
		}
	}
	v, ok, err := findByIdentifier(b.reader, part.Type, part.Identifier.System, part.Identifier.Value)
	if err != nil || !ok {
		return nil, err
	}
	return &v, nil
}

func (b *deviceBook) savePart(part mapping.Part, current *store.Version, resource *fhir.Resource) (fhir.Key, error) {
	if current != nil {
		return b.overwrite(current, resource)
	}
	id, err := interaction.NewID()
	if err != nil {
		return fhir.Key{}, err
	}
	key := fhir.Key{Type: part.Type, ID: id}
	w := interaction.NewWrite(store.Create, key, resource)
	w.Unless = &store.Identifier{System: &part.Identifier.System, Value: part.Identifier.Value}
	b.plan.write(w)
	return key, nil
}
