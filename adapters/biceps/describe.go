package biceps

import (
	"slices"
	"strconv"
	"strings"

	"vitalwire/adapters/acom"
)

// number reads an unsigned number; 0 for none, which is what versions are when not told.
func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// mdib reads a snapshot: descriptors first, states after.
func (t *turn) mdib(e *element) error {
	t.head, t.snapshot = versions(e), true
	if t.head.Sequence == "" && e.name == "Mdib" {
		return refuse(e, "an MDIB without SequenceId")
	}
	description := e.pm("MdDescription")
	if description == nil {
		return refuse(e, "an MDIB without MdDescription describes nothing")
	}
	var systems []*descriptor
	for c := range description.children() {
		if c.space == pm && c.name == "Mds" {
			systems = append(systems, &descriptor{Device: identity(c)})
		}
	}
	t.own(systems)
	if len(systems) == 0 {
		return refuse(description, "it describes no Mds")
	}
	var before head
	late := t.owner != "" && t.book.load(t.key("mdib"), &before) && before.name() == t.head.name() && before.Version > t.head.Version
	if before.name() == t.head.name() {
		t.head.Contexts, t.head.Clocks = before.Contexts, before.Clocks
	}
	for c := range description.children() {
		if c.space != pm || c.name != "Mds" {
			continue
		}
		if err := t.component(c, "", ""); err != nil {
			return err
		}
	}
	if err := t.named(e); err != nil {
		return err
	}
	if state := e.pm("MdState"); state != nil {
		for s := range state.children() {
			if s.space == pm && s.name == "State" {
				if err := t.state(s, true); err != nil {
					return err
				}
			}
		}
	}
	t.complete()
	if late { // an older snapshot is told, and not learned from
		t.book.memos, t.book.pending, t.owner = nil, map[string][]byte{}, ""
	}
	return nil
}

// named settles what the devices are called, once all are known.
func (t *turn) named(e *element) error {
	for _, handle := range t.head.Systems {
		known := t.describe(handle)
		if known == nil || known.Device == nil {
			continue
		}
		switch d := known.Device; {
		case d.SystemID != "" && len(t.head.Systems) == 1 && len(t.frame.Device) == 16 && t.frame.Device != d.SystemID:
			return refuse(e, "the device says it is %s, the gateway says %s", d.SystemID, t.frame.Device)
		case d.SystemID != "":
		case len(t.head.Systems) == 1 && d.Local == "" && t.owner != t.frame.Device:
			d.Local = t.owner
		case len(t.head.Systems) > 1 && t.owner != "":
			d.Member = true
			if d.Local == "" {
				d.Local = t.owner + ":" + escaped(handle)
			}
		}
	}
	return nil
}

// components are the elements of the containment tree and their class.
var components = map[string]string{"Mds": "mds", "Vmd": "vmd", "Channel": "channel", "Metric": "metric"}

