package validate

import "math/bits"

// fieldTable finds fields by their JSON names: an open table, hashed by what is quick
// to see of a name. It is asked once for each member of each object.
type fieldTable struct {
	slots []named // a power of two, at least twice as many as there are names
	shift uint8
}

type named struct {
	name  string
	field *field
}

func newFieldTable(fields map[string]*field) fieldTable {
	size := bits.Len(uint(2*len(fields) + 1))
	n := fieldTable{slots: make([]named, 1<<size), shift: uint8(32 - size)}
	for name, f := range fields {
		i := n.home(name)
		for n.slots[i].field != nil {
			i = (i + 1) & (len(n.slots) - 1)
		}
		n.slots[i] = named{name, f}
	}
	return n
}

// home is where the search for a name begins.
func (n *fieldTable) home(name string) int {
	h := uint32(len(name))
	if len(name) > 0 {
		h |= uint32(name[0])<<8 | uint32(name[len(name)/2])<<16 | uint32(name[len(name)-1])<<24
	}
	return int(h * 0x9E3779B1 >> n.shift)
}

// find is the field of that name, nil when there is none.
func (n *fieldTable) find(name string) *field {
	for i := n.home(name); ; i = (i + 1) & (len(n.slots) - 1) {
		s := &n.slots[i]
		if s.field == nil || s.name == name {
			return s.field
		}
	}
}
