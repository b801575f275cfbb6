package ivy450c

import (
	"bytes"

	"vitalwire/adapters"
	"vitalwire/adapters/cursor"
)

var start = []byte("\xFFANSAR-B ")

const (
	end      = 0xFE
	waves    = 400  // bytes of all waves
	longText = 2048 // more than any monitor has parameters for
)

// message is a whole message: its waves, and its text.
type message struct{ waves, text []byte }

// split finds the whole messages, and says what was passed over. The waves may have
// any byte in them, so that a message is found by its beginning alone.
func split(frame []byte) (list []message, skipped []adapters.Skip) {
	c := cursor.New(frame)
	skip := func(at int, reason string) { skipped = append(skipped, adapters.Skip{Offset: at, Reason: reason}) }
	for c.Left() > 0 {
		if next := bytes.Index(c.Peek(c.Left()), start); next != 0 {
			skip(c.Offset(), "no message begins here")
			if next < 0 {
				break
			}
			c.Take(next, "what is passed over")
		}
		at := c.Offset()
		c.Take(len(start), "start")
		if c.Left() < waves {
			skip(at, "the message ends before its waves do")
			break
		}
		body := cursor.New(c.Peek(waves + longText))
		m := message{waves: body.Take(waves, "waves")}
		text := body.Peek(longText)
		length := bytes.IndexFunc(text, func(r rune) bool { return r != '\r' && r != '\n' && (r < ' ' || r > '~') })
		if length < 0 || length != bytes.IndexByte(text, end) {
			skip(at, "the message is not whole: its text does not end with FE")
			continue // another may begin in what was taken for this one
		}
		m.text = body.Take(length, "text")
		list = append(list, m)
		c.Take(waves+length+1, "message")
	}
	return list, skipped
}
