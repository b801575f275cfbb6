package ingest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// commit decodes a frame and stores what it gives, once: a frame that races with
// itself, with another of its device or with a change of association is decoded
// and planned anew on what is there by then. An *adapters.Error says that the
// frame cannot be read, an *invalid that what it means is not valid.
func (s *Service) commit(ctx context.Context, adapter adapters.Adapter, f frame) (*Receipt, error) {
	for range attempts {
		p, err := s.plan(ctx, adapter, f)
		if err != nil {
			return nil, err
		}
		receipt, again, err := s.execute(ctx, p)
		if err != nil {
			return nil, err
		}
		if again {
			continue
		}
		s.saw(p.seen)
		s.heard(p.alive, false)
		s.uncollected(ctx, p)
		if f.session != nil {
			f.session.stored(p.decoder)
		}
		for _, device := range p.waiting {
			// An association may have come between planning and commit.
			if _, err := s.release(ctx, device); err != nil {
				return nil, err
			}
		}
		return receipt, nil
	}
	return nil, fhir.Conflict("the same readings were being stored by others; send the frame again")
}

// execute applies a plan; again is true when its preconditions had changed.
func (s *Service) execute(ctx context.Context, p *plan) (*Receipt, bool, error) {
	if len(p.unit.Writes)+len(p.unit.Records) == 0 {
		return &p.receipt, false, nil
	}
	outcome := s.Store.Apply(ctx, p.unit)[0]
	var exists *store.Exists
	switch {
	case outcome.Err == nil:
	case errors.As(outcome.Err, &exists), errors.Is(outcome.Err, fhir.Conflict("")), errors.Is(outcome.Err, fhir.PreconditionFailed("")):
		return nil, true, nil
	default:
		return nil, false, outcome.Err
	}
	for _, one := range p.read {
		s.count(one.adapter, one.resource)
	}
	for i := range p.receipt.Readings {
		if w := p.receipt.Readings[i].write; w >= 0 {
			v := outcome.Versions[w]
			p.receipt.Readings[i].Version = &v
		}
	}
	return &p.receipt, false, nil
}

// plan is one unit of writes and the receipt they will earn.
type plan struct {
	unit    store.Unit
	receipt Receipt
	decoder adapters.Decoder
	waiting []string // devices with readings put in quarantine
	refused []string // patients who do not agree to a reading, one for each
	seen    []sighting
	alive   []Watchdog
	// made finds the write of an Observation by its identifier: a frame may say
	// the same thing twice.
	made map[mapping.Identifier]int
	// frame is the key of the frame in the books, "" while it is none of one; became
	// are the ids of its Observations, waits the keys of what it has in quarantine.
	frame         string
	became, waits []string
	// late is set for a frame that says nothing new of an event, and is kept for what it says.
	late bool
	// repeated are the records that say no more than that an event goes on: no reason to keep
	// a frame.
	repeated int
	// read are the Observations that are made, for UnknownCodes.
	read []readBy
}

// readBy is an Observation that an adapter read.
type readBy struct {
	adapter  string
	resource *fhir.Resource
}

func newPlan() *plan {
	return &plan{made: map[mapping.Identifier]int{}}
}

func (p *plan) write(w store.Write) int {
	p.unit.Writes = append(p.unit.Writes, w)
	return len(p.unit.Writes) - 1
}

func (p *plan) record(w store.RecordWrite) { p.unit.Records = append(p.unit.Records, w) }

