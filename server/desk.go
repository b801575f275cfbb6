package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"vitalwire/adapters"
	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/server/audit"
	"vitalwire/server/ingest"
)

// desk answers the pages about refused frames and waiting readings with what the API below
// /ingest does, and audits it by the same names.
type desk struct {
	frames *ingest.Service
	audit  *audit.Log
}

var _ auth.Desk = desk{}

// mostTried is how many refused frames one form tries.
const mostTried = 100

// told does something and has the audit log keep that it was done, as the API does: where
// nothing can be audited it is not done.
func (d desk) told(ctx context.Context, name, what string, do func() error) error {
	if err := d.audit.Ready(); err != nil {
		return err
	}
	err := do()
	if fhir.SituationOf(err) == fhir.SituationNotFound {
		err = auth.ErrNoFrame
	}
	return errors.Join(err, d.audit.Administered(ctx, name, what, err))
}

// Refused lists refused frames.
func (d desk) Refused(ctx context.Context, after string, count int) (list []auth.DeskFrame, err error) {
	err = d.told(ctx, "listRefused", "/ingest/refused", func() error {
		page, err := d.frames.Refusals(ctx, after, count)
		for _, one := range page {
			list = append(list, auth.DeskFrame{ID: one.ID, Adapter: one.Submission.Adapter, Device: one.Submission.Device, Sender: one.Submission.Sender,
				Received: one.ReceivedAt, Reason: one.Reason, Times: one.Times})
		}
		return err
	})
	return list, err
}

// Waiting lists the readings in quarantine.
func (d desk) Waiting(ctx context.Context, device, after string, count int) (list []auth.DeskFrame, err error) {
	err = d.told(ctx, "listQuarantine", "/ingest/quarantine", func() error {
		page, err := d.frames.Quarantine(ctx, device, after, count)
		for _, one := range page {
			list = append(list, auth.DeskFrame{ID: one.ID, Adapter: one.Adapter, Device: one.Device, Sender: one.Gateway, Received: one.ReceivedAt, Time: one.Time,
				What: whatOf(one)})
		}
		return err
	})
	return list, err
}

// whatOf says what a waiting report is of.
func whatOf(w ingest.Waiting) string {
	text := ""
	for i, m := range w.Report.Measurements {
		if i == 3 {
			return text + " and more"
		}
		if i > 0 {
			text += ", "
		}
		if known, ok := term.LookupMDC(uint32(m.Type)); ok {
			text += known.Display
		} else {
			text += "MDC code " + strconv.FormatUint(uint64(m.Type), 10)
		}
	}
	if text == "" {
		return "a report without readings"
	}
	return text
}

// Look shows a frame.
func (d desk) Look(ctx context.Context, waiting bool, id string, from int) (shown *auth.DeskLook, err error) {
	by := d.frames.LookRefused
	if waiting {
		by = d.frames.LookWaiting
	}
	err = d.told(ctx, "frame-looked-at", id, func() error {
		look, err := by(ctx, id, from)
		if err == nil {
			shown, err = shownOf(look)
		}
		return err
	})
	return shown, err
}

