package ingest

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/server/store"
)

// Watchdog is what a device last said of its being alive (IHE PCD-04, MDC_EVT_ACTIVE): as long
// as it does, no alarm means that there is none.
type Watchdog struct {
	Device string `json:"-"`
	Heard  string `json:"heard"`
	// Within is how many seconds may pass until the next sign, as the device announced it; ""
	// when it did not, and then nothing is expected of it.
	Within string `json:"within,omitempty"`
	// Ended is set when it announced that no more would come.
	Ended bool `json:"ended,omitempty"`
	// Overdue is set when more than Within has passed.
	Overdue bool `json:"overdue,omitempty"`
}

// longest bounds what may be announced: who is silent for a day needs no watchdog.
const longest = 24 * time.Hour

// due is when the next sign has to be there; ok is false if none is expected.
func (w Watchdog) due() (at time.Time, ok bool) {
	seconds, err := strconv.ParseFloat(w.Within, 64)
	heard, wrong := time.Parse(instantLayout, w.Heard)
	if err != nil || wrong != nil || w.Ended || !(seconds > 0 && seconds <= longest.Seconds()) {
		return at, false
	}
	return heard.Add(time.Duration(seconds * float64(time.Second))), true
}

// watchdogs are those that were heard. They are written now and then, as sightings are.
type watchdogs struct {
	mu     sync.Mutex
	latest map[string]*supervised
	// since is when the server began to listen: who could not be heard before is not late.
	since time.Time
}

type supervised struct {
	Watchdog
	written bool
	// told is set when the log says that it is overdue.
	told bool
}

// overdue reports whether the next sign should have come, as of now.
func (g *watchdogs) overdue(w Watchdog, now time.Time) bool {
	due, ok := w.due()
	if !ok || !now.After(due) {
		return false
	}
	heard, _ := time.Parse(instantLayout, w.Heard)
	return !heard.Before(g.since) || now.After(g.since.Add(due.Sub(heard)))
}

// planSign plans to note a sign of life.
func (s *Service) planSign(r store.Reader, p *plan, f frame, sign adapters.Alive) error {
	report := together([]acom.Report{{Device: sign.Device}}, f.Device)[0]
	names := identities(report.Device, f.Device)
	if len(names) == 0 {
		return nil // of nobody
	}
	admitted, err := s.admit(r, p, names, f)
	if err != nil {
		return err
	}
	p.seen = append(p.seen, sightingOf(names[0], report, f))
	if !admitted {
		return nil
	}
	heard := f.received
	if now := s.Now(); heard.After(now) {
		heard = now
	}
	p.alive = append(p.alive, Watchdog{Device: names[0], Heard: heard.Format(instantLayout), Within: sign.Within, Ended: sign.Ended})
	return nil
}

// heard notes signs of life of frames that were taken, or that are written already.
func (s *Service) heard(list []Watchdog, written bool) {
	if len(list) == 0 {
		return
	}
	g := &s.watchdogs
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.latest == nil {
		g.latest = map[string]*supervised{}
	}
	for _, one := range list {
		known := g.latest[one.Device]
		if known == nil && len(g.latest) >= mostSightings {
			continue
		}
		if known != nil && later(known.Heard, one.Heard) {
			continue // told late
		}
		if known != nil && known.told {
			s.Log.Info("a device is heard again", "device", one.Device, "silent since", known.Heard)
		}
		g.latest[one.Device] = &supervised{Watchdog: one, written: written}
	}
}

// later reports whether an instant is after another, both in instantLayout.
func later(a, b string) bool {
	at, err := time.Parse(instantLayout, a)
	of, wrong := time.Parse(instantLayout, b)
	return err == nil && wrong == nil && at.After(of)
}

// unwatch expects nothing more of a device, by any of its names.
func (s *Service) unwatch(names []string) {
	s.watchdogs.mu.Lock()
	defer s.watchdogs.mu.Unlock()
	for _, name := range names {
		if known := s.watchdogs.latest[name]; known != nil {
			known.Ended, known.told, known.written = true, false, false
		}
	}
}

// watchdog is that of a device as of now, nil if it never sent a sign.
func (s *Service) watchdog(r store.Reader, device string) (*Watchdog, error) {
	var w Watchdog
	_, ok, err := readRecord(r, watched, device, &w)
	if err != nil {
		return nil, err
	}
	g := &s.watchdogs
	g.mu.Lock()
	defer g.mu.Unlock()
	if known := g.latest[device]; known != nil {
		w, ok = known.Watchdog, true
	}
	if !ok {
		return nil, nil
	}
	w.Overdue = g.overdue(w, s.Now())
	return &w, nil
}

// Watchdogs counts the devices of which a sign of life is expected, and those of them that
// are overdue with it.
func (s *Service) Watchdogs() (expected, overdue int) {
	g := &s.watchdogs
	g.mu.Lock()
	defer g.mu.Unlock()
	now := s.Now()
	for _, one := range g.latest {
		if _, ok := one.due(); !ok {
			continue
		}
		expected++
		if g.overdue(one.Watchdog, now) {
			overdue++
		}
	}
	return expected, overdue
}

// KeepWatch logs who falls silent, and writes what was heard, until ctx ends and once more
// then. What was expected before the server began goes on from now.
func (s *Service) KeepWatch(ctx context.Context) {
	if err := s.recallWatchdogs(ctx); err != nil {
		s.Log.Warn("of which devices signs of life are expected could not be read", "error", err)
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticker.C:
			s.lookOut()
			if n%5 == 0 {
				s.flushWatchdogs(ctx)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			s.flushWatchdogs(last)
			return
		}
	}
}

// lookOut logs each device that has fallen silent, once.
func (s *Service) lookOut() {
	g := &s.watchdogs
	g.mu.Lock()
	defer g.mu.Unlock()
	now := s.Now()
	for device, one := range g.latest {
		if !one.told && g.overdue(one.Watchdog, now) {
			one.told = true
			s.Log.Warn("a device gives no sign of life: its alarms may not come either", "device", device, "last heard", one.Heard, "announced seconds", one.Within)
		}
	}
}

// recallWatchdogs reads what was expected when the server stopped.
func (s *Service) recallWatchdogs(ctx context.Context) error {
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
	s.watchdogs.mu.Lock()
	s.watchdogs.since = s.Now()
	s.watchdogs.mu.Unlock()
	s.heard(list, true)
	return err
}

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