// plan decides on one snapshot what a frame means and what it must write.
func (s *Service) plan(ctx context.Context, adapter adapters.Adapter, f frame) (*plan, error) {
	p := newPlan()
	err := s.Store.View(ctx, func(r store.Reader) error {
		p = newPlan()
		p.frame = frameKey(f.sub, f)
		memory := &memory{reader: r, adapter: adapter.Name}
		decoder := adapter.New(memory)
		if f.session != nil {
			decoder = f.session.next(memory)
		}
		p.decoder = decoder
		result, err := decoder.Decode(f.Frame)
		if err = errors.Join(memory.err, err); err != nil {
			return err
		}
		p.receipt.Reply, p.receipt.Skipped = result.Reply, result.Skipped
		for _, memo := range result.Remember {
			if err := p.remember(r, adapter.Name, memo); err != nil {
				return err
			}
		}
		for _, sign := range result.Alive {
			if err := s.planSign(r, p, f, sign); err != nil {
				return err
			}
		}
		reports := together(result.Reports, f.Device)
		if len(reports) > 0 {
			ahead := newForesight(r)
			if err := ahead.foresee(reports, f.Device, f.Gateway, binaryKey(f.hash)); err != nil {
				return err
			}
			r = ahead
		}
		devices := s.devicesOf(r, p)
		for index, report := range reports {
			if err := s.planReport(ctx, r, p, devices, adapter.Name, f, index, report); err != nil {
				return err
			}
		}
		if len(p.refused) > 0 && len(p.made) == 0 && len(p.waiting) == 0 {
			return nil // the frame itself has what may not be collected
		}
		if len(result.Reports) > 0 || len(p.unit.Writes) > 0 {
			return p.keepFrame(r, f, s.version(adapter.Name, result.Reports))
		}
		return nil
	})
	return p, err
}

// together gives the reports with each device's facts from all of them, and with
// the device that only the gateway named.
func together(reports []acom.Report, device string) []acom.Report {
	known := map[string]acom.Device{}
	out := slices.Clone(reports)
	for i := range out {
		d := &out[i].Device
		if d.SystemID == "" && d.Address == "" && !d.Member {
			if len(device) == 12 {
				d.Address = device
			} else {
				d.SystemID = device
			}
		}
		if names := identities(*d, ""); len(names) > 0 {
			known[names[0]] = known[names[0]].Merge(*d)
		}
	}
	for i := range out {
		if names := identities(out[i].Device, ""); len(names) > 0 {
			out[i].Device = known[names[0]]
		}
	}
	return out
}

func (p *plan) remember(r store.Reader, adapter string, memo adapters.Memo) error {
	key := adapter + "/" + memo.Key
	old, ok, err := r.Record(memories, key)
	if err != nil || ok == (memo.Value != nil) && bytes.Equal(old, memo.Value) {
		return err
	}
	// Two frames of a device must not overwrite each other's news.
	p.record(store.RecordWrite{Collection: memories, Key: key, Value: memo.Value, IfAbsent: !ok, IfValue: old})
	return nil
}

// planReport sorts a report's measurements by the patient who wore the device
// at each one's time, and plans each part.
func (s *Service) planReport(ctx context.Context, r store.Reader, p *plan, devices *deviceBook, adapter string, f frame, index int, report acom.Report) error {
	names := identities(report.Device, f.Device)
	if len(names) == 0 && report.Bedside != nil {
		return &adapters.Error{Reason: "the message tells neither its device nor its sender", Unprocessable: true}
	}
	if len(names) == 0 {
		return fhir.Unprocessable("", "the frame does not tell its device: give deviceId")
	}
	admitted, err := s.admit(r, p, names, f)
	if err != nil {
		return err
	}
	p.seen = append(p.seen, sightingOf(names[0], report, f))
	sensor, err := devices.reported(report)
	if err != nil {
		return err
	}
	metrics, err := devices.parts(report, names[0], sensor)
	if err != nil {
		return err
	}
	gateway, err := devices.gateway(f.Gateway)
	if err != nil {
		return err
	}
	parts, err := s.byPatient(r, names, f, report, admitted)
	if err != nil {
		return err
	}
	for _, part := range parts {
		w := waiting{
			Adapter: adapter, Frame: f.hash, Device: names[0], Names: names, Gateway: f.Gateway, Index: index,
			Received: f.received.Format(instantLayout), ReceivedKnown: f.receivedKnown(),
			Time: part.time.Format(instantLayout), Report: part.report, Nobodys: part.nobodys, Kept: p.frame,
		}
		if !admitted || part.patient == "" && !part.nobodys {
			if err := p.quarantine(r, w, part.time); err != nil {
				return err
			}
			continue
		}
		if err := s.planObservations(ctx, r, p, w, part.patient, place{sensor, gateway, metrics}); err != nil {
			return err
		}
	}
	return nil
}

