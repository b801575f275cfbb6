package acom

import (
	"reflect"
	"testing"
)

// Equal looks at every field.
func TestDevice_EqualLooksAtAll(t *testing.T) {
	yes := true
	full := Device{SystemID: "s", Address: "a", Local: "l", Type: 1, Attributes: []Attribute{{Value: "v"}}, Manufacturer: "m", Model: "o", Serial: "s",
		Production: []Production{{Type: 1}}, Specializations: []Specialization{{Type: 1}}, TimeSync: 1, TickResolution: 1, Battery: "1",
		ContinuaVersion: "6", ContinuaClasses: []uint16{1}, Unregulated: &yes,
		Member: true, Parent: "p", Lot: "l", Made: "2020", Expires: "2030", UDI: []UDI{{}}, Activation: "On"}
	again := full
	also := true
	if again.Unregulated = &also; !full.Equal(again) {
		t.Error("the same is not equal")
	}
	for i := range reflect.TypeFor[Device]().NumField() {
		field := reflect.TypeFor[Device]().Field(i).Name
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Errorf("%s is not tried", field)
		}
		other := full
		reflect.ValueOf(&other).Elem().Field(i).SetZero()
		if full.Equal(other) || other.Equal(full) {
			t.Errorf("%s is not looked at", field)
		}
	}
}
