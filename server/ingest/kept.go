package ingest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// The books of what frames became.
const (
	frames  = "frame"   // moment/hash -> kept
	amended = "amended" // Observation's id -> amendment
)

// kept is what is known of a frame that is stored, beside its bytes (Binary of its
// hash): all that it takes to read it again, and what it became.
type kept struct {
	Submission Submission `json:"submission"` // without Bytes
	Hash       string     `json:"hash"`
	Received   string     `json:"received"`
	// By is what read it last: see version.
	By string `json:"by"`
	// Devices are those whose readings it has, by the first of their names.
	Devices []string `json:"devices,omitempty"`
	// Made are the ids of its Observations: those it made, and those it amended.
	Made []string `json:"made,omitempty"`
	// Waiting are the keys of its readings in quarantine.
	Waiting []string `json:"waiting,omitempty"`
}

// amendment says which frame wrote an Observation last, and as which version, where
// that is not the one that made it.
type amendment struct {
	Frame   string `json:"frame"`
	Version int64  `json:"version"`
	// Gave is the Observation as the frame gave it, where the version keeps what others
	// wrote beside that; nil when it is the version.
	Gave *fhir.Element `json:"gave,omitempty"`
}

// given is the Observation as its frame gave it last.
func (a amendment) given(r store.Reader, key fhir.Key) (*fhir.Element, error) {
	if a.Gave != nil {
		return a.Gave, nil
	}
	v, err := r.ReadVersion(key, max(1, a.Version))
	if err != nil {
		return nil, err
	}
	if v.Deleted {
		return nil, fhir.NotFound(key)
	}
	o, err := fhir.ParseResource(v.Body)
	if err != nil {
		return nil, err
	}
	return o.Root(), nil
}

// frameKey is the key of a frame in the books: the order of time, of when it was received.
func frameKey(sub Submission, f frame) string {
	return sortable(f.received) + "/" + refusalID(sub, f)[:32]
}

// version names what reads the frames of an adapter now: a template by its version and
// digest, an adapter by the program's version.
func (s *Service) version(adapter string, reports []acom.Report) string {
	for _, report := range reports {
		if t := report.Template; t != nil {
			return t.Name + "|" + t.Version + "|" + t.Digest
		}
	}
	return adapter + "|" + s.Version
}

// keep plans the book entry of a frame of which something was stored. fresh is set when
// its bytes were not here before, so that there can be no entry yet.
func (p *plan) keep(r store.Reader, f frame, by string, fresh bool) error {
	if f.session != nil && f.sub.Device == "" && len(p.seen) > 0 && len(p.seen[0].Device) == 16 {
		f.sub.Device = p.seen[0].Device // read again, the frame has no session that tells
	}
	f.sub.Bytes = nil
	entry := kept{Submission: f.sub, Hash: f.hash, Received: f.received.Format(instantLayout), By: by, Made: p.became, Waiting: p.waits}
	for _, one := range p.seen {
		entry.Devices = union(entry.Devices, []string{one.Device})
	}
	var before []byte
	if !fresh {
		var err error
		var known kept
		if before, _, err = readRecord(r, frames, p.frame, &known); err != nil {
			return err
		}
		entry.Made, entry.Waiting = union(known.Made, entry.Made), union(known.Waiting, entry.Waiting)
	}
	return p.put(frames, p.frame, entry, before)
}

// put plans a record in place of what is there.
func (p *plan) put(collection, key string, value any, before []byte) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	p.record(store.RecordWrite{Collection: collection, Key: key, Value: data, IfAbsent: before == nil, IfValue: before})
	return nil
}

