package acom

import "reflect"

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

// Equal reports whether both tell the same.
func (d Device) Equal(o Device) bool { return reflect.DeepEqual(d, o) }
