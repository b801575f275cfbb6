package xml

import (
	"strconv"
	"strings"
)

// trail is the way from the resource to the current element, for expressions.
type trail struct{ steps []step }

type step struct {
	name  string
	index int // -1 where the element does not repeat
}

func (t *trail) push(name string, index int) { t.steps = append(t.steps, step{name, index}) }

func (t *trail) pop() { t.steps = t.steps[:len(t.steps)-1] }

// expression is the FHIRPath of the current element, or of a child of it.
func (t *trail) expression(child string) string {
	var b strings.Builder
	for i, s := range t.steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	if child != "" {
		b.WriteString("." + child)
	}
	return b.String()
}
