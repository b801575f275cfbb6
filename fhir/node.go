package fhir

import (
	"math"
	"math/bits"
	"unsafe"
)

// Element is one JSON value of a resource. Members keep the order they were
// written in and numbers keep their text, so that what was stored is what is
// read back (R4 json §2.6.2: decimal precision is significant).
//
// An Element is not safe for concurrent change; concurrent reading is safe.
// The accessors take a nil Element as an absent one and answer with zero values.
//
// A resource is hundreds of Elements that live as long as one request, so their
// size is what the garbage collector's work comes from. A value has either text
// or children, hence one pointer with one length instead of a string and a slice:
// 16 bytes for 48. The functions of this file are the only ones that look at it.
type Element struct {
	ptr  unsafe.Pointer // Bool, Number, String: first byte of the text; Array, Object: first Member
	n    uint32         // bytes of text, or children
	kind Kind
	room uint8 // children there is room for: 1<<room; 0 where there is room for n
	form Form  // of a String
}

// maxLen is the longest text or list of an Element: 4 GiB.
const maxLen = math.MaxUint32

// asText is data as a string, which nobody may change any more.
func asText(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) } //nolint:gosec // what this file is for

// setText makes the element a String, Number or Bool.
func (e *Element) setText(kind Kind, text string) {
	if uint64(len(text)) > maxLen {
		panic("fhir: a text of more than 4 GiB")
	}
	e.ptr, e.n = unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)) //nolint:gosec // what this file is for
	e.kind, e.room, e.form = kind, 0, AnyForm
}

// setKids makes the element an Array or Object of kids, which it keeps. They
// have no room to grow: what is behind them may be somebody else's.
func (e *Element) setKids(kind Kind, kids []Member) {
	if uint64(len(kids)) > maxLen {
		panic("fhir: a list of more than 4 Gi items")
	}
	e.ptr, e.n = unsafe.Pointer(unsafe.SliceData(kids)), uint32(len(kids)) //nolint:gosec // what this file is for
	e.kind, e.room, e.form = kind, 0, AnyForm
}

// text is what a String, Number or Bool says; e is not nil.
func (e *Element) text() string {
	if e.kind >= Array {
		return ""
	}
	return unsafe.String((*byte)(e.ptr), e.n) //nolint:gosec // what this file is for
}

// kids are the children of an Array or Object; e is not nil.
func (e *Element) kids() []Member {
	if e.kind < Array {
		return nil
	}
	return unsafe.Slice((*Member)(e.ptr), e.n) //nolint:gosec // what this file is for
}

// push adds a child behind the others.
func (e *Element) push(m Member) {
	kids := e.kids()
	if e.room == 0 || len(kids) == 1<<e.room {
		room := max(bits.Len(uint(len(kids))), 2) // more than there are now
		grown := make([]Member, len(kids), 1<<room)
		copy(grown, kids)
		e.setKids(e.kind, grown)
		e.room = uint8(room)
	}
	kids = unsafe.Slice((*Member)(e.ptr), 1<<e.room) //nolint:gosec // what this file is for
	kids[e.n] = m
	e.n++
}
