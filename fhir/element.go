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

// Form is what is known of the characters of a string without looking again.
type Form uint8

// The forms, each narrower than the one before.
const (
	AnyForm Form = iota
	Line         // U+0020 to U+007F, nothing that JSON escapes, not empty
	Word         // the same without blanks
)

// Member is a named child of an Object, or an item of an Array (Name "").
type Member struct {
	Name  string
	Value *Element
}

// NewString makes a JSON string.
func NewString(s string) *Element { return newText(String, s) }

// NewNumber makes a JSON number from its text, which must be a JSON number.
func NewNumber(text string) *Element { return newText(Number, text) }

// NewBool makes a JSON boolean.
func NewBool(b bool) *Element {
	if b {
		return newText(Bool, "true")
	}
	return newText(Bool, "false")
}

func newText(kind Kind, text string) *Element {
	e := new(Element)
	e.setText(kind, text)
	return e
}

// NewNull makes a JSON null.
func NewNull() *Element { return &Element{kind: Null} }

// NewArray makes a JSON array of the items.
func NewArray(items ...*Element) *Element {
	kids := make([]Member, len(items))
	for i, item := range items {
		kids[i].Value = item
	}
	e := new(Element)
	e.setKids(Array, kids)
	return e
}

// NewObject makes a JSON object of the members, in order; it keeps the slice.
func NewObject(members ...Member) *Element {
	e := new(Element)
	e.setKids(Object, members)
	return e
}

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
	return e.text()
}

// Form tells what characters a string was seen to have when it was parsed;
// AnyForm where nobody looked.
func (e *Element) Form() Form {
	if e == nil {
		return AnyForm
	}
	return e.form
}

// Len is the number of items or members.
func (e *Element) Len() int {
	if e == nil {
		return 0
	}
	return len(e.kids())
}

// At is item or member value i; nil when out of range.
func (e *Element) At(i int) *Element {
	if e == nil {
		return nil
	}
	if kids := e.kids(); i >= 0 && i < len(kids) {
		return kids[i].Value
	}
	return nil
}

// Members are the children in order; the caller must not change the slice.
func (e *Element) Members() []Member {
	if e == nil {
		return nil
	}
	return e.kids()
}

// Get is the member of that name, nil when absent or when e is no object.
func (e *Element) Get(name string) *Element {
	if e == nil || e.kind != Object {
		return nil
	}
	kids := e.kids()
	for i := range kids {
		if kids[i].Name == name {
			return kids[i].Value
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
	kids := e.kids()
	items := make([]*Element, len(kids))
	for i := range kids {
		items[i] = kids[i].Value
	}
	return items
}

// Set replaces the member of that name or appends it; a nil value removes it.
// What Members gave before keeps its members, but for a value replaced.
func (e *Element) Set(name string, value *Element) {
	kids := e.kids()
	for i := range kids {
		if kids[i].Name == name {
			if value == nil {
				e.setKids(e.kind, append(kids[:i:i], kids[i+1:]...))
			} else {
				kids[i].Value = value
			}
			return
		}
	}
	if value != nil {
		e.push(Member{Name: name, Value: value})
	}
}

// Append adds items to an array.
func (e *Element) Append(items ...*Element) {
	for _, item := range items {
		e.push(Member{Value: item})
	}
}

// Equal reports whether both are the same JSON with members in the same order;
// numbers are equal only when written alike (1.50 is not 1.5).
func (e *Element) Equal(o *Element) bool {
	if e == nil || o == nil {
		return e == o
	}
	if e.kind != o.kind || e.n != o.n {
		return false
	}
	if e.kind < Array {
		return e.text() == o.text()
	}
	mine, theirs := e.kids(), o.kids()
	for i := range mine {
		if mine[i].Name != theirs[i].Name || !mine[i].Value.Equal(theirs[i].Value) {
			return false
		}
	}
	return true
}
