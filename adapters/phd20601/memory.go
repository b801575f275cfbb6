package phd20601

import (
	"bytes"
	"encoding/json"
	"strconv"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/adapters/cursor"
)

// What is remembered of an agent, each key beginning with its system-id (or
// with the Bluetooth address the gateway named, while only that is known):
//
//	<device>/association       JSON, below
//	<device>/config/<4 hex>    ConfigObjectList of a config report, as sent
//	<device>/segments/<4 hex>  SegmentInfoList of the PM-store with that handle
//
// An association request or config report replaces what was remembered, so an
// extended id that a firmware update re-uses never meets its old meaning.

// association is the value of <device>/association.
type association struct {
	SystemID string                       `json:"systemId,omitempty"`
	Config   string                       `json:"config,omitempty"` // dev-config-id, 4 hex digits
	Test     bool                         `json:"test,omitempty"`
	Device   acom.Device                  `json:"device"`
	Clock    *acom.Clock                  `json:"clock,omitempty"`
	Updates  map[uint16]map[uint16]octets `json:"updates,omitempty"`
}

// owner is the device that keys begin with, "" when nobody named it.
func (t *turn) owner() string {
	if t.systemID != "" {
		return t.systemID
	}
	return t.frame.Device
}

func (t *turn) recall(key string) ([]byte, bool) {
	for i := range t.result.Remember { // of this call, which Memory does not hold yet
		if memo := &t.result.Remember[i]; memo.Key == key {
			return memo.Value, memo.Value != nil
		}
	}
	if t.memory == nil {
		return nil, false
	}
	return t.memory.Recall(key)
}

// remember adds a memo unless memory holds just that.
func (t *turn) remember(key string, value []byte) {
	if old, ok := t.recall(key); ok && bytes.Equal(old, value) {
		return
	}
	for i := range t.result.Remember {
		if t.result.Remember[i].Key == key {
			t.result.Remember[i].Value = value
			return
		}
	}
	t.result.Remember = append(t.result.Remember, adapters.Memo{Key: key, Value: value})
}

func (t *turn) rememberAssociation() {
	if t.owner() == "" || t.configID == 0 && !t.test && t.clock == nil && t.told().Equal(acom.Device{}) {
		return // nothing was learned
	}
	if !t.kept.is(&t.session) {
		a := association{SystemID: t.systemID, Test: t.test, Device: *t.told(), Clock: t.clock, Updates: t.updates}
		if t.configID != 0 {
			a.Config = sprintf("%04X", t.configID)
		}
		value, err := json.Marshal(a)
		if err != nil {
			return // cannot be: all of it is plain data
		}
		t.kept = kept{systemID: t.systemID, configID: t.configID, test: t.test, clock: t.clock, device: t.device, updated: len(t.updates) > 0, value: value}
	}
	t.remember(t.owner()+"/association", t.kept.value)
	if len(t.frame.Device) == 12 && t.systemID != "" {
		t.remember(t.frame.Device+"/association", t.kept.value)
	}
}

// kept is an association that was written last, for most frames change nothing of it.
type kept struct {
	systemID string
	configID uint16
	test     bool
	clock    *acom.Clock
	device   *acom.Device
	updated  bool // there were updates, which are not compared
	value    []byte
}

// is reports whether the association is still as it was written.
func (k *kept) is(s *session) bool {
	return k.value != nil && k.systemID == s.systemID && k.configID == s.configID && k.test == s.test && k.clock == s.clock &&
		!k.updated && len(s.updates) == 0 && k.device == s.device
}

// recallAssociation reads what is remembered of a device.
func (t *turn) recallAssociation(device string) (association, bool) {
	var a association
	value, ok := t.recall(device + "/association")
	return a, ok && json.Unmarshal(value, &a) == nil
}

// attach takes up an association that was made on another connection: over HTTP
// every APDU may come alone, with nothing but Frame.Device to tell the agent.
func (t *turn) attach(at *cursor.Cursor) error {
	if len(t.frame.Device) == 16 {
		if err := t.adopt(at, t.frame.Device); err != nil {
			return err
		}
	}
	if t.state != detached || t.config != nil || t.owner() == "" {
		return nil
	}
	a, ok := t.recallAssociation(t.owner())
	if !ok {
		return nil
	}
	if t.systemID == "" {
		t.systemID = a.SystemID
	}
	t.test, t.device, t.updates = a.Test, &a.Device, a.Updates
	if t.clock == nil {
		t.clock, t.clockRecalled = a.Clock, a.Clock != nil
	}
	if id, err := strconv.ParseUint(a.Config, 16, 16); err == nil {
		t.configID = uint16(id)
		t.config, _ = t.lookUp(t.configID)
	}
	return nil
}

// adopt learns the agent's system-id. Two different ones in one association, or
// in the frame and from the gateway, are a mix-up of devices.
func (t *turn) adopt(at *cursor.Cursor, id string) error {
	if len(t.frame.Device) == 16 && t.frame.Device != id {
		return refuse(at, "system-id %s, but the gateway named device %s", id, t.frame.Device)
	}
	if t.systemID != "" && t.systemID != id {
		return refuse(at, "system-id %s, but the association is with %s", id, t.systemID)
	}
	t.systemID = id
	return nil
}

// lookUp finds a configuration: the agent's own report of it first, then the
// standard ones.
func (t *turn) lookUp(id uint16) (*configuration, bool) {
	if raw, ok := t.recall(t.configKey(id)); ok {
		if cfg, good := recalled(raw); good {
			return cfg, true
		}
	}
	return standardConfiguration(id)
}

func (t *turn) configKey(id uint16) string { return sprintf("%s/config/%04X", t.owner(), id) }

func (t *turn) segmentsKey(store uint16) string { return sprintf("%s/segments/%04X", t.owner(), store) }

// needConfiguration gives the configuration or says what to send first.
func (t *turn) needConfiguration(at *cursor.Cursor) (*configuration, error) {
	switch {
	case t.config != nil:
		return t.config, nil
	case t.owner() == "":
		return nil, refuse(at, "nothing tells which device reports: send its association request first, or name the device")
	case t.configID == 0:
		return nil, refuse(at, "device %s has no known association: send its association request or its configuration report first", t.owner())
	}
	return nil, refuse(at, "configuration %04X of device %s is not known: send its configuration report first", t.configID, t.owner())
}
