package biceps

import (
	"math/big"
	"strings"

	"vitalwire/adapters/acom"
)

// report reads the states of a report, or of an answer that holds states alone.
func (t *turn) report(e *element) error {
	if err := t.attach(e); err != nil {
		return err
	}
	if err := t.states(e, 0); err != nil {
		return err
	}
	if t.learned {
		t.learn(e)
	}
	t.complete()
	return nil
}

// states walks the parts of a report: a state is what names a descriptor.
func (t *turn) states(e *element, depth int) error {
	for c := range e.children() {
		switch {
		case c.get("DescriptorHandle") != "":
			if err := t.state(c, false); err != nil {
				return err
			}
		case depth < 3:
			if err := t.states(c, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn takes the version of a report that changed what is remembered.
func (t *turn) learn(e *element) { t.head.Version = max(t.head.Version, versions(e).Version) }

// state reads one state. One of an operation or of another context tells nothing that is
// charted, whether its descriptor is known or not. In a snapshot a state without a
// descriptor is passed over; in a report it shows that the description is not known.
func (t *turn) state(e *element, snapshot bool) error {
	handle := e.get("DescriptorHandle")
	if strings.HasSuffix(e.kind, "OperationState") || other[e.kind] || strings.HasPrefix(e.name, "Operation") {
		return nil
	}
	d := t.describe(handle)
	switch version := number(e.get("DescriptorVersion")); {
	case d == nil && snapshot:
		t.skip(e, "a state of the descriptor "+short(handle)+", which is not described")
		return nil
	case d == nil:
		return refuse(e, "the descriptor %s is not known: send the MDIB", short(handle))
	case version != d.Version && e.get("DescriptorVersion") != "" && !snapshot:
		return refuse(e, "version %d of the descriptor %s is not known, but %d: send the MDIB", version, short(handle), d.Version)
	case e.foreign && d.Class != "metric":
		t.skip(e, "a state with an extension that must be understood and is not")
		return nil
	}
	switch d.Class {
	case "metric":
		t.metricState(e, handle, d)
	case "AlertCondition", "AlertSignal":
		t.alertState(e, handle, d)
	case "PatientContext", "LocationContext":
		t.contextState(e, d)
	case "Clock":
		t.clockState(e, handle, d)
	case "mds", "vmd", "channel":
		t.componentState(e, handle, d)
	case "Battery":
		t.battery(e, d)
	}
	return nil
}

// other are the states of descriptors that are not read.
var other = map[string]bool{
	"ScoState": true, "SystemContextState": true, "EnsembleContextState": true, "OperatorContextState": true,
	"MeansContextState": true, "WorkflowContextState": true, "AlertSystemState": true,
}

// activation is the ActivationState of a state; On is implied.
func activation(e *element) string {
	if word := e.get("ActivationState"); word != "" {
		return word
	}
	return "On"
}

// componentState reads whether a component works, and how it is calibrated.
func (t *turn) componentState(e *element, handle string, d *descriptor) {
	word, calibrated := activation(e), calibration(e.pm("CalibrationInfo"))
	if d.Class == "mds" {
		d.Device.Activation = word
		if parents := relations(e); len(parents) == 1 && t.describe(parents[0]) != nil {
			d.Device.Parent = t.deviceName(parents[0])
		}
		t.system(d.System)
		return
	}
	d.Object.Activation = word
	if calibrated != nil {
		d.Object.Calibration = calibrated
	}
	t.place(d.System, handle)
}

// calibration reads the CalibrationInfo of a component.
func calibration(e *element) *acom.Calibration {
	if e == nil {
		return nil
	}
	c := &acom.Calibration{State: e.get("ComponentCalibrationState"), Type: e.get("Type")}
	if ms, ok := millis(e.get("Time")); ok {
		c.Time = stamp(ms)
	}
	return c
}

// relations are the MDSs that an MDS says it is derived from (SDPi, inter-MDS
// relationships: Kind DCE).
func relations(e *element) (handles []string) {
	for r := range e.extension("Relations").children() {
		if r.name == "Relation" && r.get("Kind") == "DCE" {
			handles = append(handles, strings.Fields(r.get("Entries"))...)
		}
	}
	return handles
}

// deviceName is what an MDS is called in the books.
func (t *turn) deviceName(handle string) string {
	d := t.describe(handle)
	switch {
	case d == nil || d.Device == nil:
		return ""
	case d.Device.SystemID != "":
		return d.Device.SystemID
	}
	return d.Device.Local
}

// battery reads how full a battery is, and for how long that is.
func (t *turn) battery(e *element, d *descriptor) {
	above := t.describe(d.System)
	if above == nil || above.Device == nil {
		return
	}
	for _, part := range []struct {
		name string
		code acom.Code
	}{{"CapacityRemaining", batteryCharge}, {"RemainingBatteryTime", batteryTime}} {
		sent := e.pm(part.name)
		if sent == nil {
			continue
		}
		v, _ := measure(sent)
		if v.Number == nil || v.Number.Text == "" || part.code == batteryCharge && v.Unit != percent {
			continue
		}
		fact := acom.Attribute{Name: mdcCoding(part.code, part.name), Value: v.Number.Text, Unit: v.Unit}
		above.Device.Attributes = with(above.Device.Attributes, fact)
	}
	t.system(d.System)
}

// with replaces the attribute of a name.
func with(list []acom.Attribute, fact acom.Attribute) []acom.Attribute {
	for i := range list {
		if list[i].Name.Code == fact.Name.Code {
			list[i] = fact
			return list
		}
	}
	return append(list, fact)
}

// complete adds to what is told of each MDS the descriptors that no state told of: a
// snapshot tells all objects.
func (t *turn) complete() {
	for _, handle := range sorted(t.seen) {
		switch d := t.seen[handle]; {
		case d == nil:
		case d.Class == "mds":
			t.system(handle)
		case d.Object != nil:
			t.place(d.System, handle)
		}
	}
}

// object is what a handle stands for, with the calibration of the component that a metric
// is of. A metric whose kind nothing told is none that could be looked up.
func (t *turn) object(handle string) (o acom.Object, ok bool) {
	d := t.describe(handle)
	if d == nil || d.Object == nil {
		return o, false // deleted by a later part
	}
	o = *d.Object
	for above := t.describe(d.Parent); o.Kind != 0 && o.Calibration == nil && above != nil && above.Object != nil; above = t.describe(above.Parent) {
		o.Calibration = above.Object.Calibration
	}
	return o, true
}

func rational(text string) (*big.Rat, bool) { return new(big.Rat).SetString(text) }

func ratio(n int) *big.Rat { return big.NewRat(int64(n), 1) }
