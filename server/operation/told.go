package operation

import (
	"context"
	"io"
	"slices"

	"vitalwire/fhir"
	"vitalwire/server/audit"
)

// collects are the operations that give what is kept of patients: to the audit log they
// are searches.
var collects = map[string]bool{
	"everything": true, "lastn": true, "stats": true, "graph": true, "document": true, "graphql": true, "member-match": true,
}

// commits are those whose commit tells the audit log what they did.
var commits = map[string]bool{"expunge": true, "purge-history": true, "meta-add": true, "meta-delete": true}

// maxTold bounds what of a body the audit log keeps.
const maxTold = 16 << 10

// told gives the result of a call once the audit log has it. Of a stream it has the
// call before it begins, and whom it was about when it is done.
func (s *Set) told(ctx context.Context, r Request, result Result, failed error) (Result, error) {
	log := s.Engine.Audit
	code, c, ok := place(r.Path)
	if log == nil || !ok || s.byCode[code] == nil || failed == nil && commits[code] {
		return result, failed
	}
	d := audit.Done{Kind: audit.Operation, Code: code, Err: failed, Query: s.Engine.Base + "/" + r.Path}
	if collects[code] {
		d.Kind = audit.Collect
	}
	if failed == nil {
		d.Err = result.Err
	}
	if r.Query != "" {
		d.Query += "?" + audit.Shown(r.Query)
	}
	if r.Body != nil {
		if text := r.Body.AppendJSON(nil); len(text) <= maxTold {
			d.Query += "\r\n\r\n" + string(text)
		}
	}
	var about audit.Patients
	if c.Type == "Patient" && fhir.ValidID(c.ID) && failed == nil {
		about.Add(c.ID)
	}
	if failed == nil && d.Kind == audit.Collect {
		switch {
		case result.Resource != nil:
			about.Named(result.Resource.JSON())
		case result.JSON != nil:
			about.Named(result.JSON.AppendJSON(nil))
		}
	}
	d.Patients = about.IDs
	var err error
	if d.Decided, d.Known, err = s.decided(d); err != nil {
		return Result{}, err
	}
	if err := log.Tell(ctx, d); err != nil {
		return Result{}, err
	}
	if result.Stream != nil && failed == nil {
		result.Stream = s.telling(ctx, d, result.Stream)
	}
	return result, failed
}

// decided is what Consents decided of a call: of whom it gave something, they show some of
// what there is.
func (s *Set) decided(d audit.Done) ([]audit.Decided, int64, error) {
	return s.Engine.Decided("", d.Patients, func(string) bool { return true })
}

// telling is a stream that, when it is done, tells of the patients that it named beside
// those that were told before. What was sent cannot be taken back.
func (s *Set) telling(ctx context.Context, d audit.Done, stream func(io.Writer) error) func(io.Writer) error {
	before := d.Patients
	return func(w io.Writer) error {
		reading := &namesPatients{to: w}
		err := stream(reading)
		d.Patients = slices.DeleteFunc(reading.about.IDs, func(id string) bool { return slices.Contains(before, id) })
		if len(d.Patients) == 0 {
			return err
		}
		var failed error
		if d.Decided, d.Known, failed = s.decided(d); err == nil {
			err = failed
		}
		if told := s.Engine.Audit.Tell(ctx, d); err == nil {
			err = told
		}
		return err
	}
}

// namesPatients gathers the patients that are named in what is written.
type namesPatients struct {
	to    io.Writer
	about audit.Patients
	end   []byte // of what was written, as far as a name may begin in it
}

// Write passes on what is written.
func (n *namesPatients) Write(p []byte) (int, error) {
	const longest = 128 // a mark and an id
	text := append(n.end, p...)
	n.about.Named(text)
	n.end = append([]byte(nil), text[max(0, len(text)-longest):]...)
	return n.to.Write(p)
}
