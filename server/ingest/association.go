package ingest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Association says which patient a device was on from Start up to, not
// including, End ("" while it lasts). Instants are as the caller wrote them.
type Association struct {
	Device  string `json:"device"`        // EUI, upper-case hex; "bed " and the bed for a bed
	Bed     string `json:"bed,omitempty"` // as HL7 PV1-3 names it, such as ICU^^5^NORTH
	Patient string `json:"patient"`       // Patient/id
	Start   string `json:"start"`
	End     string `json:"end,omitempty"`
}

func (a Association) covers(t time.Time) bool {
	start, _ := fhir.ParseInstant(a.Start)
	end, ended := fhir.ParseInstant(a.End)
	return !t.Before(start.Low()) && (!ended || t.Before(end.Low()))
}

// sortable writes a moment so that byte order is time order.
func sortable(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// associationAt finds who wore the device, by any of its names, at a moment; ok
// is false when nobody is known to have.
func associationAt(r store.Reader, names []string, t time.Time) (a Association, ok bool, err error) {
	for _, name := range names {
		record, ok, err := r.LastRecord(associations, name+"/", name+"/"+sortable(t))
		if err != nil {
			return a, false, err
		}
		if !ok {
			continue
		}
		if err := json.Unmarshal(record.Value, &a); err != nil {
			return a, false, fmt.Errorf("association %s: %w", record.Key, err)
		}
		if a.covers(t) {
			return a, true, nil
		}
	}
	return a, false, nil
}

// Associate records that a device is on a patient, closes the device's previous
// association at the new one's start, and releases from quarantine the readings
// that now have a patient. Device may be an EUI or Device/id. released counts
// the readings.
// Errors: Malformed for missing facts, Unprocessable when the patient or device
// does not exist, Conflict when another association begins at the same instant
// or a later one begins before the given end.
func (s *Service) Associate(ctx context.Context, a Association) (stored Association, created bool, released int, err error) {
	patient, ok := fhir.ParseKey(a.Patient)
	if !ok || patient.Type != "Patient" {
		return a, false, 0, fhir.Malformed("patient", "patient must be Patient/id").WithCode(fhir.CodeValue)
	}
	start, ok := fhir.ParseInstant(a.Start)
	if !ok {
		return a, false, 0, fhir.Malformed("start", "start must be an instant with offset, such as 2026-11-22T08:30:00+01:00").WithCode(fhir.CodeValue)
	}
	if end, ok := fhir.ParseInstant(a.End); a.End != "" && (!ok || !end.Low().After(start.Low())) {
		return a, false, 0, fhir.Malformed("end", "end must be an instant after start").WithCode(fhir.CodeValue)
	}
	if (a.Device == "") == (a.Bed == "") {
		return a, false, 0, fhir.Malformed("device", "device must be an EUI-64 or Device/id; or bed as HL7 PV1-3 names it, instead").WithCode(fhir.CodeRequired)
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		stored, created = a, true
		if v, err := tx.Read(patient); err != nil || v.Deleted {
			return unlessNotFound(err, fhir.Unprocessable("patient", "%s does not exist", patient))
		}
		if a.Bed != "" {
			stored.Device = bedName(a.Bed)
		} else if stored.Device, err = deviceEUI(tx, a.Device); err != nil {
			return err
		}
		created, err = putAssociation(tx, &stored, start.Low())
		return err
	})
	if err != nil {
		return a, false, 0, err
	}
	if a.Bed != "" { // many devices may have stood at it
		released, err = s.release(ctx, "")
		return stored, created, released, err
	}
	names, err := s.namesOf(ctx, stored.Device)
	for _, name := range names {
		n, failed := s.release(ctx, name)
		released, err = released+n, errors.Join(err, failed)
	}
	return stored, created, released, err
}

// namesOf are the names under which the books know a device.
func (s *Service) namesOf(ctx context.Context, device string) (names []string, err error) {
	names = []string{device}
	err = s.Store.View(ctx, func(r store.Reader) error {
		data, ok, err := r.Record(devices, device)
		if err != nil || !ok {
			return err
		}
		var known registered
		if err := json.Unmarshal(data, &known); err != nil {
			return err
		}
		names = identities(known.Facts, device)
		return nil
	})
	return names, err
}

