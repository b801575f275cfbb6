package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// instantLayout keeps the gateway's own offset and every digit.
const instantLayout = time.RFC3339Nano

// waiting is a report, or the part of one at one time, that has no patient yet:
// all that is needed to map it once there is one.
type waiting struct {
	Adapter       string      `json:"adapter"`
	Device        string      `json:"device"`
	Names         []string    `json:"names"` // all the device goes by; Device is the first
	Gateway       string      `json:"gateway,omitempty"`
	Frame         string      `json:"frame"`
	Index         int         `json:"index"`
	Time          string      `json:"time"`
	Received      string      `json:"received"`
	ReceivedKnown bool        `json:"receivedKnown"`
	Report        acom.Report `json:"report"`
	// Nobodys is that of part: it waits for its device to be approved only.
	Nobodys bool `json:"nobodys,omitempty"`
	// Kept is the key of its frame in the books.
	Kept string `json:"kept,omitempty"`
}

// key is that of its record; t is its Time.
func (w waiting) key(t time.Time) string {
	return w.Device + "/" + sortable(t) + "/" + w.factsHash()
}

func (w waiting) received() (time.Time, error) { return parseTime(w.Received) }

func parseTime(text string) (time.Time, error) { return time.Parse(instantLayout, text) }

// factsHash tells facts apart that a device gave for one moment; the same facts
// sent again are the same wait.
func (w waiting) factsHash() string {
	data, err := json.Marshal(w.Report.Measurements)
	if err != nil {
		panic(err) // acom types always marshal
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// part is the measurements of a report that belong to one patient.
type part struct {
	patient string // "" when nobody is known
	// nobodys is set for what a bedside device shows as a test or demonstration.
	nobodys bool
	time    time.Time
	report  acom.Report
}

// byPatient splits a report by who wore the device at each measurement's time.
// Facts without a patient are split by time as well, so that each can be
// released on its own.
// Those of a device that is not admitted yet have none.
func (s *Service) byPatient(r store.Reader, names []string, f frame, report acom.Report, admitted bool) ([]part, error) {
	var parts []part
	for _, m := range report.Measurements {
		t := mapping.ReadingTime(m, report, mapping.Context{Received: f.received, ReceivedKnown: f.receivedKnown()})
		patient, ok, err := s.whose(r, names, report, t)
		if err != nil {
			return nil, err
		}
		nobodys := (report.Bedside != nil || report.Service != "") && m.Status&(acom.TestData|acom.DemoData) != 0
		if !ok || nobodys || !admitted {
			patient = ""
		}
		last := len(parts) - 1
		if last < 0 || parts[last].patient != patient || parts[last].nobodys != nobodys || patient == "" && !parts[last].time.Equal(t) {
			one := report
			one.Measurements = nil
			parts = append(parts, part{patient: patient, nobodys: nobodys, time: t, report: one})
			last++
		}
		parts[last].report.Measurements = append(parts[last].report.Measurements, m)
	}
	return parts, nil
}

// releaseBatch is how many waiting reports one look takes.
const releaseBatch = 100

// release maps and commits what waits for a device and has a patient by now,
// each report in a commit of its own that also ends its wait. It counts the
// readings. device "" releases for every device.
func (s *Service) release(ctx context.Context, device string) (released int, err error) {
	prefix := ""
	if device != "" {
		prefix = device + "/"
	}
	after := ""
	for {
		var records []store.Record
		err := s.Store.View(ctx, func(r store.Reader) (err error) {
			records, err = r.Records(quarantine, prefix, after, releaseBatch)
			return err
		})
		if err != nil {
			return released, err
		}
		for _, record := range records {
			n, err := s.releaseOne(ctx, record)
			var wrong *invalid
			if errors.As(err, &wrong) {
				// It stays where it is; the others shall not wait for it.
				s.Log.Error("a waiting reading cannot be released", "quarantine", record.Key, "error", err)
				err = nil
			}
			if err != nil {
				return released, fmt.Errorf("release %s: %w", record.Key, err)
			}
			released += n
			after = record.Key
		}
		if len(records) < releaseBatch {
			return released, nil
		}
	}
}

// Sweep releases all that can be: run at start, it finishes a release that a
// crash cut off.
func (s *Service) Sweep(ctx context.Context) error {
	_, err := s.release(ctx, "")
	return err
}

func (s *Service) releaseOne(ctx context.Context, record store.Record) (int, error) {
	var w waiting
	if err := json.Unmarshal(record.Value, &w); err != nil {
		return 0, err
	}
	for range attempts {
		p := newPlan()
		err := s.Store.View(ctx, func(r store.Reader) error {
			p = newPlan()
			p.frame = w.Kept
			t, err := time.Parse(instantLayout, w.Time)
			if err != nil {
				return err
			}
			if admitted, err := s.admitted(r, w.Names); err != nil || !admitted {
				return err
			}
			patient, ok, err := s.whose(r, w.Names, w.Report, t)
			if err != nil || !ok && !w.Nobodys {
				return err
			}
			if w.Nobodys {
				patient = ""
			}
			ahead := newForesight(r)
			if err := ahead.foresee([]acom.Report{w.Report}, "", w.Gateway); err != nil {
				return err
			}
			devices := s.devicesOf(ahead, p)
			sensor, err := devices.reported(w.Report)
			if err != nil {
				return err
			}
			metrics, err := devices.parts(w.Report, w.Names[0], sensor)
			if err != nil {
				return err
			}
			gateway, err := devices.gateway(w.Gateway)
			if err != nil {
				return err
			}
			if err := s.planObservations(ctx, r, p, w, patient, place{sensor, gateway, metrics}); err != nil {
				return err
			}
			if err := p.released(r, w, record.Key); err != nil {
				return err
			}
			// IfValue makes a second releaser, who lost the race, plan anew.
			p.record(store.RecordWrite{Collection: quarantine, Key: record.Key, IfValue: record.Value})
			return nil
		})
		if err != nil {
			return 0, err
		}
		receipt, again, err := s.execute(ctx, p)
		if err != nil {
			return 0, err
		}
		if !again {
			s.uncollected(ctx, p)
			return len(receipt.Readings) - len(p.refused), nil
		}
		if gone, err := s.gone(ctx, record.Key); err != nil || gone {
			return 0, err
		}
	}
	return 0, fhir.Conflict("the waiting reading was being released by others")
}

// gone reports whether another releaser has ended the wait.
func (s *Service) gone(ctx context.Context, key string) (gone bool, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		_, ok, err := r.Record(quarantine, key)
		gone = !ok
		return err
	})
	return gone, err
}

