package ingest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// What becomes of a reading when its frame is read again.
const (
	// Same is there already as it would be made now.
	Same = "same"
	// Changed would get a new version.
	Changed = "changed"
	// New was not made before.
	New = "new"
	// Vanished was made before, and would not be now. It stays, unless it is marked
	// as entered in error by choice.
	Vanished = "vanished"
	// Edited is one that somebody else has changed since where it would change; it stays.
	Edited = "edited"
	// Superseded is one that a later frame wrote since; that frame decides.
	Superseded = "superseded"
	// Elsewhere is one that another frame made first; that frame decides.
	Elsewhere = "elsewhere"
	// Invalid is one that could not be stored as it would be now; it stays.
	Invalid = "invalid"
	// Awaiting is one in quarantine that would wait with other facts.
	Awaiting = "waiting"
)

// Reread says what became, or would, of a stored frame that was read again.
type Reread struct {
	Frame      string `json:"frame"`
	Adapter    string `json:"adapter"`
	ReceivedAt string `json:"receivedAt"`
	// Was and By are what read it before, and now.
	Was string `json:"was"`
	By  string `json:"by,omitempty"`
	// Refused says why it cannot be read now; what it made stays.
	Refused     string       `json:"refused,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
	// same counts readings that stay as they are.
	same int
	// silent is set for a frame without a report, which no template signs.
	silent bool
}

// Difference is one reading that is not the same.
type Difference struct {
	State       string   `json:"state"`
	Observation string   `json:"observation,omitempty"` // Observation/id, "" for a new one
	Code        string   `json:"code,omitempty"`
	At          string   `json:"at,omitempty"`
	Elements    []Change `json:"elements,omitempty"`
	Note        string   `json:"note,omitempty"`
}

// Change is an element that would be another.
type Change struct {
	Element string        `json:"element"`
	Was     *fhir.Element `json:"was,omitempty"`
	Becomes *fhir.Element `json:"becomes,omitempty"`
	// Edited is set when somebody else has changed it since, to what is there now.
	Edited *fhir.Element `json:"edited,omitempty"`
}

// before is an Observation that the frame made or amended.
type before struct {
	version store.Version
	now     *fhir.Resource // nil when it was deleted
	base    *fhir.Element  // as a frame gave it last
	note    []byte         // amendment record
	by      amendment
	matched bool
}

// candidate is an Observation as the frame gives it now.
type candidate struct {
	mapping.Observation
	w     waiting
	at    place
	links links
	key   fhir.Key
	was   *before
}

// rereading is one frame at work.
type rereading struct {
	*Service
	r      store.Reader
	plan   *plan
	entry  kept
	olds   map[string]*before // by id
	news   []*candidate
	waits  map[string]waiting
	report Reread
	vouch  map[string][]*candidate // by activity
	// nullify marks what vanished as entered in error.
	nullify bool
}

// reread plans what reading a stored frame again means, on one snapshot. What is planned
// keeps the ids of what is there.
func (s *Service) reread(ctx context.Context, r store.Reader, p *plan, record store.Record, entry kept, nullify bool) (Reread, error) {
	p.frame = record.Key
	x := &rereading{Service: s, r: r, plan: p, entry: entry, olds: map[string]*before{}, waits: map[string]waiting{}, nullify: nullify,
		report: Reread{Frame: record.Key, Adapter: entry.Submission.Adapter, ReceivedAt: entry.Received, Was: entry.By}, vouch: map[string][]*candidate{}}
	err := x.read()
	var bad *adapters.Error
	if errors.As(err, &bad) {
		x.report.Refused = bad.Error()
		return x.report, nil
	}
	if err != nil {
		return x.report, err
	}
	if err := x.match(); err != nil {
		return x.report, err
	}
	for _, step := range []func(context.Context) error{x.change, x.vanish, x.wait} {
		if err := step(ctx); err != nil {
			return x.report, err
		}
	}
	if len(p.unit.Writes)+len(p.unit.Records) == 0 && entry.By == x.report.By {
		return x.report, nil
	}
	if err := x.prove(); err != nil {
		return x.report, err
	}
	after := entry
	after.By, after.Made, after.Waiting = x.report.By, union(entry.Made, p.became), nil
	for key := range x.waits {
		after.Waiting = append(after.Waiting, key)
	}
	slices.Sort(after.Waiting)
	return x.report, p.put(frames, record.Key, after, record.Value)
}

// read decodes the frame as its adapter does now, and maps what has a patient now.
func (x *rereading) read() error {
	adapter, err := x.adapter(x.entry.Submission.Adapter)
	if err != nil {
		return &adapters.Error{Reason: "there is no such adapter now"}
	}
	f, err := x.again(x.r, x.entry)
	if err != nil {
		return err
	}
	memory := &memory{reader: x.r, adapter: adapter.Name}
	result, err := adapter.New(memory).Decode(f.Frame)
	if err = errors.Join(memory.err, err); err != nil {
		return err
	}
	x.report.By, x.report.silent = x.version(adapter.Name, result.Reports), len(result.Reports) == 0
	for _, id := range x.entry.Made {
		if err := x.load(id); err != nil {
			return err
		}
	}
	devices := x.devicesOf(x.r, x.plan)
	devices.settled = true
	for index, report := range together(result.Reports, f.Device) {
		names := identities(report.Device, f.Device)
		if len(names) == 0 {
			return &adapters.Error{Reason: "the frame does not tell its device", Unprocessable: true}
		}
		var at place
		if at.sensor, err = devices.reported(report); err != nil {
			return err
		}
		if at.metrics, err = devices.parts(report, names[0], at.sensor); err != nil {
			return err
		}
		if at.gateway, err = devices.gateway(f.Gateway); err != nil {
			return err
		}
		parts, err := x.byPatient(x.r, names, f, report, true)
		if err != nil {
			return err
		}
		for _, part := range parts {
			w := waiting{
				Adapter: adapter.Name, Frame: f.hash, Device: names[0], Names: names, Gateway: f.Gateway, Index: index,
				Received: f.received.Format(instantLayout), ReceivedKnown: f.receivedKnown(),
				Time: part.time.Format(instantLayout), Report: part.report, Nobodys: part.nobodys, Kept: x.plan.frame,
			}
			if part.patient == "" && !part.nobodys {
				x.waits[w.key(part.time)] = w
				continue
			}
			if err := x.observed(w, part.patient, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// load reads an Observation of the frame, as it is and as a frame wrote it last.
func (x *rereading) load(id string) error {
	key := fhir.Key{Type: "Observation", ID: id}
	v, err := x.r.Read(key)
	if errors.Is(err, fhir.NotFound(key)) {
		return nil // expunged
	}
	if err != nil {
		return err
	}
	b := &before{version: v}
	x.olds[id] = b
	if v.Deleted {
		return nil
	}
	if b.now, err = fhir.ParseResource(v.Body); err != nil {
		return err
	}
	if b.note, _, err = readRecord(x.r, amended, id, &b.by); err != nil {
		return err
	}
	b.base, err = b.by.given(x.r, key)
	if errors.Is(err, fhir.NotFound(key)) {
		b.base, err = b.now.Root(), nil // its history was purged
	}
	return err
}

// observed maps facts that have a patient.
func (x *rereading) observed(w waiting, patient string, at place) error {
	received, err := w.received()
	if err != nil {
		return err
	}
	key, _ := fhir.ParseKey(patient)
	observations, err := mapping.Observations(w.Report, mapping.Context{
		Patient: key, Device: at.sensor, Gateway: at.gateway, Metrics: at.metrics, DeviceID: w.Device,
		Received: received, ReceivedKnown: w.ReceivedKnown, FrameHash: w.Frame, Index: w.Index,
	})
	if err != nil {
		return err
	}
	links := links{reader: x.r, device: w.Device, patient: patient, known: map[string]fhir.Key{}}
	seen := map[mapping.Identifier]bool{}
	for _, o := range observations {
		if !seen[o.Identifier] { // a frame may say the same thing twice
			seen[o.Identifier] = true
			x.news = append(x.news, &candidate{Observation: o, w: w, at: at, links: links})
		}
	}
	return nil
}

// match finds for each reading the Observation that it was: by its identifier; else the
// one of that patient and time, with its code or its value, where it is the only one.
func (x *rereading) match() error {
	by := map[mapping.Identifier]*before{}
	for _, old := range x.olds {
		if old.now == nil {
			continue
		}
		for _, version := range []*fhir.Element{old.now.Root(), old.base} {
			for _, id := range version.Get("identifier").Items() {
				by[mapping.Identifier{System: id.Get("system").Text(), Value: id.Get("value").Text()}] = old
			}
		}
	}
	take := func(c *candidate, old *before) {
		c.was, c.key, old.matched = old, old.version.Key, true
	}
	for _, c := range x.news {
		if old := by[c.Identifier]; old != nil && !old.matched {
			take(c, old)
			continue
		}
		for _, d := range []mapping.Observation{c.Distinct(), c.Apart()} {
			if old := by[d.Identifier]; old != nil && !old.matched && c.was == nil {
				c.Observation = d
				take(c, old)
			}
		}
	}
	for _, c := range x.news {
		if c.was != nil {
			continue
		}
		existing, found, err := findByIdentifier(x.r, "Observation", c.Identifier.System, c.Identifier.Value)
		if err != nil {
			return err
		}
		if found {
			c.key = existing.Key
		}
	}
	var left []*before
	for _, old := range x.olds {
		if !old.matched && old.now != nil {
			left = append(left, old)
		}
	}
	var alone []*candidate
	for _, c := range x.news {
		if c.was == nil && c.key.ID == "" {
			alone = append(alone, c)
		}
	}
	for _, c := range alone {
		if old := only(left, func(old *before) bool { return alike(old.now, c.Resource) }); old != nil &&
			only(alone, func(c *candidate) bool { return alike((*old).now, c.Resource) }) != nil {
			take(c, *old)
		}
	}
	for _, c := range x.news {
		if c.key.ID == "" {
			id, err := interaction.NewID()
			if err != nil {
				return err
			}
			c.key = fhir.Key{Type: "Observation", ID: id}
		}
		c.links.name(c.Key, c.key)
	}
	return nil
}

// only is the one element that a condition holds for; nil when it does for none, or several.
func only[T any](list []T, holds func(T) bool) (found *T) {
	for i := range list {
		if holds(list[i]) {
			if found != nil {
				return nil
			}
			found = &list[i]
		}
	}
	return found
}

// alike tells Observations that may be one reading under two mappings: of one patient and
// time, with the same code or the same value.
func alike(a, b *fhir.Resource) bool {
	for _, path := range [][]string{{"subject", "reference"}, {"effectiveDateTime"}, {"effectivePeriod"}} {
		if !a.Path(path...).Equal(b.Path(path...)) {
			return false
		}
	}
	if a.Path("code", "coding").Equal(b.Path("code", "coding")) {
		return true
	}
	number, other := a.Path("valueQuantity", "value"), b.Path("valueQuantity", "value")
	if number != nil || other != nil {
		return number.Equal(other)
	}
	said, now := value(a), value(b)
	return said != nil && said.Equal(now)
}

// change plans new versions and new Observations.
func (x *rereading) change(ctx context.Context) error {
	for _, c := range x.news {
		if err := c.links.resolve(c.Observation); err != nil {
			return err
		}
		c.Resource = c.Resource.WithIdentity(c.key.ID)
		switch {
		case c.was == nil && c.fresh(x.r):
			if err := x.create(ctx, c); err != nil {
				return err
			}
		case c.was == nil:
			x.tell(Difference{State: Elsewhere, Observation: c.key.String()}, c.Resource)
		default:
			if err := x.update(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// fresh reports whether an Observation is not there.
func (c *candidate) fresh(r store.Reader) bool {
	_, err := r.Read(c.key)
	return errors.Is(err, fhir.NotFound(c.key))
}

func (x *rereading) tell(d Difference, o *fhir.Resource) {
	d.Code = cmp.Or(o.Path("code", "text").Text(), o.Path("code", "coding").At(0).Get("display").Text(), o.Path("code", "coding").At(0).Get("code").Text())
	d.At = cmp.Or(o.Get("effectiveDateTime").Text(), o.Path("effectivePeriod", "start").Text())
	x.report.Differences = append(x.report.Differences, d)
}

func (x *rereading) create(ctx context.Context, c *candidate) error {
	if err := x.check(ctx, c.Resource); err != nil {
		return x.unfit(Difference{}, c.Resource, err)
	}
	write := interaction.NewWrite(store.Create, c.key, c.Resource)
	write.Unless = &store.Identifier{System: &c.Identifier.System, Value: c.Identifier.Value}
	x.plan.write(write)
	x.plan.became = append(x.plan.became, c.key.ID)
	if holdsForDevice(c.Key) {
		record, err := c.links.record(c.Key, c.key)
		if err != nil {
			return err
		}
		x.plan.record(record)
	}
	x.vouch[dataCreate] = append(x.vouch[dataCreate], c)
	x.tell(Difference{State: New, Elements: []Change{{Element: "value", Becomes: value(c.Resource)}}}, c.Resource)
	return nil
}

// value is what an Observation says, for who looks at it.
func value(o *fhir.Resource) *fhir.Element {
	for _, name := range []string{"valueQuantity", "valueCodeableConcept", "valueString", "valueDateTime", "component", "dataAbsentReason"} {
		if e := o.Get(name); e != nil {
			return e
		}
	}
	return nil
}

// unfit tells of what does not validate; any other error it gives back.
func (x *rereading) unfit(d Difference, o *fhir.Resource, err error) error {
	var wrong *invalid
	if !errors.As(err, &wrong) {
		return err
	}
	d.State, d.Note = Invalid, wrong.Error()
	x.tell(d, o)
	return nil
}

// prove plans the Provenance of what was written.
func (x *rereading) prove() error {
	for _, activity := range []string{dataCreate, dataUpdate, dataNullify} {
		list := x.vouch[activity]
		if len(list) == 0 {
			continue
		}
		var targets []fhir.Key
		for _, c := range list {
			targets = append(targets, c.key)
		}
		reader := readerAgent(x.report.By)
		if list[0].w.Report.Template != nil {
			reader = nil // it is named as the template it is
		}
		w := list[0].w
		w.Frame = x.entry.Hash
		if err := x.plan.vouch(targets, list[0].at, w, activity, x.Now(), reader); err != nil {
			return err
		}
	}
	return nil
}

// wait plans what becomes of readings in quarantine.
func (x *rereading) wait(context.Context) error {
	for _, key := range x.entry.Waiting {
		if _, still := x.waits[key]; still {
			x.report.same++
			continue
		}
		old, ok, err := x.r.Record(quarantine, key)
		if err != nil {
			return err
		}
		if ok {
			x.plan.record(store.RecordWrite{Collection: quarantine, Key: key, IfValue: old})
			x.report.Differences = append(x.report.Differences, Difference{State: Awaiting, Note: "no longer waits as " + key})
		}
	}
	for key, w := range x.waits {
		if slices.Contains(x.entry.Waiting, key) {
			continue
		}
		_, there, err := x.r.Record(quarantine, key)
		if err != nil {
			return err
		}
		if !there {
			if err := x.plan.put(quarantine, key, w, nil); err != nil {
				return err
			}
		}
		at, err := time.Parse(instantLayout, w.Time)
		if err != nil {
			return err
		}
		x.report.Differences = append(x.report.Differences, Difference{State: Awaiting, At: fhir.FormatInstant(at), Note: "would wait as " + key})
	}
	return nil
}
