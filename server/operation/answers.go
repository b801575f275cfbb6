package operation

import (
	"context"
	"io"
	"strconv"
	"time"

	"vitalwire/fhir"
)

// newBundle begins a Bundle of what there was at a position.
func newBundle(typ string, at int64) *fhir.Element {
	return fhir.NewObject(fhir.S("resourceType", "Bundle"), fhir.S("type", typ), fhir.S("timestamp", fhir.FormatInstant(time.UnixMicro(at))))
}

func (s *Set) link(relation, url string) *fhir.Element {
	return fhir.NewObject(fhir.S("relation", relation), fhir.S("url", s.Engine.Base+"/"+url))
}

// entry is an entry of a searchset.
func (s *Set) entry(key fhir.Key, resource *fhir.Element, mode string) *fhir.Element {
	return fhir.NewObject(fhir.S("fullUrl", s.Engine.Base+"/"+key.String()), fhir.M("resource", resource),
		fhir.M("search", fhir.NewObject(fhir.S("mode", mode))))
}

// flushAt is how many bytes of a stream are gathered before they are written.
const flushAt = 64 << 10

// stream writes the whole answer as one bundle, a batch at a time. The number of
// matches and the labels stand at its end: they are known only then.
func (e *everything) stream(ctx context.Context, cursor everythingCursor) func(io.Writer) error {
	return func(w io.Writer) error {
		b := newBundle("searchset", e.at)
		b.Set("link", fhir.NewArray(e.set.link("self", e.call.url("everything"))))
		text := b.AppendJSON(nil)
		text = text[:len(text)-1] // the brace
		matches, entries, mark := 0, 0, e.set.Engine.Watermark()
		err := e.each(ctx, &cursor, func() int { return batchSize }, func(found entry) error {
			v, mode := found.version, found.mode
			if err := mark.Version(v); err != nil {
				return err
			}
			if mode == "match" {
				matches++
			}
			lead := `,{"fullUrl":`
			if entries++; entries == 1 {
				lead = `,"entry":[{"fullUrl":`
			}
			text = append(text, lead...)
			text = fhir.AppendString(text, e.set.Engine.Base+"/"+v.Key.String())
			text = v.AppendJSON(append(text, `,"resource":`...))
			text = append(text, `,"search":{"mode":"`+mode+`"}}`...)
			if len(text) < flushAt {
				return nil
			}
			_, err := w.Write(text)
			text = text[:0]
			return err
		})
		if err != nil {
			return err
		}
		if entries > 0 {
			text = append(text, ']')
		}
		if meta := mark.Meta(); meta != nil {
			text = meta.AppendJSON(append(text, `,"meta":`...))
		}
		_, err = w.Write(append(text, `,"total":`+strconv.Itoa(matches)+"}"...))
		return err
	}
}
