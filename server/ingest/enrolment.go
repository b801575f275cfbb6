package ingest

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"vitalwire/adapters"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Policy says what becomes of frames of devices that nobody has enrolled.
type Policy string

// The policies.
const (
	// Open takes them.
	Open Policy = "open"
	// Approve keeps their readings waiting until somebody approves the device.
	Approve Policy = "approve"
	// Closed refuses them; the frames are kept as refused.
	Closed Policy = "closed"
)

// The states of an enrolled device.
const (
	Approved = "approved"
	// Pending has been seen and waits for somebody to approve it.
	Pending = "pending"
	// Blocked is one whose frames are refused.
	Blocked = "blocked"
)

// Enrolment is what an operator decided about a device.
type Enrolment struct {
	Device string `json:"device"` // EUI, upper-case hex, or Device/id when it is put
	State  string `json:"state"`  // approved, pending or blocked
	// Senders are who may send its frames: ids of clients, and EUI-64 of gateways as
	// their frames name them; empty for everybody who may send frames at all. A device
	// with a secret may always send its own.
	Senders []string `json:"senders,omitempty"`
	// SecretHash is the SHA-256 of the device's own secret (256 random bits), hex.
	SecretHash string `json:"secretHash,omitempty"`
	Since      string `json:"since"`
}

// DevicePrefix begins the Sender of a Submission that a device sent by its own secret,
// before its EUI; such a device speaks for no other.
const DevicePrefix = "device/"

// mostSenders bounds one enrolment.
const mostSenders = 64

// Enrol keeps what was decided about a device, over an earlier decision, and
// releases what waited for it. With secret the device gets a fresh secret, which is
// given back and kept nowhere; without, the one it has stays.
// Errors: Malformed for facts that make no sense, Unprocessable for a Device/id that
// does not exist.
func (s *Service) Enrol(ctx context.Context, e Enrolment, secret bool) (kept Enrolment, given string, released int, err error) {
	e.State = cmp.Or(e.State, Approved)
	if !slices.Contains([]string{Approved, Pending, Blocked}, e.State) {
		return e, "", 0, fhir.Malformed("state", "state must be approved, pending or blocked").WithCode(fhir.CodeValue)
	}
	if len(e.Senders) > mostSenders {
		return e, "", 0, fhir.Malformed("senders", "a device has at most %d senders", mostSenders).WithCode(fhir.CodeValue)
	}
	for i, name := range e.Senders {
		if eui, err := normalEUI("", name, 16); err == nil {
			e.Senders[i] = eui
		}
	}
	if secret {
		random := make([]byte, 32)
		rand.Read(random)
		given = base64.RawURLEncoding.EncodeToString(random)
	}
	err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		kept = e
		if kept.Device, err = deviceEUI(tx, e.Device); err != nil {
			return err
		}
		if kept.Device == "" {
			return fhir.Malformed("device", "device must be an EUI-64 or Device/id").WithCode(fhir.CodeRequired)
		}
		before, _, err := enrolled(tx, []string{kept.Device})
		if err != nil {
			return err
		}
		kept.SecretHash, kept.Since = before.SecretHash, cmp.Or(before.Since, s.Now().UTC().Format(instantLayout))
		if secret {
			kept.SecretHash = hashOf(given)
		}
		return putJSON(tx, enrolments, kept.Device, kept)
	})
	if err != nil {
		return kept, given, 0, err
	}
	names, err := s.namesOf(ctx, kept.Device)
	if kept.State == Blocked {
		s.unwatch(names)
	}
	if kept.State != Approved {
		return kept, given, 0, err
	}
	for _, name := range names {
		n, failed := s.release(ctx, name)
		released += n
		err = cmp.Or(err, failed)
	}
	return kept, given, released, err
}

// Unlock reports whether a secret is the one of a device, given by EUI in any usual
// writing; eui is that of the books.
func (s *Service) Unlock(ctx context.Context, device, secret string) (eui string, ok bool, err error) {
	eui, err = normalEUI("", device, 16, 12)
	if err != nil || eui == "" || secret == "" {
		return "", false, nil //nolint:nilerr // it is no device then
	}
	err = s.Store.Glance(ctx, func(r store.Reader) error {
		e, known, err := enrolled(r, []string{eui})
		ok = known && e.State != Blocked && e.SecretHash != "" && subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(e.SecretHash)) == 1
		return err
	})
	return eui, ok && err == nil, err
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// enrolled finds the enrolment of a device under any of its names.
func enrolled(r store.Reader, names []string) (e Enrolment, ok bool, err error) {
	for _, name := range names {
		data, found, err := r.Record(enrolments, name)
		if err != nil {
			return e, false, err
		}
		if found {
			return e, true, json.Unmarshal(data, &e)
		}
	}
	return e, false, nil
}

// notAdmitted is the same for whatever kept a frame out: its sender learns of no
// device, patient or decision.
const notAdmitted = "frames of this device are not taken from this sender"

// admit decides whether a frame of a device is taken: false says that its readings
// wait until somebody approves it. An *adapters.Error refuses the frame.
func (s *Service) admit(r store.Reader, p *plan, names []string, f frame) (bool, error) {
	if own, is := strings.CutPrefix(f.sender, DevicePrefix); is && !slices.Contains(names, own) {
		return false, &adapters.Error{Reason: notAdmitted, Unprocessable: true}
	}
	e, known, err := enrolled(r, names)
	if err != nil {
		return false, err
	}
	if !known {
		switch s.Registration {
		case Closed:
			return false, &adapters.Error{Reason: notAdmitted, Unprocessable: true}
		case Approve:
			return false, p.pend(names[0], s.Now().UTC().Format(instantLayout))
		}
		return true, nil
	}
	if e.State == Blocked || !e.accepts(f) {
		return false, &adapters.Error{Reason: notAdmitted, Unprocessable: true}
	}
	return e.State == Approved, nil
}

// accepts reports whether a device's frame may come from its sender.
func (e Enrolment) accepts(f frame) bool {
	return len(e.Senders) == 0 || slices.Contains(e.Senders, f.sender) && f.sender != "" || strings.HasPrefix(f.sender, DevicePrefix) ||
		// A gateway that proved nothing is believed where nobody has to prove anything.
		f.sender == "" && f.Gateway != "" && slices.Contains(e.Senders, f.Gateway)
}

// admitted is admit for readings that wait: whoever sent them was asked then.
func (s *Service) admitted(r store.Reader, names []string) (bool, error) {
	e, known, err := enrolled(r, names)
	if !known || err != nil {
		return s.Registration != Approve && s.Registration != Closed, err
	}
	return e.State == Approved, nil
}

// pend plans the entry of a device that was seen and that nobody has decided about.
func (p *plan) pend(device, now string) error {
	e := Enrolment{Device: device, State: Pending, Since: now}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for _, planned := range p.unit.Records {
		if planned.Collection == enrolments && planned.Key == device {
			return nil
		}
	}
	p.record(store.RecordWrite{Collection: enrolments, Key: device, Value: data, IfAbsent: true})
	return nil
}
