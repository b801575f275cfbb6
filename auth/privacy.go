package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"vitalwire/auth/choice"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
)

// Privacy is what the pages about a patient's privacy ask and have done: the server
// answers from its store, as whoever the context says (With). Each call is audited there.
type Privacy interface {
	// Standing is what holds for a patient now.
	Standing(ctx context.Context, patient string) (*Standing, error)
	// Preview is what choices would change for others, nil choices that they are withdrawn.
	Preview(ctx context.Context, patient string, c *choice.Choices) ([]Difference, error)
	// Save makes choices the Consent of the patient that the page keeps, nil choices
	// withdraw it. version is that of the Consent as it was shown, "" when there was none:
	// ErrChanged says that it is another one by now.
	Save(ctx context.Context, patient string, c *choice.Choices, version string) error
	// Parties are practitioners and organizations by a text.
	Parties(ctx context.Context, text string) ([]Party, error)
	// Names are those of practitioners and organizations that are there.
	Names(ctx context.Context, keys []fhir.Key) (map[fhir.Key]string, error)
	// Seen is a page of who did what with what is kept of a patient.
	Seen(ctx context.Context, patient string, by SeenBy) (*SeenPage, error)
	// Glasses is a page of the glasses that were broken, of all patients, from after on.
	Glasses(ctx context.Context, after string) (*BrokenPage, error)
}

// ErrChanged says that somebody changed a Consent meanwhile.
var ErrChanged = errors.New("the consent was changed meanwhile")

// Standing is what holds for a patient.
type Standing struct {
	// Binds: Consents decide on this server. Else they are kept, and Implicit and Sights
	// say nothing.
	Binds    bool
	Implicit consent.Implicit
	// MostRecent: of several Consents the newest counts alone.
	MostRecent bool
	Kinds      []choice.Kind
	// Counting are the Consents in force, Idle the others.
	Counting, Idle []GivenConsent
	// Sights are what others see of the patient.
	Sights []OthersSight
	// Silent: what devices measure is not recorded.
	Silent bool
	// Choices are those that the page's own Consent is made of, when it is in force: else
	// the zero value. Version is that Consent's, "" when there is none; Foreign: somebody
	// else wrote something into it that these choices cannot say.
	Choices choice.Choices
	Version string
	Active  bool
	Foreign bool
	// Audited: what is done is kept in the audit log.
	Audited bool
}

// GivenConsent is a Consent in words.
type GivenConsent struct {
	// Own is the one that the page keeps, said by its Words; others by their Rules.
	Own   bool
	Title string
	Given time.Time
	Until string
	Words []string
	Rules []choice.Rule
	// Idle is why it does not count; "" when it does.
	Idle string
}

// OthersSight is what somebody sees of a patient, and what he does not.
type OthersSight struct {
	Who          string
	Sees, Hidden []string
}

// Difference is what somebody would see besides, and no longer.
type Difference struct {
	Who           string
	Gains, Losses []string
}

// Party is a practitioner or an organization that may be named.
type Party struct {
	Key          fhir.Key
	Name, Detail string
}

// privately is a context in which Privacy is asked as the patient himself.
func privately(ctx context.Context, u *User) context.Context {
	const see = Read | Search
	return With(ctx, Access{User: u.Name, FHIRUser: u.FHIRUser, Role: u.Role, Purposes: UsualPurposes(Patient), Scopes: Scopes{
		{Level: UserLevel, Type: "Consent", Rights: see | Create | Update}, {Level: UserLevel, Type: "Patient", Rights: see},
		{Level: UserLevel, Type: "Practitioner", Rights: see}, {Level: UserLevel, Type: "Organization", Rights: see}}})
}

// self is the patient that somebody is himself; "" for everybody else, also for who acts
// for a patient.
func (u *User) self() string {
	id, ok := strings.CutPrefix(u.FHIRUser, "Patient/")
	if !ok || u.Role != Patient || !fhir.ValidID(id) {
		return ""
	}
	return id
}

// himself lets a patient in to a page about his privacy.
func (a *Authority) himself(w http.ResponseWriter, r *http.Request) (u *User, s *session, patient string, ok bool) {
	u, s, ok = a.member(w, r)
	if !ok {
		return nil, nil, "", false
	}
	patient = u.self()
	if patient == "" || a.Privacy == nil {
		text := "This page is for patients. It shows each of them who may see his data, and who saw it."
		if strings.HasPrefix(u.FHIRUser, "RelatedPerson/") {
			text = "This page is for the patient himself. Who acts for somebody cannot see or change here who may see that person’s data; please ask the privacy office."
		}
		a.problem(w, r, http.StatusForbidden, "Not for you", text)
		return nil, nil, "", false
	}
	return u, s, patient, true
}

// privacyView is what the privacy page shows.
type privacyView struct {
	Done, Fault string
	*Standing
	Form choiceForm
	// Without says what holds where no Consent says anything.
	Without string
}

// reviewView is what is shown before anything is saved.
type reviewView struct {
	Form     choiceForm
	Words    []string
	Changes  []Difference
	Withdraw bool
	Binds    bool
	// Silence: what devices measure is recorded now, and would not be any more; Sound is
	// the other way round.
	Silence, Sound bool
	Without        string
}

