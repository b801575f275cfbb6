package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// sighting is when a device was heard last, and by whom.
type sighting struct {
	Device  string `json:"device"`
	At      string `json:"at"`
	Gateway string `json:"gateway,omitempty"`
	Sender  string `json:"sender,omitempty"`
	// Offset is how many seconds the device's clock was ahead of the gateway's when
	// somebody read both, nil when nobody did.
	Offset *float64 `json:"offset,omitempty"`
}

// sightings are gathered and written now and then: a write beside every frame would
// make the frames of a device wait for each other. A crash may lose the last seconds
// of them, and nothing else.
type sightings struct {
	mu     sync.Mutex
	latest map[string]sighting
}

// mostSightings bounds what is gathered between two writes.
const mostSightings = 16384

func sightingOf(device string, report acom.Report, f frame) sighting {
	seen := sighting{Device: device, At: f.received.Format(instantLayout), Gateway: f.Gateway, Sender: f.sender}
	clock := cmp.Or(report.Clock, f.Clock)
	if clock == nil || clock.Device.Wall == nil {
		return seen
	}
	gateway, ok := fhir.ParseInstant(clock.Gateway)
	if !ok {
		return seen
	}
	wall, at := clock.Device.Wall, gateway.Low()
	zone := at.Location()
	switch {
	case wall.UTC:
		zone = time.UTC
	case wall.OffsetMinutes != nil:
		zone = time.FixedZone("", 60**wall.OffsetMinutes)
	}
	shown := time.Date(wall.Year, time.Month(wall.Month), wall.Day, wall.Hour, wall.Minute, wall.Second, 0, zone)
	offset := shown.Sub(at.Truncate(time.Second)).Seconds()
	seen.Offset = &offset
	return seen
}

// saw notes sightings of frames that were stored.
func (s *Service) saw(list []sighting) {
	g := &s.sightings
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.latest == nil {
		g.latest = map[string]sighting{}
	}
	for _, one := range list {
		if _, known := g.latest[one.Device]; known || len(g.latest) < mostSightings {
			g.latest[one.Device] = one
		}
	}
}

// KeepSightings writes what was seen, every few seconds until ctx ends and once more
// then.
func (s *Service) KeepSightings(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.flushSightings(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			s.flushSightings(last)
			return
		}
	}
}

func (s *Service) flushSightings(ctx context.Context) {
	s.sightings.mu.Lock()
	latest := s.sightings.latest
	s.sightings.latest = nil
	s.sightings.mu.Unlock()
	var unit store.Unit
	for device, one := range latest {
		data, err := json.Marshal(one)
		if err != nil {
			continue // a time or text always marshals
		}
		unit.Records = append(unit.Records, store.RecordWrite{Collection: seen, Key: device, Value: data})
	}
	if len(unit.Records) == 0 {
		return
	}
	if err := s.Store.Apply(ctx, unit)[0].Err; err != nil {
		s.Log.Warn("when devices were last seen could not be written", "error", err)
	}
}

// Known is a device as an operator sees it.
type Known struct {
	// Device is its EUI, or how else the books name it.
	Device string `json:"device"`
	// Resource is Device/id, "" while it has told nothing of itself.
	Resource string `json:"resource,omitempty"`
	// State is approved, pending, blocked, or "" when nobody decided.
	State     string   `json:"state,omitempty"`
	Senders   []string `json:"senders,omitempty"`
	HasSecret bool     `json:"hasSecret,omitempty"`
	Since     string   `json:"since,omitempty"`
	LastSeen  string   `json:"lastSeen,omitempty"`
	// Gateway and Sender are those of the last frame.
	Gateway string `json:"gateway,omitempty"`
	Sender  string `json:"sender,omitempty"`
	// ClockOffset is how many seconds its clock was ahead when both were read last.
	ClockOffset *float64 `json:"clockOffset,omitempty"`
	// Watchdog is what it last said of its being alive, nil if it never did.
	Watchdog *Watchdog    `json:"watchdog,omitempty"`
	Facts    *acom.Device `json:"facts,omitempty"`
}

// Devices lists the devices that were seen or enrolled, by name; after is the last
// name seen, "" to begin.
func (s *Service) Devices(ctx context.Context, device, after string, limit int) (list []Known, err error) {
	if device, err = normalEUI("device", device, 16, 12); err != nil {
		return nil, err
	}
	s.flushSightings(ctx)
	list = []Known{}
	err = s.Store.View(ctx, func(r store.Reader) error {
		list = list[:0]
		var names []string
		for _, collection := range []string{seen, enrolments} {
			records, err := r.Records(collection, device, after, limit)
			if err != nil {
				return err
			}
			for _, record := range records {
				names = append(names, record.Key)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		for _, name := range names[:min(limit, len(names))] {
			one, err := knownDevice(r, name)
			if err != nil {
				return err
			}
			if one.Watchdog, err = s.watchdog(r, name); err != nil {
				return err
			}
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

func knownDevice(r store.Reader, name string) (Known, error) {
	k := Known{Device: name}
	entry := registered{}
	last := sighting{}
	for collection, into := range map[string]any{devices: &entry, seen: &last} {
		data, ok, err := r.Record(collection, name)
		if err != nil {
			return k, err
		}
		if ok {
			if err := json.Unmarshal(data, into); err != nil {
				return k, err
			}
		}
	}
	if entry.Key != "" {
		k.Resource, k.Facts = entry.Key, &entry.Facts
	}
	k.LastSeen, k.Gateway, k.Sender, k.ClockOffset = last.At, last.Gateway, strings.TrimPrefix(last.Sender, DevicePrefix), last.Offset
	e, _, err := enrolled(r, identities(entry.Facts, name))
	k.State, k.Senders, k.HasSecret, k.Since = e.State, e.Senders, e.SecretHash != "", e.Since
	return k, err
}
