package ingest

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// Look is a frame as an operator looks at it: its bytes beside what its adapter makes of
// them now.
type Look struct {
	ID         string     `json:"id"`
	Submission Submission `json:"submission"` // without Bytes
	ReceivedAt string     `json:"receivedAt"`
	// Length of the frame in bytes; Raw are its lines of 16 from the one that was asked for.
	Length int       `json:"length"`
	Raw    []RawLine `json:"raw"`
	// Segments of an HL7 v2 message, Text of any other that is text.
	Segments []Segment `json:"segments,omitempty"`
	Text     string    `json:"text,omitempty"`
	// Refused says why it was refused, or cannot be read now.
	Refused *Fault `json:"refused,omitempty"`
	// Decoded are the facts that the adapter finds now, field by field; Skipped are records
	// that give none, by their place.
	Decoded []acom.Report   `json:"decoded,omitempty"`
	Skipped []adapters.Skip `json:"skipped,omitempty"`
	// Explained is what a template says of its own reading, field by field with the place of
	// each in the input.
	Explained any `json:"explained,omitempty"`
	// Observations and Waiting are what a stored frame became.
	Observations []string `json:"observations,omitempty"`
	Waiting      []string `json:"waiting,omitempty"`
	// Why is what keeps a waiting reading from its patient, Time when it is of.
	Why  string `json:"why,omitempty"`
	Time string `json:"time,omitempty"`
}

// RawLine is 16 bytes of a frame, in hex and as ASCII.
type RawLine struct {
	Offset int    `json:"offset"`
	Hex    string `json:"hex"`
	ASCII  string `json:"ascii"`
}

// Segment is one of an HL7 v2 message.
type Segment struct {
	// Offset of its first byte in the frame.
	Offset int     `json:"offset"`
	Name   string  `json:"name"`
	Fields []Field `json:"fields"`
}

// Field is one that is not empty, such as OBX-5, as it was sent.
type Field struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// Fault says where and why a frame is refused.
type Fault struct {
	Offset int    `json:"offset"`
	Reason string `json:"reason"`
	// Times counts how often it was, Now says what is wrong with it now, "" when nothing.
	Times int    `json:"times,omitempty"`
	Now   string `json:"now,omitempty"`
}

const (
	// mostRaw bounds the bytes that one look shows in hex.
	mostRaw = 16 << 10
	// mostText bounds the bytes that it shows as text, or as segments.
	mostText = 256 << 10
)

// LookRefused shows a refused frame, its hex from a byte on. Errors: NotFound.
func (s *Service) LookRefused(ctx context.Context, id string, from int) (look Look, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		var one Refused
		_, ok, err := readRecord(r, refused, id, &one)
		if err != nil {
			return err
		}
		if !ok {
			return fhir.NotFound(fhir.Key{Type: "refused", ID: id})
		}
		look = Look{ID: id, Submission: one.Submission, ReceivedAt: one.ReceivedAt, Refused: &Fault{Offset: one.Offset, Reason: one.Reason, Times: one.Times}}
		return s.look(r, &look, from)
	})
	return look, err
}

// LookFrame shows a stored frame. Errors: NotFound.
func (s *Service) LookFrame(ctx context.Context, id string, from int) (look Look, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		var entry kept
		_, ok, err := readRecord(r, frames, id, &entry)
		if err != nil {
			return err
		}
		if !ok {
			return fhir.NotFound(fhir.Key{Type: "frame", ID: id})
		}
		shown := entry.shown(id)
		look = Look{ID: id, Submission: entry.Submission, ReceivedAt: entry.Received, Observations: shown.Observations, Waiting: shown.Waiting}
		if look.Submission.Bytes, err = bytesOf(r, entry.Hash); err != nil {
			return err
		}
		return s.look(r, &look, from)
	})
	return look, err
}

// LookWaiting shows the frame of a reading in quarantine, and the reading. Errors: NotFound.
func (s *Service) LookWaiting(ctx context.Context, id string, from int) (look Look, err error) {
	err = s.Store.View(ctx, func(r store.Reader) error {
		var w waiting
		_, ok, err := readRecord(r, quarantine, id, &w)
		if err != nil {
			return err
		}
		if !ok {
			return fhir.NotFound(fhir.Key{Type: "quarantine", ID: id})
		}
		look = Look{ID: id, ReceivedAt: w.Received, Waiting: []string{id}, Time: w.Time,
			Submission: Submission{Adapter: w.Adapter, Device: w.Device, Gateway: w.Gateway}}
		var entry kept
		if _, known, err := readRecord(r, frames, w.Kept, &entry); err != nil {
			return err
		} else if known {
			look.Submission = entry.Submission
		}
		if look.Submission.Bytes, err = bytesOf(r, w.Frame); err != nil {
			return err
		}
		if look.Why, err = s.why(r, w); err != nil {
			return err
		}
		return s.look(r, &look, from)
	})
	return look, err
}