// Waiting is one entry of the quarantine as an operator sees it.
type Waiting struct {
	ID         string      `json:"id"`
	Adapter    string      `json:"adapter"`
	Device     string      `json:"device"`
	Gateway    string      `json:"gateway,omitempty"`
	Time       string      `json:"time"`
	ReceivedAt string      `json:"receivedAt"`
	Frame      string      `json:"frame"` // Binary/id
	Report     acom.Report `json:"report"`
}

// Quarantine lists what waits, by device and time, of one device or of all;
// after is the last id seen, "" to begin.
func (s *Service) Quarantine(ctx context.Context, device, after string, limit int) (list []Waiting, err error) {
	prefix := ""
	if device != "" {
		if prefix, err = normalEUI("device", device, 16, 12); err != nil {
			return nil, err
		}
		prefix += "/"
	}
	list = []Waiting{}
	err = s.Store.View(ctx, func(r store.Reader) error {
		records, err := r.Records(quarantine, prefix, after, limit)
		for _, record := range records {
			var w waiting
			if err := json.Unmarshal(record.Value, &w); err != nil {
				return err
			}
			list = append(list, Waiting{
				ID: record.Key, Adapter: w.Adapter, Device: w.Device, Gateway: w.Gateway, Time: w.Time,
				ReceivedAt: w.Received, Frame: "Binary/" + w.Frame, Report: w.Report,
			})
		}
		return err
	})
	return list, err
}