// component reads a descriptor and what it contains, under the descriptor of parent.
func (t *turn) component(e *element, parent, class string) error {
	if class == "" {
		class = components[e.name]
	}
	if class == "" {
		class = e.name
	}
	handle := e.get("Handle")
	switch {
	case e.foreign:
		t.skip(e, "a descriptor with an extension that must be understood and is not")
		return nil
	case handle == "" || len(handle) > maxHandle:
		return refuse(e, "a descriptor without a Handle of at most %d bytes", maxHandle)
	}
	d := &descriptor{Sequence: t.head.name(), Version: number(e.get("DescriptorVersion")), Parent: parent, Class: class, System: handle}
	path := pathName(handle)
	if above := t.describe(parent); above != nil {
		d.System = above.System
		path = above.path(parent) + "." + path
	}
	if len(t.seen) >= maxParts {
		return refuse(e, "more than %d descriptors", maxParts)
	}
	if t.seen[handle] != nil && t.snapshot {
		return refuse(e, "the Handle %s is there twice", short(handle))
	}
	switch class {
	case "mds":
		d.System, d.Device = handle, identity(e)
		if !slices.Contains(t.head.Systems, handle) {
			if len(t.head.Systems) == maxSystems {
				return refuse(e, "more than %d systems in one device", maxSystems)
			}
			t.head.Systems = append(t.head.Systems, handle)
		}
	case "vmd", "channel":
		typ := readCode(e.pm("Type"))
		d.Object = &acom.Object{Path: path, Attributes: production(e)}
		d.Object.Type, d.Object.Codings = typ.typed(handle)
	case "metric":
		t.metric(e, d, handle, path)
	case "AlertCondition":
		d.Alert = conditionOf(e, handle)
	case "AlertSignal":
		d.Alert = &alert{Condition: e.get("ConditionSignaled"), Manifestation: e.get("Manifestation")}
	case "Clock":
		support := e.extension("EpochSupport")
		d.Epochs = support != nil && support.get("Version") == "1" // R0601: of another version nothing is known
	}
	t.seen[handle] = d
	for c := range e.children() {
		if c.space == pm && contained[c.name] {
			if err := t.component(c, handle, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// contained are the descriptors that descriptors hold. Operations are none of them: what
// can be done to a device is no fact of a patient.
var contained = map[string]bool{"Mds": true, "Vmd": true, "Channel": true, "Metric": true, "AlertSystem": true, "AlertCondition": true,
	"AlertSignal": true, "SystemContext": true, "PatientContext": true, "LocationContext": true, "Clock": true, "Battery": true}

// path is where an object stands; an MDS stands at its own handle.
func (d *descriptor) path(handle string) string {
	if d.Object != nil {
		return d.Object.Path
	}
	return pathName(handle)
}

// pathName is a handle as a level of a path, whose levels stand between points.
func pathName(handle string) string { return levels.Replace(handle) }

var levels = strings.NewReplacer("%", "%25", ".", "%2E", "/", "%2F")

// modification reads a DescriptionModificationReport: what was created, updated, deleted.
func (t *turn) modification(e *element) error {
	if err := t.attach(e); err != nil {
		return err
	}
	for part := range e.children() {
		if part.name != "ReportPart" {
			continue
		}
		kind := part.get("ModificationType") // Upt is implied
		for d := range part.children() {
			if d.name != "Descriptor" {
				continue
			}
			if err := t.modify(d, kind, part.get("ParentDescriptor")); err != nil {
				return err
			}
		}
		if kind == "Del" {
			continue
		}
		for s := range part.children() {
			if s.name == "State" {
				if err := t.state(s, false); err != nil {
					return err
				}
			}
		}
	}
	t.learn(e)
	t.complete()
	return nil
}

// classes are the types of descriptors that a Descriptor element may be of.
var classes = map[string]string{
	"MdsDescriptor": "mds", "VmdDescriptor": "vmd", "ChannelDescriptor": "channel",
	"NumericMetricDescriptor": "metric", "StringMetricDescriptor": "metric", "EnumStringMetricDescriptor": "metric",
	"RealTimeSampleArrayMetricDescriptor": "metric", "DistributionSampleArrayMetricDescriptor": "metric",
	"AlertSystemDescriptor": "AlertSystem", "AlertConditionDescriptor": "AlertCondition", "LimitAlertConditionDescriptor": "AlertCondition",
	"AlertSignalDescriptor": "AlertSignal", "SystemContextDescriptor": "SystemContext", "PatientContextDescriptor": "PatientContext",
	"LocationContextDescriptor": "LocationContext", "ClockDescriptor": "Clock", "BatteryDescriptor": "Battery",
}

func (t *turn) modify(e *element, kind, parent string) error {
	handle := e.get("Handle")
	class, known := classes[e.kind]
	switch old := t.describe(handle); {
	case kind == "Del":
		if old != nil {
			t.forget(handle)
		}
		return nil
	case !known:
		return nil // of an operation, or of another context
	case old != nil && parent == "":
		parent = old.Parent
	}
	if class != "mds" && t.describe(parent) == nil {
		return refuse(e, "the parent %s is not known: send the MDIB", short(parent))
	}
	delete(t.seen, handle)
	if err := t.component(e, parent, class); err != nil {
		return err
	}
	if class == "mds" {
		return t.named(e)
	}
	return nil
}

func (t *turn) forget(handle string) {
	t.seen[handle] = nil
	if t.owner != "" {
		t.book.remember(t.key("mdib", handle), nil)
	}
	t.head.Systems = slices.DeleteFunc(t.head.Systems, func(s string) bool { return s == handle })
}

// keep remembers what is new of the description.
func (t *turn) keep() {
	if t.owner == "" {
		return
	}
	handles := make([]string, 0, len(t.seen))
	t.book.memos = slices.Grow(t.book.memos, len(t.seen))
	for handle, d := range t.seen {
		if d != nil {
			handles = append(handles, handle)
		}
	}
	slices.Sort(handles)
	for _, handle := range handles {
		t.book.store(t.key("mdib", handle), t.seen[handle])
	}
	t.book.store(t.key("mdib"), t.head)
}
