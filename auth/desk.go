package auth

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"vitalwire/fhir"
)

// Desk is what the pages about frames that were refused or that wait ask and have done: the
// server answers as whoever the context says (With), and audits it as its API does. Errors
// that a person can mend are *fhir.Error; ErrNoFrame says that there is no such frame.
type Desk interface {
	// Refused and Waiting are pages of at most count, by id after one of them.
	Refused(ctx context.Context, after string, count int) ([]DeskFrame, error)
	Waiting(ctx context.Context, device, after string, count int) ([]DeskFrame, error)
	// Look shows a frame, its bytes from one on.
	Look(ctx context.Context, waiting bool, id string, from int) (*DeskLook, error)
	// Redrive tries refused frames again, or with dry says what would become of them.
	Redrive(ctx context.Context, by DeskSelection, dry bool) ([]DeskTried, string, error)
	// Associate says who wore a device, or lay in a bed, and counts the readings that this
	// releases.
	Associate(ctx context.Context, a DeskAssociation) (released int, err error)
	// Release stores what waits and has a patient by now, of a device or, for "", of all.
	Release(ctx context.Context, device string) (released int, err error)
}

// ErrNoFrame says that a frame is not, or no longer, there.
var ErrNoFrame = errors.New("there is no such frame")

// DeskFrame is a refused frame, or a reading that waits, in a list.
type DeskFrame struct {
	ID, Adapter, Device, Sender, Received string
	// Reason why it was refused, and how often; of a reading that waits its time and what
	// it is of.
	Reason string
	Times  int
	Time   string
	What   string
}

// DeskLook is a frame with what its adapter makes of it.
type DeskLook struct {
	DeskFrame
	// Offset of the byte that was at fault, -1 for none. Now is what is wrong with the frame
	// now, "" when nothing is. Why is what keeps a reading from its patient.
	Offset   int
	Now, Why string
	Length   int
	Raw      []DeskRow
	// More is where the bytes go on, 0 at their end.
	More int
	// Segments of an HL7 v2 message, or the lines of another text.
	Segments []DeskSegment
	Text     string
	// Fields that were decoded, by their place in what was read; Cut when there are more.
	Fields []DeskField
	Cut    bool
}

// DeskRow is some bytes in hex and as ASCII.
type DeskRow struct {
	Offset     int
	Hex, ASCII string
	// Fault marks the row that has the byte at fault.
	Fault bool
}

// DeskSegment is a segment of an HL7 v2 message.
type DeskSegment struct {
	Name   string
	Offset int
	Fields []DeskField
}

// DeskField is a value with its name.
type DeskField struct{ Name, Text string }

// DeskSelection selects refused frames: one by its ID, or all of an adapter and device and
// with a text in their reason, after one of them.
type DeskSelection struct{ ID, Adapter, Device, Reason, After string }

// DeskTried is what became of a frame, or would.
type DeskTried struct {
	ID, Reason string
	Taken      bool
	Readings   int
}

// DeskAssociation says which patient wore a device, or lay in a bed, from when until when.
type DeskAssociation struct{ Device, Bed, Patient, Start, End string }

// tends reports whether somebody looks after devices and what they send.
func (u *User) tends() bool { return u.Role == DeviceManager || u.Role == Admin }

// TendsDevices reports whether the caller may do what those pages do: a device manager who let
// an app do all he may with devices and their readings. An app with less of him may not.
func (a Access) TendsDevices() bool {
	if a.Role != DeviceManager || a.User == "" {
		return false
	}
	var all Scopes
	for _, s := range a.Scopes.At(UserLevel) {
		if s.Filter == "" {
			all = append(all, s)
		}
	}
	return all.Allow("Device", Everything) && all.Allow("Observation", Everything)
}

// tender lets in who looks after devices, to a page about frames.
func (a *Authority) tender(w http.ResponseWriter, r *http.Request) (context.Context, *session, bool) {
	u, s, ok := a.member(w, r)
	if !ok {
		return nil, nil, false
	}
	if !u.tends() || a.Desk == nil {
		a.problem(w, r, http.StatusForbidden, "Not for you", "This page is for device managers and administrators.")
		return nil, nil, false
	}
	return With(r.Context(), Access{User: u.Name, FHIRUser: u.FHIRUser, Role: u.Role, Purposes: UsualPurposes(u.Role), Scopes: Scopes{
		{Level: UserLevel, Type: "Device", Rights: Everything}, {Level: UserLevel, Type: "Observation", Rights: Everything}}}), s, true
}

// framesView is what the list shows.
type framesView struct {
	Done, Fault      string
	Refused, Waiting []DeskFrame
	// Where the lists go on, "" at the end.
	NextRefused, NextWaiting string
}