// privacy is the page where a patient sees who may see his data, and decides on it.
func (a *Authority) privacy(w http.ResponseWriter, r *http.Request) {
	u, s, patient, ok := a.himself(w, r)
	if !ok {
		return
	}
	ctx := privately(r.Context(), u)
	if r.Method != http.MethodPost {
		a.showPrivacy(ctx, w, r, patient, privacyView{Done: privacyDone[r.URL.Query().Get("done")]})
		return
	}
	if !a.posted(w, r, s) {
		return
	}
	form, fault := readChoices(r.PostForm)
	switch do := r.PostForm.Get("do"); {
	case do == "find" || do == "edit" || do != "withdraw" && do != "withdrawn" && fault != "":
		a.reshow(ctx, w, r, patient, form, fault)
	case do == "review" || do == "withdraw":
		a.review(ctx, w, r, patient, form)
	case do == "save":
		a.saveChoices(ctx, w, r, patient, form, &form.Choices)
	case do == "withdrawn":
		a.saveChoices(ctx, w, r, patient, form, nil)
	default:
		a.problem(w, r, http.StatusBadRequest, "Not understood", "This page has no such form.")
	}
}

var privacyDone = map[string]string{
	"saved":     "Your choices are saved. They hold from this moment.",
	"withdrawn": "Your choices are withdrawn. They no longer hold from this moment.",
}

// showPrivacy shows what holds; a form with a Version is that of somebody who is at it.
func (a *Authority) showPrivacy(ctx context.Context, w http.ResponseWriter, r *http.Request, patient string, view privacyView) {
	status := http.StatusOK
	standing, err := a.Privacy.Standing(ctx, patient)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	view.Standing, view.Without = standing, without(standing.Implicit)
	if !view.Form.given {
		view.Form = choiceForm{Choices: standing.Choices, Version: standing.Version}
	}
	if view.Fault != "" {
		status = http.StatusUnprocessableEntity
	}
	if err := a.fillForm(ctx, &view.Form, standing.Kinds); err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.page(w, r, status, "privacy", view)
}

// reshow shows the form again as it was filled in, with what was looked for. That nothing
// is chosen yet is no fault while somebody looks for a name.
func (a *Authority) reshow(ctx context.Context, w http.ResponseWriter, r *http.Request, patient string, form choiceForm, fault string) {
	if do := r.PostForm.Get("do"); do == "find" || do == "edit" {
		fault = ""
	}
	if r.PostForm.Get("do") == "find" && form.Find != "" {
		found, err := a.Privacy.Parties(ctx, form.Find)
		if err != nil {
			a.pageFault(w, r, err)
			return
		}
		form.Searched, form.found = true, found
	}
	a.showPrivacy(ctx, w, r, patient, privacyView{Form: form, Fault: fault})
}

// review shows what would change, before it is saved.
func (a *Authority) review(ctx context.Context, w http.ResponseWriter, r *http.Request, patient string, form choiceForm) {
	standing, err := a.Privacy.Standing(ctx, patient)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	if form.Version != standing.Version {
		a.conflict(ctx, w, r, patient)
		return
	}
	view := reviewView{Form: form, Binds: standing.Binds, Withdraw: r.PostForm.Get("do") == "withdraw", Without: without(standing.Implicit)}
	chosen := &form.Choices
	if view.Withdraw {
		chosen = nil
	}
	if !view.Withdraw {
		names, err := a.Privacy.Names(ctx, form.named())
		if err != nil {
			a.pageFault(w, r, err)
			return
		}
		for _, key := range form.named() {
			if names[key] == "" {
				form.given = true
				a.showPrivacy(ctx, w, r, patient, privacyView{Form: form, Fault: "Somebody whom you named is not there: " + key.String() + "."})
				return
			}
		}
		view.Words = form.Words(standing.Kinds, func(key fhir.Key) string { return names[key] })
	}
	silent := chosen != nil && chosen.Silent
	view.Silence, view.Sound = silent && !standing.Silent, !silent && standing.Choices.Silent
	if view.Changes, err = a.Privacy.Preview(ctx, patient, chosen); err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "review", view)
}

func (a *Authority) saveChoices(ctx context.Context, w http.ResponseWriter, r *http.Request, patient string, form choiceForm, chosen *choice.Choices) {
	err := a.Privacy.Save(ctx, patient, chosen, form.Version)
	var known *fhir.Error
	switch {
	case errors.Is(err, ErrChanged):
		a.conflict(ctx, w, r, patient)
	case errors.As(err, &known) && (known.Situation == fhir.SituationForbidden || known.Situation == fhir.SituationNotFound || known.Situation == fhir.SituationUnprocessable):
		a.Log.ErrorContext(ctx, "choices of a patient were not taken", "error", err)
		a.problem(w, r, http.StatusUnprocessableEntity, "Not saved", "Your choices cannot be taken as they are. Nothing was changed; please ask the privacy office.")
	case err != nil:
		a.pageFault(w, r, err)
	case chosen == nil:
		goTo(w, "privacy?done=withdrawn")
	default:
		goTo(w, "privacy?done=saved")
	}
}

// conflict tells that the choices shown were not those that hold by now.
func (a *Authority) conflict(_ context.Context, w http.ResponseWriter, r *http.Request, _ string) {
	a.page(w, r, http.StatusConflict, "problem", struct{ Title, Text string }{"Changed meanwhile",
		"Your choices were changed in another window, or by the privacy office, after you opened the page. Nothing of what you did now is saved. Please open “Your privacy” again, see what holds now, and decide then."})
}

// without says what holds where no Consent says anything.
func without(i consent.Implicit) string {
	switch i {
	case consent.AllNormal:
		return "Everybody whom this server lets in, for his work, may see what is not especially confidential. What is, nobody sees."
	case consent.BasicNormal:
		return "Those who treat you may see what is not especially confidential. Everybody else sees nothing."
	case consent.BreakGlassOnly:
		return "Nobody may see your data but in an emergency: then those who treat you, and break the glass, see what is not especially confidential."
	case consent.DenyAll, "":
	}
	return "Nobody but you may see your data."
}
