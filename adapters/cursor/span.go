package cursor

import (
	"strings"

	"vitalwire/adapters/acom"
)

// maxSpan is how many digits a span of whole seconds may have: 300 years.
const maxSpan = 10

// Span is a number of seconds as a duration's decimal text, "" for a special value.
// One that is negative or beyond any session is refused.
func (c *Cursor) Span(n acom.Number, what string) string {
	whole, _, _ := strings.Cut(n.Text, ".")
	if strings.HasPrefix(n.Text, "-") || len(whole) > maxSpan {
		c.Fail("%s is no span of time", what)
		return ""
	}
	return n.Text
}