// why says what keeps a waiting reading from its patient.
func (s *Service) why(r store.Reader, w waiting) (string, error) {
	if admitted, err := s.admitted(r, w.Names); err != nil || !admitted {
		return "nobody has approved the device", err
	}
	t, err := parseTime(w.Time)
	if err != nil {
		return "", err
	}
	said, unknown, err := s.witnesses(r, w.Names, w.Report, t)
	switch {
	case err != nil:
		return "", err
	case len(said) == 0 && len(unknown) > 0:
		return "no Patient has the identifier that its message names, and no association covers its time", nil
	case len(said) == 0:
		return "no association of the device, or of its bed, covers its time", nil
	case len(said) > 1:
		return "its witnesses disagree: " + strings.Join(said, ", "), nil
	}
	contradicted, err := contradicts(r, said[0], unknown)
	if contradicted {
		return "its message names another identifier than " + said[0] + " has", err
	}
	return "nothing: it can be released", err
}

// look fills in the bytes, and what the adapter makes of them now.
func (s *Service) look(r store.Reader, look *Look, from int) error {
	data := look.Submission.Bytes
	look.Submission.Bytes = nil
	look.Length, look.Raw = len(data), rawLines(data, from)
	switch head := data[:min(len(data), mostText)]; {
	case strings.HasPrefix(strings.TrimLeft(string(head[:min(len(head), 64)]), "\x0b\r\n "), "MSH"):
		look.Segments = segments(head)
	case printable(head):
		look.Text = string(head)
	}
	adapter, err := s.adapter(look.Submission.Adapter)
	if err != nil {
		look.now(&adapters.Error{Reason: "there is no such adapter now"})
		return nil //nolint:nilerr // what is looked at is at fault, not the looking
	}
	sub := look.Submission
	sub.Bytes = data
	at, err := parseTime(look.ReceivedAt)
	if err != nil {
		return err
	}
	f, err := s.frame(sub, at)
	if err != nil {
		look.now(&adapters.Error{Reason: err.Error()})
		return nil //nolint:nilerr // as above
	}
	if s.Explain != nil {
		if trial, ok := s.Explain(adapter.Name, data); ok {
			look.Explained = trial
		}
	}
	memory := &memory{reader: r, adapter: adapter.Name}
	result, err := adapter.New(memory).Decode(f.Frame)
	var bad *adapters.Error
	if errors.As(err, &bad) {
		look.now(bad)
		return memory.err
	}
	look.Decoded, look.Skipped = result.Reports, result.Skipped
	return errors.Join(memory.err, err)
}

func (l *Look) now(bad *adapters.Error) {
	if l.Refused == nil {
		l.Refused = &Fault{Offset: bad.Offset, Reason: bad.Reason}
	}
	l.Refused.Now = bad.Error()
}

func rawLines(data []byte, from int) []RawLine {
	lines := []RawLine{}
	from = min(max(0, from)&^15, len(data))
	for at := from; at < len(data) && at < from+mostRaw; at += 16 {
		row := data[at:min(at+16, len(data))]
		text := []byte(strings.Repeat(".", len(row)))
		for i, b := range row {
			if b >= ' ' && b <= '~' {
				text[i] = b
			}
		}
		lines = append(lines, RawLine{Offset: at, Hex: strings.TrimSpace(spaced(hex.EncodeToString(row))), ASCII: string(text)})
	}
	return lines
}

func spaced(digits string) string {
	var b strings.Builder
	for i := 0; i+1 < len(digits); i += 2 {
		b.WriteString(digits[i:i+2] + " ")
	}
	return b.String()
}

// segments cuts a message as HL7 v2 has it; it is for the eye, so nothing is refused.
func segments(data []byte) (list []Segment) {
	separator := byte('|')
	at, whole := 0, string(data)
	for _, line := range strings.FieldsFunc(whole, func(c rune) bool { return c == '\r' || c == '\n' || c == '\x0b' || c == '\x1c' }) {
		at += strings.Index(whole[at:], line)
		segment := Segment{Offset: at, Name: line[:min(3, len(line))]}
		at += len(line)
		if segment.Name == "MSH" && len(line) > 3 {
			separator = line[3]
		}
		for i, text := range strings.Split(line, string(separator))[1:] {
			number := i + 1
			if segment.Name == "MSH" { // MSH-1 is the separator itself
				number++
			}
			if text != "" {
				segment.Fields = append(segment.Fields, Field{Number: number, Text: strings.ToValidUTF8(text, "\uFFFD")})
			}
		}
		list = append(list, segment)
	}
	return list
}

// printable reports whether bytes are text to be shown.
func printable(data []byte) bool {
	if !utf8.Valid(data) && len(data) < mostText {
		return false
	}
	return len(data) > 0 && !strings.ContainsFunc(string(data), func(c rune) bool { return unicode.IsControl(c) && c != '\r' && c != '\n' && c != '\t' })
}