// putAssociation stores a, closing its predecessor and ending before its
// successor. created is false when the very same association was there.
func putAssociation(tx store.Tx, a *Association, start time.Time) (created bool, err error) {
	key := a.Device + "/" + sortable(start)
	before, ok, err := tx.LastRecord(associations, a.Device+"/", key)
	if err != nil {
		return false, err
	}
	if ok {
		var previous Association
		if err := json.Unmarshal(before.Value, &previous); err != nil {
			return false, err
		}
		if before.Key == key {
			if previous.Patient == a.Patient && (a.End == "" || previous.End == a.End) {
				*a = previous
				return false, nil
			}
			if previous.Patient != a.Patient {
				return false, fhir.Conflict("an association of this device with another patient begins at that instant")
			}
		} else if previous.covers(start) {
			previous.End = a.Start
			if err := putJSON(tx, associations, before.Key, previous); err != nil {
				return false, err
			}
		}
	}
	after, err := tx.Records(associations, a.Device+"/", key, 1)
	if err != nil {
		return false, err
	}
	if len(after) == 1 {
		var next Association
		if err := json.Unmarshal(after[0].Value, &next); err != nil {
			return false, err
		}
		nextStart, _ := fhir.ParseInstant(next.Start)
		if end, ended := fhir.ParseInstant(a.End); !ended {
			a.End = next.Start
		} else if end.Low().After(nextStart.Low()) {
			return false, fhir.Conflict("a later association of this device begins at %s, before the given end", next.Start)
		}
	}
	return true, putJSON(tx, associations, key, a)
}

// Associations lists those of a device, oldest first, or of all devices; after
// is the last key seen, "" to begin.
func (s *Service) Associations(ctx context.Context, device, after string, limit int) (list []Association, last string, err error) {
	prefix := ""
	if strings.HasPrefix(device, bedPrefix) {
		prefix = bedName(strings.TrimPrefix(device, bedPrefix)) + "/"
	} else if device != "" {
		if prefix, err = normalEUI("device", device, 16, 12); err != nil {
			return nil, "", err
		}
		prefix += "/"
	}
	err = s.Store.View(ctx, func(r store.Reader) error {
		records, err := r.Records(associations, prefix, after, limit)
		for _, record := range records {
			var a Association
			if err := json.Unmarshal(record.Value, &a); err != nil {
				return err
			}
			list, last = append(list, a), record.Key
		}
		return err
	})
	return list, last, err
}

// deviceEUI gives the EUI for an EUI in any usual writing or a Device/id.
func deviceEUI(r store.Reader, text string) (string, error) {
	key, ok := fhir.ParseKey(text)
	if !ok {
		return normalEUI("device", text, 16, 12)
	}
	v, err := r.Read(key)
	if err != nil || v.Deleted || key.Type != "Device" {
		return "", unlessNotFound(err, fhir.Unprocessable("device", "%s does not exist", key))
	}
	resource, err := fhir.ParseResource(v.AppendJSON(nil))
	if err != nil {
		return "", err
	}
	for _, system := range []string{mapping.SystemIDSystem, mapping.BluetoothSystem, mapping.LocalSystem} {
		for _, identifier := range resource.Get("identifier").Items() {
			switch {
			case identifier.Get("system").Text() != system:
			case system == mapping.LocalSystem:
				return identifier.Get("value").Text(), nil
			default:
				return normalEUI("device", identifier.Get("value").Text(), 16, 12)
			}
		}
	}
	return "", fhir.Unprocessable("device", "%s has no EUI-64 identifier", key)
}

// deviceIdentifier is the business identifier of a device by its EUI.
func deviceIdentifier(eui string) (system, value string) {
	switch _, err := hex.DecodeString(eui); {
	case err != nil || len(eui) != 12 && len(eui) != 16:
		return mapping.LocalSystem, eui // a device of no EUI, see acom.Device.Local
	case len(eui) == 12:
		return mapping.BluetoothSystem, mapping.Dashed(eui)
	}
	return mapping.SystemIDSystem, mapping.Dashed(eui)
}

// findByIdentifier gives the newest resource of a type with that identifier.
func findByIdentifier(r store.Reader, typ, system, value string) (store.Version, bool, error) {
	list, err := r.Newest(typ, []store.Identifier{{System: &system, Value: value}})
	if err != nil || list[0].Key.ID == "" {
		return store.Version{}, false, err
	}
	return list[0], true, nil
}

// unlessNotFound is other when err is nil or a NotFound, else err.
func unlessNotFound(err, other error) error {
	if err == nil || errors.Is(err, fhir.NotFound(fhir.Key{})) {
		return other
	}
	return err
}

func putJSON(tx store.Tx, collection, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return tx.PutRecord(store.RecordWrite{Collection: collection, Key: key, Value: data})
}
