// Package ingest carries device frames into the store: decode, find the patient
// who wore the device then, map to FHIR, commit once. What has no patient waits
// in quarantine, what cannot be read is kept as refused; nothing is dropped and
// nothing is guessed.
package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Service takes frames. Its fields are set once, before use.
type Service struct {
	Store    store.Store
	Adapters []adapters.Adapter
	// Templates are adapters that may change while the server serves; nil for none.
	Templates func() []adapters.Adapter
	// Explain says how a template reads a frame, field by field; ok is false when there is
	// none of that name. nil explains nothing.
	Explain func(template string, frame []byte) (trial any, ok bool)
	// Check validates what is to be written (see knowledge.Base.Check); devices
	// have no back door. nil checks nothing.
	Check func(ctx context.Context, r *fhir.Resource) ([]fhir.Issue, error)
	// Zone in which a device's wall clock is read when the gateway did not say
	// its own offset.
	Zone *time.Location
	Now  func() time.Time
	Log  *slog.Logger
	// Authorities are the identifier systems of assigning authorities that messages
	// name without one of their own (HL7 CX.4.1), such as HOSP.
	Authorities map[string]string
	// Intake bounds what is taken at one time; nil bounds nothing.
	Intake *Intake
	// Collecting says what patients let be recorded; nil lets all be.
	Collecting Collecting
	// Registration says whose frames are taken; "" is Open.
	Registration Policy
	// Version of the program, which names what its adapters made.
	Version string

	// Unknown is told of each code of a reading that is not known; nil is told nothing.
	Unknown func(adapter string)

	sightings sightings
	watchdogs watchdogs
	unknown   unknownCodes
	replaying replayers
	formed    formedParts
}

// The collections of records that ingest keeps.
const (
	associations = "association" // device/start -> association
	quarantine   = "quarantine"  // device/time/hash -> waiting
	refused      = "refused"     // hash -> Refused
	devices      = "device"      // EUI -> registered
	memories     = "memory"      // adapter/key -> bytes
	enrolments   = "enrolment"   // device -> Enrolment
	seen         = "seen"        // device -> sighting
	watched      = "watchdog"    // device -> Watchdog
)

// Submission is one frame as a transport received it.
type Submission struct {
	Adapter string
	Bytes   []byte
	// Device and Gateway are EUI-64 (or EUI-48 for Device) in any usual writing, or "".
	Device, Gateway string
	// Received is the gateway's instant, RFC 3339, or "".
	Received string
	// Characteristic is the Bluetooth UUID, or "".
	Characteristic string
	// Profile is the sender's dialect, or "" for what the bytes tell.
	Profile string
	// Clock is the coincident time stamp the gateway took, or nil.
	Clock *Clock
	// Sender is who has proved to send it, such as the id of a client; "" when nobody
	// was asked.
	Sender string `json:",omitempty"`
	// Topic or file that it came by, for who looks at it later; "" for none.
	Topic string `json:",omitempty"`
	// Source is whose turn it takes in the Intake: what floods shall flood only itself.
	Source string `json:"-"`
}

// Clock is a coincident time stamp as a gateway submits it.
type Clock struct {
	// Device is the time the device shows: a dateTime, with or without offset.
	Device string `json:"device,omitempty"`
	// Ticks is the device's running clock in steps of Resolution microseconds,
	// instead of Device.
	Ticks      *uint64 `json:"ticks,omitempty"`
	Resolution uint32  `json:"resolution,omitempty"`
	// Gateway is the gateway's instant at that moment.
	Gateway string `json:"gateway"`
}

// attempts bounds how often a lost race is run again.
const attempts = 32

// Submit takes one frame. The receipt lists what became of each reading.
// Errors: UnknownType for the adapter, Malformed for submission facts that make
// no sense; Throttled when too many frames wait, see Intake; Malformed or
// Unprocessable for a refused frame, which is kept.
func (s *Service) Submit(ctx context.Context, sub Submission) (*Receipt, error) {
	return s.enter(ctx, sub, nil)
}

