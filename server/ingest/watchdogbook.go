package ingest

import (
	"context"
	"encoding/json"

	"vitalwire/server/store"
)

// askBooks reads what other servers heard of devices that seem silent.
func (s *Service) askBooks(ctx context.Context, devices []string) {
	if len(devices) == 0 {
		return
	}
	var list []Watchdog
	err := s.Store.View(ctx, func(r store.Reader) error {
		list = list[:0]
		for _, device := range devices {
			w := Watchdog{Device: device}
			_, ok, err := readRecord(r, watched, device, &w)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, w)
			}
		}
		return nil
	})
	if err != nil {
		s.Log.Warn("what other servers heard of devices could not be read", "error", err)
		return
	}
	s.heard(list, true)
}

// recallWatchdogs reads what was expected when the server stopped, and what others expect.
func (s *Service) recallWatchdogs(ctx context.Context) {
	var list []Watchdog
	err := s.Store.View(ctx, func(r store.Reader) error {
		list = nil
		after := ""
		for len(list) < mostSightings {
			records, err := r.Records(watched, "", after, 1000)
			if err != nil || len(records) == 0 {
				return err
			}
			for _, record := range records {
				w := Watchdog{Device: record.Key}
				if err := json.Unmarshal(record.Value, &w); err != nil {
					return err
				}
				list, after = append(list, w), record.Key
			}
		}
		return nil
	})
	if err != nil {
		s.Log.Warn("of which devices signs of life are expected could not be read", "error", err)
	}
	s.heard(list, true)
}

// flushWatchdogs writes what was heard, and forgets of whom nothing is expected.
func (s *Service) flushWatchdogs(ctx context.Context) {
	var unit store.Unit
	s.watchdogs.mu.Lock()
	var taken []*supervised
	for device, one := range s.watchdogs.latest {
		if one.written {
			if _, ok := one.due(); !ok {
				delete(s.watchdogs.latest, device) // nothing is expected: the book is enough
			}
			continue
		}
		data, err := json.Marshal(one.Watchdog)
		if err != nil {
			continue // texts always marshal
		}
		one.written = true
		taken = append(taken, one)
		unit.Records = append(unit.Records, store.RecordWrite{Collection: watched, Key: device, Value: data})
	}
	s.watchdogs.mu.Unlock()
	if len(unit.Records) == 0 {
		return
	}
	if err := s.Store.Apply(ctx, unit)[0].Err; err != nil {
		s.Log.Warn("which devices gave a sign of life could not be written", "error", err)
		s.watchdogs.mu.Lock()
		for _, one := range taken {
			one.written = false
		}
		s.watchdogs.mu.Unlock()
	}
}