// identities are the names a device goes by: its EUI-64, its Bluetooth address,
// what the gateway called it; the first is the one the books use.
func identities(d acom.Device, named string) []string {
	var names []string
	for _, name := range []string{d.SystemID, d.Address, d.Local, named} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// place are the resources that Observations of one device refer to.
type place struct {
	sensor, gateway fhir.Key
	metrics         map[string]fhir.Key // by mapping.MetricName
}

// planObservations maps facts that have a patient and plans the Observations
// that are not there yet, with one Provenance from them to the frame.
func (s *Service) planObservations(ctx context.Context, r store.Reader, p *plan, w waiting, patient string, at place) error {
	received, err := w.received()
	if err != nil {
		return err
	}
	patientKey, _ := fhir.ParseKey(patient)
	observations, err := mapping.Observations(w.Report, mapping.Context{
		Patient: patientKey, Device: at.sensor, Gateway: at.gateway, Metrics: at.metrics, DeviceID: w.Device,
		Received: received, ReceivedKnown: w.ReceivedKnown, FrameHash: w.Frame, Index: w.Index,
	})
	if err != nil {
		return err
	}
	links := links{reader: r, device: w.Device, patient: patient, known: map[string]fhir.Key{}}
	keys := make([]fhir.Key, len(observations))
	found := make([]*store.Version, len(observations))
	there, err := thereAlready(r, observations)
	if err != nil {
		return err
	}
	for i := range observations {
		if keys[i], found[i], err = identify(r, &observations[i], there[i]); err != nil {
			return err
		}
		links.name(observations[i].Key, keys[i])
	}
	var made, changed []fhir.Key
	for i, o := range observations {
		if ok, err := s.collects(ctx, r, p, keys[i], o.Resource); err != nil {
			return err
		} else if !ok {
			continue
		}
		if found[i] != nil {
			anew, err := s.amend(ctx, r, p, o, found[i])
			if err != nil {
				return err
			}
			if anew {
				changed = append(changed, keys[i])
			}
			continue
		}
		if n, twice := p.made[o.Identifier]; twice {
			p.receipt.add(Reading{write: n})
			continue
		}
		if err := links.resolve(o); err != nil {
			return err
		}
		if err := s.check(ctx, o.Resource); err != nil {
			return err
		}
		write := interaction.NewWrite(store.Create, keys[i], o.Resource)
		write.Unless = &store.Identifier{System: &o.Identifier.System, Value: o.Identifier.Value}
		n := p.write(write)
		p.made[o.Identifier] = n
		p.receipt.add(Reading{Created: true, write: n})
		if holdsForDevice(o.Key) {
			record, err := links.record(o.Key, keys[i])
			if err != nil {
				return err
			}
			p.record(record)
		}
		p.read = append(p.read, readBy{w.Adapter, o.Resource})
		made = append(made, keys[i])
		p.became = append(p.became, keys[i].ID)
	}
	if err := p.vouch(changed, at, w, dataUpdate, s.Now(), nil); err != nil {
		return err
	}
	return p.vouch(made, at, w, dataCreate, s.Now(), nil)
}

// vouch plans the Provenance of Observations that a frame made, or changed.
func (p *plan) vouch(targets []fhir.Key, at place, w waiting, activity string, now time.Time, reader *fhir.Element) error {
	if len(targets) == 0 {
		return nil
	}
	agent := at.gateway
	if agent.ID == "" {
		agent = at.sensor
	}
	id, err := interaction.NewID()
	if err != nil {
		return err
	}
	r := provenance(targets, agent, w, now)
	r.Root().Set("activity", activityOf(activity))
	if reader != nil {
		r.Get("agent").Append(reader)
	}
	p.write(interaction.NewWrite(store.Create, fhir.Key{Type: "Provenance", ID: id}, r))
	return nil
}

// binaryKey is where a frame's bytes are.
func binaryKey(hash string) fhir.Key { return fhir.Key{Type: "Binary", ID: hash} }

// keepFrame stores the raw frame once, as Binary under its SHA-256.
func (p *plan) keepFrame(r store.Reader, f frame, by string) error {
	news := len(p.unit.Writes)+len(p.unit.Records) > p.repeated
	if !news && !p.late {
		return nil
	}
	key := binaryKey(f.hash)
	v, err := r.Read(key)
	there := err == nil && !v.Deleted
	if err != nil && !errors.Is(err, fhir.NotFound(key)) {
		return err
	}
	if there && p.late && !news {
		return nil // nor is it news that it came late
	}
	if err := p.keep(r, f, by, !there); err != nil || there {
		return err
	}
	binary := fhir.NewResource("Binary")
	binary.Root().Set("contentType", fhir.NewString("application/octet-stream"))
	binary.Root().Set("data", fhir.NewString(base64.StdEncoding.EncodeToString(f.Bytes)))
	w := interaction.NewWrite(store.Put, key, binary)
	w.IfAbsent = true
	p.write(w)
	return nil
}

// quarantine plans a record for facts without a patient.
func (p *plan) quarantine(r store.Reader, w waiting, t time.Time) error {
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	key := w.key(t)
	p.waits = append(p.waits, key)
	p.receipt.add(Reading{Quarantine: key, Created: true, write: -1})
	_, there, err := r.Record(quarantine, key)
	if err != nil {
		return err
	}
	if there {
		p.receipt.Readings[len(p.receipt.Readings)-1].Created = false
		return nil
	}
	p.record(store.RecordWrite{Collection: quarantine, Key: key, Value: data, IfAbsent: true})
	p.waiting = append(p.waiting, w.Device)
	return nil
}

// thereAlready are the newest Observations that have the duplicate-detection identifiers
// of some, without a Key for none.
func thereAlready(r store.Reader, observations []mapping.Observation) ([]store.Version, error) {
	ids := make([]store.Identifier, len(observations))
	for i := range observations {
		ids[i] = store.Identifier{System: &observations[i].Identifier.System, Value: observations[i].Identifier.Value}
	}
	return r.Newest("Observation", ids)
}

// identify takes the Observation that has the duplicate-detection identifier, or
// gives a fresh key for one to make. One that has the identifier and other values
// is another reading of a device whose clock stands still: then the identifier
// is made distinct, and looked for again.
func identify(r store.Reader, o *mapping.Observation, existing store.Version) (fhir.Key, *store.Version, error) {
	for range 2 {
		if existing.Key.ID == "" {
			break
		}
		if o.Event {
			own, err := begun(r, o, &existing)
			if err != nil {
				return fhir.Key{}, nil, err
			}
			if own == nil {
				break
			}
			return own.Key, own, nil
		}
		if o.Amends {
			return existing.Key, &existing, nil
		}
		same, err := sameReadingAs(r, existing.Key, o.Resource)
		if err != nil {
			return fhir.Key{}, nil, err
		}
		if same {
			return existing.Key, &existing, nil
		}
		*o = o.Distinct()
		if existing, _, err = findByIdentifier(r, "Observation", o.Identifier.System, o.Identifier.Value); err != nil {
			return fhir.Key{}, nil, err
		}
	}
	id, err := interaction.NewID()
	return fhir.Key{Type: "Observation", ID: id}, nil, err
}

// sameReadingAs tells whether a reading has the numbers of a stored Observation as its
// frame made it: of the first version, which nobody has corrected yet, or of the one
// that the frame made when it was read again (see Replay). Numbers are compared by value:
// another gateway may have written 72 for 72.0.
func sameReadingAs(r store.Reader, stored fhir.Key, reading *fhir.Resource) (bool, error) {
	for _, again := range []bool{false, true} {
		var a amendment
		if again {
			if _, ok, err := readRecord(r, amended, stored.ID, &a); err != nil || !ok {
				return false, err
			}
		}
		given, err := a.given(r, stored)
		if err != nil {
			return false, err
		}
		if slices.EqualFunc(numbers(given), numbers(reading.Root()), func(a, b *big.Rat) bool { return a.Cmp(b) == 0 }) {
			return true, nil
		}
	}
	return false, nil
}

// numbers are the quantities of an Observation and its components, in order.
func numbers(o *fhir.Element) []*big.Rat {
	var list []*big.Rat
	for _, part := range append([]*fhir.Element{o}, o.Get("component").Items()...) {
		// A decimal's exponent is bounded: a hostile one must not cost memory.
		text := part.Path("valueQuantity", "value").Text()
		if len(text) > 0 && len(text) < 200 && !strings.ContainsAny(text, "eE") {
			if n, ok := new(big.Rat).SetString(text); ok {
				list = append(list, n)
			}
		}
	}
	return list
}

func versionText(n int64) string { return strconv.FormatInt(n, 10) }
