package hl7pcd01

import (
	"fmt"
	"time"

	"vitalwire/adapters/acom"
	"vitalwire/adapters/hl7v2"
)

// when is the time of a result: OBX-14, else OBR-7, else MSH-7 (PCD TF-2, B.8). An
// offset that MSH-7 has holds for the times of the message that have none (HL7 2.6,
// 2.15.9.7). notes flag a clock that is far from the sender's.
func (r *reader) when(obx, obr *hl7v2.Segment) (t acom.Time, notes []string) {
	own := obx.Field(14)
	if r.last.wall != nil && r.last.note == "" && own.Raw() == r.last.text {
		return acom.Time{Wall: r.last.wall}, nil // the rows of a message mostly have one time
	}
	for _, p := range [...]hl7v2.Part{own, obr.Field(7), r.header.Field(7)} {
		text := p.Component(1).Text()
		if text == "" {
			continue
		}
		if r.last.text != text {
			r.last = r.moment(text)
		}
		if r.last.wall == nil {
			notes = append(notes, "A time was sent that is none; the next best was taken.")
			continue
		}
		if r.last.note != "" {
			notes = append(notes, r.last.note)
		}
		return acom.Time{Wall: r.last.wall}, notes
	}
	return t, notes
}

// moment is a time of the message as it was read; wall is nil for what is none.
type moment struct {
	text string
	wall *acom.Wall
	note string
}

func (r *reader) moment(text string) moment {
	sent, ok := hl7v2.ParseTime(text)
	if !ok {
		return moment{text: text}
	}
	m := moment{text: text, wall: r.wall(sent)}
	if r.sent.Parts > 3 && sent.Parts > 3 {
		if apart := instant(sent).Sub(instant(r.sent)).Abs(); apart > 24*time.Hour {
			m.note = fmt.Sprintf("The clock of the device and that of the message, %s, are %d days apart.", r.header.Field(7).Component(1).Text(), int(apart.Hours()/24))
		}
	}
	return m
}

// wall is a time with the offset that holds for it.
func (r *reader) wall(t hl7v2.Time) *acom.Wall {
	w := &acom.Wall{Year: t.Year, Month: t.Month, Day: t.Day, Hour: t.Hour, Minute: t.Minute, Second: min(t.Second, 59), Fraction: t.Fraction, DateOnly: t.Parts <= 3}
	w.OffsetMinutes = t.Offset
	if w.OffsetMinutes == nil && t.Parts > 3 {
		w.OffsetMinutes = r.sent.Offset
	}
	return w
}

// instant is roughly when it was, for telling days apart.
func instant(t hl7v2.Time) time.Time {
	at := time.Date(t.Year, time.Month(max(t.Month, 1)), max(t.Day, 1), t.Hour, t.Minute, t.Second, 0, time.UTC)
	if t.Offset != nil {
		at = at.Add(-time.Duration(*t.Offset) * time.Minute)
	}
	return at
}
