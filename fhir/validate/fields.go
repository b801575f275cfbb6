package validate

import "math/bits"

// fieldTable finds fields by their JSON names: an open table that is asked once
// for each member of each object. Names are compared as two words that overlap,
// which for all but the longest is all of them.
type fieldTable struct {
	slots []named // a power of two, at least twice as many as there are names
	shift uint8
}

type named struct {
	name       string
	head, tail uint64
	field      *field
}

func newFieldTable(fields map[string]*field) fieldTable {
	size := bits.Len(uint(2*len(fields) + 1))
	t := fieldTable{slots: make([]named, 1<<size), shift: uint8(64 - size)}
	for name, f := range fields {
		head, tail := ends(name)
		i := t.home(head, tail)
		for t.slots[i].field != nil {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = named{name, head, tail, f}
	}
	return t
}

// find is the field of that name, nil when there is none.
func (t *fieldTable) find(name string) *field {
	head, tail := ends(name)
	for i := t.home(head, tail); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.field == nil || s.head == head && s.tail == tail && len(s.name) == len(name) && (len(name) <= 16 || s.name == name) {
			return s.field
		}
	}
}

// home is where the search for a name begins.
func (t *fieldTable) home(head, tail uint64) int {
	return int((head ^ bits.RotateLeft64(tail, 31)) * 0x9E3779B97F4A7C15 >> t.shift)
}

// ends are the first and last bytes of a name: with its length they are all of
// a name of up to 16 bytes.
func ends(s string) (head, tail uint64) {
	n := len(s)
	switch {
	case n >= 8:
		return eight(s[:8]), eight(s[n-8:])
	case n >= 4:
		return four(s[:4]), four(s[n-4:])
	case n > 0:
		return uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16, 0
	}
	return 0, 0
}

func four(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

func eight(s string) uint64 { return four(s[:4]) | four(s[4:8])<<32 }