// readRecord reads a record as JSON; ok is false, and data nil, when there is none.
func readRecord(r store.Reader, collection, key string, into any) (data []byte, ok bool, err error) {
	data, ok, err = r.Record(collection, key)
	if err != nil || !ok {
		return nil, false, err
	}
	return data, true, json.Unmarshal(data, into)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, one := range b {
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// released plans that readings of a frame which waited became Observations.
func (p *plan) released(r store.Reader, w waiting, quarantined string) error {
	if w.Kept == "" {
		return nil
	}
	var entry kept
	before, ok, err := readRecord(r, frames, w.Kept, &entry)
	if err != nil || !ok {
		return err
	}
	entry.Made = union(entry.Made, p.became)
	entry.Waiting = slices.DeleteFunc(entry.Waiting, func(key string) bool { return key == quarantined })
	return p.put(frames, w.Kept, entry, before)
}

// bytesOf reads the bytes of a stored frame.
func bytesOf(r store.Reader, hash string) ([]byte, error) {
	key := binaryKey(hash)
	v, err := r.Read(key)
	if err != nil {
		return nil, err
	}
	if v.Deleted {
		return nil, fhir.Deleted(key, v.ETag())
	}
	binary, err := fhir.ParseResource(v.Body)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(binary.Get("data").Text())
}

// Frames selects stored frames; "" selects all.
type Frames struct {
	Adapter string `json:"adapter,omitempty"`
	// Device is an EUI, as the frame's sender named it, or as one of its devices goes by.
	Device string `json:"device,omitempty"`
	// From and To are instants: when frames were received, To excluded.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// check brings a selection into the form of the books. Errors: Malformed.
func (q *Frames) check() (err error) {
	if q.Device, err = normalEUI("device", q.Device, 16, 12); err != nil {
		return err
	}
	for name, at := range map[string]*string{"from": &q.From, "to": &q.To} {
		if *at == "" {
			continue
		}
		instant, ok := fhir.ParseInstant(*at)
		if !ok {
			return fhir.Malformed(name, "%s must be an instant with offset, such as 2026-11-22T08:30:00+01:00", name).WithCode(fhir.CodeValue)
		}
		*at = sortable(instant.Low())
	}
	return nil
}

// begin is the key after which the selection begins.
func (q Frames) begin(after string) string { return max(after, q.From) }

// over reports whether a key lies behind the selection.
func (q Frames) over(key string) bool { return q.To != "" && key >= q.To }

func (q Frames) has(entry kept) bool {
	if q.Adapter != "" && entry.Submission.Adapter != q.Adapter {
		return false
	}
	if q.Device == "" {
		return true
	}
	named, _ := normalEUI("", entry.Submission.Device, 16, 12)
	return named == q.Device || slices.Contains(entry.Devices, q.Device)
}

// KeptFrame is a stored frame as an operator sees it.
type KeptFrame struct {
	ID         string `json:"id"`
	Adapter    string `json:"adapter"`
	Device     string `json:"device,omitempty"`
	Gateway    string `json:"gateway,omitempty"`
	Sender     string `json:"sender,omitempty"`
	ReceivedAt string `json:"receivedAt"`
	// ReadBy is the version of adapter or template that what is stored was made by.
	ReadBy string `json:"readBy"`
	Frame  string `json:"frame"` // Binary/id
	// Observations are references; Waiting ids in quarantine.
	Observations []string `json:"observations,omitempty"`
	Waiting      []string `json:"waiting,omitempty"`
}

// mostLooked bounds how many entries of the books one page looks at.
const mostLooked = 10_000

// Kept lists stored frames in the order they were received; next is where to go on after,
// "" at the end. Errors: Malformed for a selection that makes no sense.
func (s *Service) Kept(ctx context.Context, q Frames, after string, limit int) (list []KeptFrame, next string, err error) {
	if err := q.check(); err != nil {
		return nil, "", err
	}
	list = []KeptFrame{}
	err = s.Store.View(ctx, func(r store.Reader) error {
		list, next = list[:0], q.begin(after)
		for looked := 0; looked < mostLooked; {
			records, err := r.Records(frames, "", next, limit)
			if err != nil {
				return err
			}
			for _, record := range records {
				if q.over(record.Key) {
					next = ""
					return nil
				}
				next = record.Key
				looked++
				var entry kept
				if err := json.Unmarshal(record.Value, &entry); err != nil {
					return err
				}
				if !q.has(entry) {
					continue
				}
				if list = append(list, entry.shown(record.Key)); len(list) == limit {
					return nil
				}
			}
			if len(records) < limit {
				next = ""
				return nil
			}
		}
		return nil
	})
	return list, next, err
}

func (k kept) shown(id string) KeptFrame {
	f := KeptFrame{ID: id, Adapter: k.Submission.Adapter, Device: k.Submission.Device, Gateway: k.Submission.Gateway, Sender: k.Submission.Sender,
		ReceivedAt: k.Received, ReadBy: k.By, Frame: "Binary/" + k.Hash, Waiting: k.Waiting}
	for _, id := range k.Made {
		f.Observations = append(f.Observations, "Observation/"+id)
	}
	return f
}

// frame is the frame of an entry, to be read again as it came.
func (s *Service) again(r store.Reader, entry kept) (frame, error) {
	sub := entry.Submission
	var err error
	if sub.Bytes, err = bytesOf(r, entry.Hash); err != nil {
		return frame{}, err
	}
	at, err := time.Parse(instantLayout, entry.Received)
	if err != nil {
		return frame{}, err
	}
	return s.frame(sub, at)
}