// frames is the list of refused frames and of readings that wait.
func (a *Authority) frames(w http.ResponseWriter, r *http.Request) {
	ctx, s, ok := a.tender(w, r)
	if !ok {
		return
	}
	view := framesView{}
	if r.Method == http.MethodPost {
		if !a.posted(w, r, s) {
			return
		}
		if r.PostForm.Get("do") != "release" {
			a.redrive(ctx, w, r)
			return
		}
		released, err := a.Desk.Release(ctx, "")
		if view.Fault, ok = a.mendable(w, r, err); !ok {
			return
		}
		if view.Fault == "" {
			view.Done = counted(released, "waiting reading") + " had a patient by now."
		}
	}
	var err error
	query := r.URL.Query()
	if view.Refused, err = a.Desk.Refused(ctx, query.Get("refused"), pageSize+1); err == nil {
		view.Waiting, err = a.Desk.Waiting(ctx, "", query.Get("waiting"), pageSize+1)
	}
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	if len(view.Refused) > pageSize {
		view.Refused, view.NextRefused = view.Refused[:pageSize], view.Refused[pageSize-1].ID
	}
	if len(view.Waiting) > pageSize {
		view.Waiting, view.NextWaiting = view.Waiting[:pageSize], view.Waiting[pageSize-1].ID
	}
	a.page(w, r, statusOf(view.Fault), "frames", view)
}

func statusOf(fault string) int {
	if fault != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// mendable is what a person can mend of an error, "" for none; any other is answered and
// ok is false.
func (a *Authority) mendable(w http.ResponseWriter, r *http.Request, err error) (fault string, ok bool) {
	var known *fhir.Error
	switch situation := fhir.SituationOf(err); {
	case err == nil:
		return "", true
	case errors.Is(err, ErrNoFrame):
		a.problem(w, r, http.StatusNotFound, "Not there", "There is no such frame. It may have been taken, released or removed meanwhile.")
	case errors.As(err, &known) && (situation == fhir.SituationMalformed || situation == fhir.SituationUnprocessable || situation == fhir.SituationConflict):
		return known.Error(), true
	default:
		a.pageFault(w, r, err)
	}
	return "", false
}

// redriveView is what trying again would do, or did.
type redriveView struct {
	By   DeskSelection
	Dry  bool
	List []DeskTried
	// Taken are how many are taken; Next is where to go on, "" at the end.
	Taken int
	Next  string
}

// redrive tries refused frames again: first as a dry run, whose page has the button that
// does it.
func (a *Authority) redrive(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	view := redriveView{Dry: form.Get("do") != "redrive",
		By: DeskSelection{ID: form.Get("id"), Adapter: form.Get("adapter"), Device: form.Get("device"), Reason: form.Get("reason"), After: form.Get("after")}}
	var err error
	view.List, view.Next, err = a.Desk.Redrive(ctx, view.By, view.Dry)
	fault, ok := a.mendable(w, r, err)
	if !ok {
		return
	}
	if fault != "" {
		a.problem(w, r, http.StatusUnprocessableEntity, "Not tried", fault)
		return
	}
	for _, one := range view.List {
		if one.Taken {
			view.Taken++
		}
	}
	a.page(w, r, http.StatusOK, "redrive", view)
}

// frameView is what the page of one frame shows.
type frameView struct {
	Done, Fault string
	*DeskLook
	// Waits: it is of a reading that waits, else a refused one.
	Waits bool
	Form  DeskAssociation
}

// frame is the page of one frame: its bytes beside what they mean, and what can be done.
func (a *Authority) frame(w http.ResponseWriter, r *http.Request) {
	ctx, s, ok := a.tender(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	view := frameView{Waits: query.Has("waiting")}
	id := query.Get("refused")
	if view.Waits {
		id = query.Get("waiting")
	}
	if r.Method == http.MethodPost {
		if !a.posted(w, r, s) {
			return
		}
		form := r.PostForm
		view.Waits, id = true, form.Get("waiting")
		view.Form = DeskAssociation{Device: form.Get("device"), Bed: form.Get("bed"), Patient: form.Get("patient"), Start: form.Get("start"), End: form.Get("end")}
		released, err := a.Desk.Associate(ctx, view.Form)
		if view.Fault, ok = a.mendable(w, r, err); !ok {
			return
		}
		if view.Fault == "" {
			a.page(w, r, http.StatusOK, "frame", frameView{Waits: true, Done: "The association is kept. " + counted(released, "waiting reading") + " found the patient by it."})
			return
		}
	}
	from, _ := strconv.Atoi(query.Get("from"))
	look, err := a.Desk.Look(ctx, view.Waits, id, max(0, from))
	if _, ok := a.mendable(w, r, err); !ok {
		return
	}
	if view.DeskLook = look; view.Form == (DeskAssociation{}) {
		view.Form = DeskAssociation{Device: look.Device, Start: look.Time}
	}
	a.page(w, r, statusOf(view.Fault), "frame", view)
}
