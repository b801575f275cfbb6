package fhir

import "strings"

// Clone is a deep copy. It shares nothing with e, not even text: what is kept of
// a large document must not keep the document.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	var c cloner
	c.measure(e)
	c.text.Grow(c.bytes)
	c.elements = make([]Element, c.count)
	c.members = make([]Member, c.count) // one too many for the root, as it may be
	return c.copy(e)
}

// cloner copies into one allocation for each kind of thing.
type cloner struct {
	bytes, count int
	text         strings.Builder
	elements     []Element
	members      []Member
}

func (c *cloner) measure(e *Element) {
	if e == nil {
		return
	}
	c.count++
	c.bytes += len(e.text())
	for _, m := range e.kids() {
		c.bytes += len(m.Name)
		c.measure(m.Value)
	}
}

func (c *cloner) copy(e *Element) *Element {
	if e == nil {
		return nil
	}
	d := &c.elements[0]
	c.elements = c.elements[1:]
	if e.kind < Array {
		d.setText(e.kind, c.string(e.text()))
		d.form = e.form
		return d
	}
	n := e.Len()
	kids := c.members[:n:n]
	c.members = c.members[n:]
	for i, m := range e.kids() {
		kids[i] = Member{Name: c.string(m.Name), Value: c.copy(m.Value)}
	}
	d.setKids(e.kind, kids)
	return d
}

func (c *cloner) string(s string) string {
	from := c.text.Len()
	c.text.WriteString(s)
	return c.text.String()[from:]
}
