package biceps

import (
	"bytes"
	"encoding/json"
	"strings"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

// What is remembered, each key beginning with the owner: the device as the gateway names
// it, else as its MDIB does, else the MDIB sequence.
//
//	<owner>/mdib            head: the sequence that the rest is of
//	<owner>/mdib/<handle>   descriptor, as far as reports need it
//	<owner>/alert/<handle>  alarm of an alert condition, see alert.go
//	<owner>/reports         the number of the last report (SDPi ReportSequence)
//	<sequence>/owner        the owner, for reports that come without a device
//
// A handle means something within one sequence only: what is of another one is as if it
// were not there.

// head is what an MDIB says beside its descriptors.
type head struct {
	Sequence string `json:"sequence"`
	Instance string `json:"instance,omitempty"`
	Version  uint64 `json:"version,omitempty"`
	// Systems are the handles of the MDSs; Systems with more than one are each a device.
	Systems  []string           `json:"systems"`
	Contexts map[string]context `json:"contexts,omitempty"` // by handle of the state
	Clocks   map[string]clock   `json:"clocks,omitempty"`   // by handle of the descriptor
}

// descriptor is what reports need of one.
type descriptor struct {
	Sequence string `json:"sequence"`
	Version  uint64 `json:"version,omitempty"`
	Parent   string `json:"parent,omitempty"`
	// Class is mds, vmd, channel, metric, condition, signal, or the name of its element.
	Class  string `json:"class"`
	System string `json:"system"` // handle of its MDS
	// Device of an MDS; Object of a VMD, channel or metric.
	Device *acom.Device `json:"device,omitempty"`
	Object *acom.Object `json:"object,omitempty"`
	Metric *metric      `json:"metric,omitempty"`
	Alert  *alert       `json:"alert,omitempty"`
	// Epochs is set for a clock that tells its epochs (SDPi R0600).
	Epochs bool `json:"epochs,omitempty"`
}

// ambiguous is the owner of a sequence that two devices claim.
const ambiguous = "?"

// book is the memory together with what this frame adds to it.
type book struct {
	memory  adapters.Memory
	pending map[string][]byte
	memos   []adapters.Memo
}

func (b *book) recall(key string) ([]byte, bool) {
	if value, ok := b.pending[key]; ok {
		return value, value != nil
	}
	if b.memory == nil {
		return nil, false
	}
	return b.memory.Recall(key)
}

// remember adds a memo unless memory holds just that; a nil value forgets.
func (b *book) remember(key string, value []byte) {
	old, ok := b.recall(key)
	if ok == (value != nil) && bytes.Equal(old, value) {
		return
	}
	if _, again := b.pending[key]; again {
		for i := range b.memos {
			if b.memos[i].Key == key {
				b.memos[i].Value = value
			}
		}
	} else {
		b.memos = append(b.memos, adapters.Memo{Key: key, Value: value})
	}
	b.pending[key] = value
}

func (b *book) store(key string, value any) {
	if data, err := json.Marshal(value); err == nil { // cannot fail: all of it is plain data
		b.remember(key, data)
	}
}

func (b *book) load(key string, into any) bool {
	data, ok := b.recall(key)
	return ok && json.Unmarshal(data, into) == nil
}

// escaped is a name as a part of a key, whose parts stand between slashes.
func escaped(name string) string { return strings.ReplaceAll(name, "/", "%2F") }

func (t *turn) key(parts ...string) string {
	key := t.owner
	for _, p := range parts {
		key += "/" + escaped(p)
	}
	return key
}

// describe is the descriptor of a handle in the sequence of this frame; nil when none is
// known, or when one that contains it is no more.
func (t *turn) describe(handle string) *descriptor {
	if d, ok := t.seen[handle]; ok {
		return d
	}
	var d descriptor
	known := handle != "" && t.owner != "" && t.book.load(t.key("mdib", handle), &d) && d.Sequence == t.head.name()
	t.seen[handle] = nil // a handle that contains itself is not known
	if known && (d.Parent == "" || t.describe(d.Parent) != nil) {
		t.seen[handle] = &d
	}
	return t.seen[handle]
}

// name tells the sequence and the instance of it.
func (h head) name() string { return strings.TrimSuffix(h.Sequence+"#"+h.Instance, "#") }

// own settles who the frame is of, for an MDIB: as the gateway says, else as the only MDS
// says, else by the sequence, if its name is unique among all (RFC 4122).
func (t *turn) own(systems []*descriptor) {
	t.owner = t.frame.Device
	for _, s := range systems {
		switch {
		case t.owner != "":
		case s.Device.SystemID != "":
			t.owner = s.Device.SystemID
		case s.Device.Local != "":
			t.owner = escaped(s.Device.Local)
		}
	}
	if t.owner == "" && strings.HasPrefix(strings.ToLower(t.head.Sequence), "urn:uuid:") && len(t.head.Sequence) == len("urn:uuid:")+36 {
		t.owner = escaped("MDIB " + t.head.Sequence)
	}
	if t.owner == "" {
		return
	}
	key := escaped(t.head.name()) + "/owner"
	if other, ok := t.book.recall(key); ok && string(other) != t.owner {
		t.book.remember(key, []byte(ambiguous))
		return
	}
	t.book.remember(key, []byte(t.owner))
}

// attach finds whose report this is and what is known of its MDIB.
func (t *turn) attach(e *element) error {
	sent := versions(e)
	t.owner = t.frame.Device
	if t.owner == "" || !t.book.load(t.key("mdib"), &t.head) {
		t.owner = t.frame.Device
		other, ok := t.book.recall(escaped(sent.name()) + "/owner")
		switch {
		case ok && string(other) == ambiguous:
			return refuse(e, "several devices use the MDIB sequence %s: give deviceId", short(sent.name()))
		case ok && (t.owner == "" || !isEUI(string(other))):
			t.owner = string(other)
		}
		t.head = head{}
		if t.owner == "" || !t.book.load(t.key("mdib"), &t.head) {
			return refuse(e, "no MDIB of the sequence %s is known: send it first", short(sent.name()))
		}
	}
	if t.head.name() != sent.name() {
		return refuse(e, "the report is of the MDIB sequence %s, known is %s: send its MDIB first", short(sent.name()), short(t.head.name()))
	}
	return nil
}

// versions reads the MDIB version group of a message.
func versions(e *element) head {
	return head{Sequence: e.get("SequenceId"), Instance: e.get("InstanceId"), Version: number(e.get("MdibVersion"))}
}
