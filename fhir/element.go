package fhir

// Kind is the JSON kind of an Element.
type Kind uint8

// The kinds of JSON value.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "array", "object"}[k]
}

// Element is one JSON value of a resource. Members keep the order they were
// written in and numbers keep their text, so that what was stored is what is
// read back (R4 json §2.6.2: decimal precision is significant).
//
// An Element is not safe for concurrent change; concurrent reading is safe.
// The accessors take a nil Element as an absent one and answer with zero values.
type Element struct {
	kind Kind
	text string   // Bool, Number: as written; String: unescaped
	kids []Member // Array: items without names; Object: members in order
}

// Member is a named child of an Object, or an item of an Array (Name "").
type Member struct {
	Name  string
	Value *Element
}

// NewString makes a JSON string.
func NewString(s string) *Element { return &Element{kind: String, text: s} }

// NewNumber makes a JSON number from its text, which must be a JSON number.
func NewNumber(text string) *Element { return &Element{kind: Number, text: text} }

// NewBool makes a JSON boolean.
func NewBool(b bool) *Element {
	if b {
		return &Element{kind: Bool, text: "true"}
	}
	return &Element{kind: Bool, text: "false"}
}

// NewNull makes a JSON null.
func NewNull() *Element { return &Element{kind: Null} }

// NewArray makes a JSON array of the items.
func NewArray(items ...*Element) *Element {
	e := &Element{kind: Array, kids: make([]Member, 0, len(items))}
	for _, item := range items {
		e.kids = append(e.kids, Member{Value: item})
	}
	return e
}

// NewObject makes a JSON object of the members, in order.
func NewObject(members ...Member) *Element { return &Element{kind: Object, kids: members} }

// M is a shorthand for a Member.
func M(name string, value *Element) Member { return Member{Name: name, Value: value} }

// S is a shorthand for a Member with a string value.
func S(name, value string) Member { return Member{Name: name, Value: NewString(value)} }

// Kind tells which JSON kind the element is; Null for an absent one.
func (e *Element) Kind() Kind {
	if e == nil {
		return Null
	}
	return e.kind
}

// Is reports whether the element is present and of kind k.
func (e *Element) Is(k Kind) bool { return e != nil && e.kind == k }

// Text is a string's value, a number as written, or "true" / "false"; "" for all else.
func (e *Element) Text() string {
	if e == nil {
		return ""
	}
	return e.text
}

// Len is the number of items or members.
func (e *Element) Len() int {
	if e == nil {
		return 0
	}
	return len(e.kids)
}

// At is item or member value i; nil when out of range.
func (e *Element) At(i int) *Element {
	if e == nil || i < 0 || i >= len(e.kids) {
		return nil
	}
	return e.kids[i].Value
}

// Members are the children in order; the caller must not change the slice.
func (e *Element) Members() []Member {
	if e == nil {
		return nil
	}
	return e.kids
}

// Get is the member of that name, nil when absent or when e is no object.
func (e *Element) Get(name string) *Element {
	if e == nil || e.kind != Object {
		return nil
	}
	for i := range e.kids {
		if e.kids[i].Name == name {
			return e.kids[i].Value
		}
	}
	return nil
}

// Path follows member names; where it meets an array it takes the first item.
func (e *Element) Path(names ...string) *Element {
	for _, name := range names {
		if e.Is(Array) {
			e = e.At(0)
		}
		e = e.Get(name)
	}
	return e
}

// Items are the items of an array, the element itself when it is any other
// present value, and nothing when it is absent.
func (e *Element) Items() []*Element {
	switch {
	case e == nil:
		return nil
	case e.kind != Array:
		return []*Element{e}
	}
	items := make([]*Element, len(e.kids))
	for i := range e.kids {
		items[i] = e.kids[i].Value
	}
	return items
}

// Set replaces the member of that name or appends it; a nil value removes it.
func (e *Element) Set(name string, value *Element) {
	for i := range e.kids {
		if e.kids[i].Name == name {
			if value == nil {
				e.kids = append(e.kids[:i:i], e.kids[i+1:]...)
			} else {
				e.kids[i].Value = value
			}
			return
		}
	}
	if value != nil {
		e.kids = append(e.kids, Member{Name: name, Value: value})
	}
}

// Append adds items to an array.
func (e *Element) Append(items ...*Element) {
	for _, item := range items {
		e.kids = append(e.kids, Member{Value: item})
	}
}

// Clone is a deep copy.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	c := &Element{kind: e.kind, text: e.text}
	if e.kids != nil {
		c.kids = make([]Member, len(e.kids))
		for i, kid := range e.kids {
			c.kids[i] = Member{Name: kid.Name, Value: kid.Value.Clone()}
		}
	}
	return c
}

// Equal reports whether both are the same JSON with members in the same order;
// numbers are equal only when written alike (1.50 is not 1.5).
func (e *Element) Equal(o *Element) bool {
	if e == nil || o == nil {
		return e == o
	}
	if e.kind != o.kind || e.text != o.text || len(e.kids) != len(o.kids) {
		return false
	}
	for i := range e.kids {
		if e.kids[i].Name != o.kids[i].Name || !e.kids[i].Value.Equal(o.kids[i].Value) {
			return false
		}
	}
	return true
}