func shownOf(look ingest.Look) (*auth.DeskLook, error) {
	sub := look.Submission
	shown := &auth.DeskLook{Offset: -1, Why: look.Why, Length: look.Length, Text: look.Text,
		DeskFrame: auth.DeskFrame{ID: look.ID, Adapter: sub.Adapter, Device: sub.Device, Sender: sub.Sender, Received: look.ReceivedAt, Time: look.Time}}
	if fault := look.Refused; fault != nil {
		shown.Now = fault.Now
		if fault.Times > 0 { // it is kept as refused
			shown.Offset, shown.Reason, shown.Times = fault.Offset, fault.Reason, fault.Times
		}
	}
	for _, row := range look.Raw {
		shown.Raw = append(shown.Raw, auth.DeskRow{Offset: row.Offset, Hex: row.Hex, ASCII: row.ASCII, Fault: shown.Offset >= row.Offset && shown.Offset < row.Offset+16})
		if shown.More = row.Offset + 16; shown.More >= look.Length {
			shown.More = 0
		}
	}
	for _, s := range look.Segments {
		segment := auth.DeskSegment{Name: s.Name, Offset: s.Offset}
		for _, f := range s.Fields {
			segment.Fields = append(segment.Fields, auth.DeskField{Name: strconv.Itoa(f.Number), Text: f.Text})
		}
		shown.Segments = append(shown.Segments, segment)
	}
	read := struct {
		Read      any             `json:"read,omitempty"`
		Skipped   []adapters.Skip `json:"skipped,omitempty"`
		Explained any             `json:"explained,omitempty"`
	}{Skipped: look.Skipped, Explained: look.Explained}
	if len(look.Decoded) > 0 {
		read.Read = look.Decoded
	}
	data, err := json.Marshal(read)
	if err == nil {
		shown.Fields, shown.Cut, err = flat(data)
	}
	return shown, err
}

// mostFields bounds the decoded fields that a page shows.
const mostFields = 500

// flat lists the values of JSON in its order, each by its path; cut when there are more than
// a page shows. Empty ones are left out.
func flat(data []byte) (fields []auth.DeskField, cut bool, err error) {
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	var walk func(path string) error
	walk = func(path string) error {
		token, err := in.Token()
		if err != nil {
			return err
		}
		open, nested := token.(json.Delim)
		if !nested {
			switch text := fmt.Sprint(token); {
			case token == nil || text == "" || text == "0" || text == "false":
			case len(fields) == mostFields:
				cut = true
			default:
				fields = append(fields, auth.DeskField{Name: path, Text: text})
			}
			return nil
		}
		for i := 0; in.More(); i++ {
			inner := path + "[" + strconv.Itoa(i) + "]"
			if open == '{' {
				key, err := in.Token()
				if err != nil {
					return err
				}
				inner = fmt.Sprint(key)
				if path != "" {
					inner = path + "." + inner
				}
			}
			if err := walk(inner); err != nil {
				return err
			}
		}
		_, err = in.Token()
		return err
	}
	err = walk("")
	return fields, cut, err
}

// Redrive tries refused frames again.
func (d desk) Redrive(ctx context.Context, by auth.DeskSelection, dry bool) (tried []auth.DeskTried, next string, err error) {
	name := "frames-redriven"
	if dry {
		name = "redrive"
	}
	err = d.told(ctx, name, by.Adapter+by.ID, func() (err error) {
		var list []ingest.Redriven
		if by.ID != "" {
			var one ingest.Redriven
			one, err = d.frames.RedriveOne(ctx, by.ID, dry)
			list = []ingest.Redriven{one}
		} else {
			list, next, err = d.frames.Redrive(ctx, ingest.Refusal{Adapter: by.Adapter, Device: by.Device, Reason: by.Reason}, dry, by.After, mostTried)
		}
		for _, one := range list {
			tried = append(tried, auth.DeskTried{ID: one.ID, Reason: one.Reason, Taken: one.Taken, Readings: one.Readings})
		}
		return err
	})
	return tried, next, err
}

// Associate keeps who wore a device or lay in a bed.
func (d desk) Associate(ctx context.Context, a auth.DeskAssociation) (released int, err error) {
	err = d.told(ctx, "associate", "/ingest/associations", func() (err error) {
		_, _, released, err = d.frames.Associate(ctx, ingest.Association{Device: a.Device, Bed: a.Bed, Patient: a.Patient, Start: a.Start, End: a.End})
		return err
	})
	return released, err
}

// Release stores what has a patient by now.
func (d desk) Release(ctx context.Context, device string) (released int, err error) {
	err = d.told(ctx, "release", "/ingest/quarantine/release", func() (err error) {
		released, err = d.frames.Release(ctx, device)
		return err
	})
	return released, err
}