func (s *Service) enter(ctx context.Context, sub Submission, session *Session) (*Receipt, error) {
	if s.Intake != nil {
		leave, err := s.Intake.enter(ctx, sub.Source, len(sub.Bytes))
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	return s.submit(ctx, sub, s.Now(), session)
}

// submit takes a frame that reached the server at a moment.
func (s *Service) submit(ctx context.Context, sub Submission, at time.Time, session *Session) (*Receipt, error) {
	adapter, err := s.adapter(sub.Adapter)
	if err != nil {
		return nil, err
	}
	f, err := s.frame(sub, at)
	if err != nil {
		return nil, err
	}
	f.session = session
	receipt, err := s.commit(ctx, adapter, f)
	var bad *adapters.Error
	if errors.As(err, &bad) {
		return nil, s.refuse(ctx, sub, f, bad)
	}
	var wrong *invalid
	if errors.As(err, &wrong) {
		return nil, s.refuse(ctx, sub, f, &adapters.Error{Reason: wrong.Error(), Unprocessable: true})
	}
	return receipt, err
}

// invalid is a resource that was mapped from a frame and does not validate.
type invalid struct {
	typ string
	err error
}

func (e *invalid) Error() string {
	return "the " + e.typ + " made of it is not valid: " + e.err.Error()
}

func (s *Service) check(ctx context.Context, r *fhir.Resource) error {
	if s.Check == nil {
		return nil
	}
	if _, err := s.Check(ctx, r); err != nil {
		return &invalid{typ: r.Type(), err: err}
	}
	return nil
}

// frame is an adapters.Frame with what ingest adds.
type frame struct {
	adapters.Frame
	sub    Submission
	hash   string // SHA-256 of the bytes, 64 hex digits
	sender string
	// session of a connection with a state, or nil.
	session *Session
	// received is Frame.Received, or our own clock when the gateway did not say.
	received time.Time
}

func (f frame) receivedKnown() bool { return !f.Received.IsZero() }

func (s *Service) adapter(name string) (adapters.Adapter, error) {
	for _, a := range s.all() {
		if a.Name == name {
			return a, nil
		}
	}
	e := fhir.UnknownType(name)
	e.Issues[0].Text = "no such adapter; known are " + strings.Join(s.Names(), ", ")
	return adapters.Adapter{}, e
}

// all are the adapters and, as they are now, the operator's templates.
func (s *Service) all() []adapters.Adapter {
	all := s.Adapters
	if s.Templates != nil {
		all = append(all[:len(all):len(all)], s.Templates()...)
	}
	return all
}

// Names are those of the adapters and, as they are now, of the operator's templates.
func (s *Service) Names() []string {
	var names []string
	for _, a := range s.all() {
		names = append(names, a.Name)
	}
	return names
}

func (s *Service) frame(sub Submission, at time.Time) (frame, error) {
	sum := sha256.Sum256(sub.Bytes)
	f := frame{sub: sub, hash: hex.EncodeToString(sum[:]), sender: sub.Sender}
	f.Bytes = sub.Bytes
	var err error
	if f.Device, err = normalEUI("deviceId", sub.Device, 16, 12); err != nil {
		return f, err
	}
	if f.Gateway, err = normalEUI("gatewayId", sub.Gateway, 16); err != nil {
		return f, err
	}
	f.Characteristic = normalUUID(sub.Characteristic)
	f.Profile = sub.Profile
	f.received = at.In(s.Zone)
	if sub.Received != "" {
		instant, ok := fhir.ParseInstant(sub.Received)
		if !ok {
			return f, fhir.Malformed("", "receivedAt must be an instant with offset, such as 2026-11-22T08:30:00+01:00").WithCode(fhir.CodeValue)
		}
		f.Received, f.received = instant.Low(), instant.Low()
	}
	if sub.Clock != nil {
		if f.Clock, err = sub.Clock.acom(); err != nil {
			return f, err
		}
	}
	return f, nil
}

// normalEUI gives upper-case hex without separators; digits are the lengths allowed.
func normalEUI(name, text string, digits ...int) (string, error) {
	if text == "" {
		return "", nil
	}
	plain := strings.ToUpper(strings.NewReplacer("-", "", ":", "", ".", "", " ", "").Replace(text))
	if _, err := hex.DecodeString(plain); err != nil || !slices.Contains(digits, len(plain)) {
		return "", fhir.Malformed("", "%s must be an EUI-64 such as 00-22-09-22-58-08-07-B0%s", name,
			map[bool]string{true: " or a Bluetooth address of 12 hex digits"}[len(digits) > 1]).WithCode(fhir.CodeValue)
	}
	return plain, nil
}

// normalUUID gives the 4 hex digits of a Bluetooth SIG characteristic, whether
// written so, as 0x2A35, or as the full UUID; anything else stays as it is.
func normalUUID(text string) string {
	plain := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "0X")
	if rest, ok := strings.CutSuffix(plain, "-0000-1000-8000-00805F9B34FB"); ok && len(rest) == 8 {
		plain = strings.TrimPrefix(rest, "0000")
	}
	return plain
}

// memory shows an adapter what it asked to be remembered, in the snapshot that
// its frame is planned on.
type memory struct {
	reader  store.Reader
	adapter string
	err     error
}

func (m *memory) Recall(key string) ([]byte, bool) {
	value, ok, err := m.reader.Record(memories, m.adapter+"/"+key)
	if err != nil && m.err == nil {
		m.err = err
	}
	return value, ok && err == nil
}

func (c *Clock) acom() (*acom.Clock, error) {
	if _, ok := fhir.ParseInstant(c.Gateway); !ok {
		return nil, fhir.Malformed("", "clock.gateway must be an instant with offset").WithCode(fhir.CodeValue)
	}
	out := &acom.Clock{Gateway: c.Gateway}
	switch {
	case c.Ticks != nil && c.Device == "" && c.Resolution > 0:
		out.Device.Ticks = &acom.Ticks{Micros: *c.Ticks * uint64(c.Resolution), Resolution: c.Resolution}
	case c.Ticks == nil && c.Device != "":
		wall, ok := wallClock(c.Device)
		if !ok {
			return nil, fhir.Malformed("", "clock.device must be a date and time such as 2026-11-22T08:30:00, with or without offset").WithCode(fhir.CodeValue)
		}
		out.Device.Wall = wall
	default:
		return nil, fhir.Malformed("", "clock needs device, or ticks with resolution in microseconds").WithCode(fhir.CodeValue)
	}
	return out, nil
}

// wallClock reads what a device's display shows, to the second at least.
func wallClock(text string) (*acom.Wall, bool) {
	d, ok := fhir.ParseSearchDate(text, time.UTC)
	if !ok || d.Precision() < fhir.Second {
		return nil, false
	}
	t := d.Low()
	wall := &acom.Wall{Year: t.Year(), Month: int(t.Month()), Day: t.Day(), Hour: t.Hour(), Minute: t.Minute(), Second: t.Second()}
	if _, rest, ok := strings.Cut(text, "."); ok {
		wall.Fraction = rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	}
	if d.Zoned() {
		_, seconds := t.Zone()
		minutes := seconds / 60
		wall.OffsetMinutes = &minutes
	}
	return wall, true
}
