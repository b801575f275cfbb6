package acom

import (
	"reflect"
	"slices"
)

// Merge is d with what newer tells in addition or anew; what newer does not
// tell stays.
func (d Device) Merge(newer Device) Device {
	merged := d
	told := reflect.ValueOf(newer)
	into := reflect.ValueOf(&merged).Elem()
	for i := range told.NumField() {
		if !told.Field(i).IsZero() {
			into.Field(i).Set(told.Field(i))
		}
	}
	return merged
}

// Equal reports whether both tell the same. (It is asked for each record of a file, so
// that it does not reflect.)
func (d Device) Equal(o Device) bool {
	told := d.Unregulated != nil && o.Unregulated != nil && *d.Unregulated == *o.Unregulated || d.Unregulated == nil && o.Unregulated == nil
	return told && d.SystemID == o.SystemID && d.Address == o.Address && d.Local == o.Local && d.Member == o.Member && d.Parent == o.Parent && d.Type == o.Type &&
		d.Manufacturer == o.Manufacturer && d.Model == o.Model && d.Serial == o.Serial && d.Lot == o.Lot && d.Made == o.Made && d.Expires == o.Expires &&
		d.Activation == o.Activation && slices.Equal(d.UDI, o.UDI) &&
		d.TimeSync == o.TimeSync && d.TickResolution == o.TickResolution && d.Battery == o.Battery && d.ContinuaVersion == o.ContinuaVersion &&
		slices.Equal(d.Attributes, o.Attributes) && slices.Equal(d.Production, o.Production) &&
		slices.Equal(d.Specializations, o.Specializations) && slices.Equal(d.ContinuaClasses, o.ContinuaClasses)
}
