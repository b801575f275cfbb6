package ingest

import (
	"context"
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

// watchdogs are those that were heard, here or by another server of the same store. They are
// written every second, and read again: every server expects the signs of all devices, so
// that one that dies takes no device out of sight, and asks the books before it calls one
// silent that another may hear.
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
		_, expected := one.due()
		switch {
		case known == nil && (len(g.latest) >= mostSightings || written && !expected):
			continue
		case known == nil:
		case later(known.Heard, one.Heard):
			continue // told late
		case written && !later(one.Heard, known.Heard) && (!known.written || known.Watchdog == one):
			continue // known, and perhaps ended since
		case known.told:
			s.Log.Info("a device is heard again", "device", one.Device, "silent since", known.Heard)
		}
		g.latest[one.Device] = &supervised{Watchdog: one, written: written}
	}
}

// silent are the devices that are overdue by what is known here.
func (g *watchdogs) silent(now time.Time, told bool) (list []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for device, one := range g.latest {
		if (told || !one.told) && g.overdue(one.Watchdog, now) {
			list = append(list, device)
		}
	}
	return list
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
	if known := g.latest[device]; known != nil && !later(w.Heard, known.Heard) {
		w, ok = known.Watchdog, true
	}
	if !ok {
		return nil, nil
	}
	w.Overdue = g.overdue(w, s.Now())
	return &w, nil
}

// Watchdogs counts the devices of which a sign of life is expected, by whatever server of
// the store, and those of them that are overdue with it.
func (s *Service) Watchdogs() (expected, overdue int) {
	g := &s.watchdogs
	now := s.Now()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.askBooks(ctx, g.silent(now, true))
	g.mu.Lock()
	defer g.mu.Unlock()
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
	s.watchdogs.mu.Lock()
	s.watchdogs.since = s.Now()
	s.watchdogs.mu.Unlock()
	s.recallWatchdogs(ctx)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticker.C:
			s.flushWatchdogs(ctx)
			if n%5 == 0 {
				s.recallWatchdogs(ctx)
			}
			s.lookOut(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			s.flushWatchdogs(last)
			return
		}
	}
}

// lookOut logs each device that has fallen silent, once.
func (s *Service) lookOut(ctx context.Context) {
	g := &s.watchdogs
	now := s.Now()
	s.askBooks(ctx, g.silent(now, false))
	g.mu.Lock()
	defer g.mu.Unlock()
	for device, one := range g.latest {
		if !one.told && g.overdue(one.Watchdog, now) {
			one.told = true
			s.Log.Warn("a device gives no sign of life: its alarms may not come either", "device", device, "last heard", one.Heard, "announced seconds", one.Within)
		}
	}
}
