package auth

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// deciding is a user's way from an app's request to his answer: whom it is about,
// and then what the app may do. What he chose so far travels in the forms, and is
// judged anew with each.
type deciding struct {
	ask     *authorization
	user    *User
	session *session
	context launchContext
	handle  *launch // of a launch from the EHR; nil when the app began by itself

	other     []string
	resources Scopes
}

// consent is where the pages of a decision are sent to.
func (a *Authority) consent(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		a.problem(w, r, http.StatusMethodNotAllowed, "This page cannot be used so", "It comes after an app's request. Please start again in the app.")
		return
	}
	u, s, ok := a.member(w, r)
	if !ok || !a.posted(w, r, s) {
		return
	}
	ask, ok := a.readAuthorization(w, r, r.PostForm.Get("request"))
	if !ok {
		return
	}
	a.consider(w, r, &deciding{ask: ask, user: u, session: s})
}

// consider asks the user for what is still open, and answers the app when nothing is.
func (a *Authority) consider(w http.ResponseWriter, r *http.Request, d *deciding) {
	form := url.Values{}
	if r.Method == http.MethodPost {
		form = r.PostForm
	}
	if form.Get("decision") == "deny" {
		a.refuse(w, d.ask, "access_denied", "the user did not let the app in")
		return
	}
	if d.ask.quiet {
		a.refuse(w, d.ask, "interaction_required", "people decide on a page")
		return
	}
	if d.ask.launch != "" {
		handle, err := a.launched(r.Context(), d.ask.launch, d.ask.client.ID, d.user, d.session)
		if err != nil {
			a.pageFault(w, r, err)
			return
		}
		if handle == nil {
			a.refuse(w, d.ask, "invalid_request", "the launch is unknown, used, too old, or another's")
			return
		}
		d.handle, d.context = handle, handle.launchContext
	}
	d.other, d.resources = a.asked(d.ask, d.user)
	if done, err := a.findPatient(w, r, d, form); err != nil {
		a.pageFault(w, r, err)
		return
	} else if done {
		return
	}
	if done, err := a.findEncounter(w, r, d, form); err != nil {
		a.pageFault(w, r, err)
		return
	} else if done {
		return
	}
	if len(d.resources) == 0 && len(d.other) == 0 {
		a.refuse(w, d.ask, "invalid_scope", "none of the scopes can be granted")
		return
	}
	if form.Get("decision") != "allow" {
		a.consentPage(w, r, d)
		return
	}
	a.narrow(d, form)
	if len(d.resources) == 0 && len(d.other) == 0 {
		a.refuse(w, d.ask, "access_denied", "the user let the app do nothing")
		return
	}
	a.allow(w, r, d)
}

// wantsPatient reports whether the app is about one patient: it asks for one, or for
// scopes that mean nothing without (SMART 2.2: launch/patient may be inferred).
func (d *deciding) wantsPatient() bool {
	for _, s := range d.resources {
		if s.Level == PatientLevel {
			return true
		}
	}
	for _, s := range d.other {
		if s == launchPatient || s == launchVisit {
			return true
		}
	}
	return false
}

// without drops what means nothing without a patient, or without an encounter.
func (d *deciding) without(dropPatient bool) {
	var kept []string
	for _, s := range d.other {
		if s != launchVisit && (s != launchPatient || !dropPatient) {
			kept = append(kept, s)
		}
	}
	d.other = kept
	if !dropPatient {
		return
	}
	var resources Scopes
	for _, s := range d.resources {
		if s.Level != PatientLevel {
			resources = append(resources, s)
		}
	}
	d.resources = resources
}

// findPatient settles whom the app is about. done: a page asks the user.
func (a *Authority) findPatient(w http.ResponseWriter, r *http.Request, d *deciding, form url.Values) (done bool, err error) {
	chosen := form.Get("patient")
	switch {
	case d.context.Patient != "":
		return a.checkPatient(w, r, d)
	case !d.wantsPatient():
		return false, nil
	case a.Chart == nil:
		d.without(true)
		return false, nil
	case d.user.Role == Patient:
		if chosen, err = a.ownPatient(r.Context(), d.user); err != nil {
			return false, err
		}
		if chosen == "" {
			d.without(true)
			return false, nil
		}
		d.context.Patient = chosen
		return a.checkPatient(w, r, d)
	case chosen != "":
		_, ok, err := a.Chart.Entity(seenBy(r.Context(), d.user), "Patient", chosen)
		if err != nil {
			return false, err
		}
		if ok {
			d.context.Patient = chosen
			return false, nil
		}
	}
	return true, a.pickerPage(w, r, d, form)
}

// checkPatient wants the patient that is given to be one, and one whom the user may
// see: a launch is no way to another's record.
func (a *Authority) checkPatient(w http.ResponseWriter, r *http.Request, d *deciding) (done bool, err error) {
	ok := a.Chart != nil
	if ok && d.user.Role == Patient {
		own, err := a.ownPatient(r.Context(), d.user)
		if err != nil {
			return false, err
		}
		ok = own == d.context.Patient
	}
	if ok {
		ctx := seenBy(r.Context(), d.user)
		if d.user.Role == Patient {
			ctx = seenByServer(r.Context())
		}
		if _, ok, err = a.Chart.Entity(ctx, "Patient", d.context.Patient); err != nil {
			return false, err
		}
	}
	if !ok {
		a.refuse(w, d.ask, "access_denied", "there is no such patient for this user")
	}
	return !ok, nil
}

// findEncounter settles which encounter the app is about, when it asks for one.
func (a *Authority) findEncounter(w http.ResponseWriter, r *http.Request, d *deciding, form url.Values) (done bool, err error) {
	wanted := false
	for _, s := range d.other {
		wanted = wanted || s == launchVisit
	}
	if d.context.Encounter != "" || !wanted {
		return false, nil
	}
	if d.context.Patient == "" || form.Get("encounter") == noEncounter {
		d.without(false)
		return false, nil
	}
	ctx := seenBy(r.Context(), d.user)
	if d.user.Role == Patient {
		ctx = seenByServer(r.Context()) // his own record
	}
	if chosen := form.Get("encounter"); chosen != "" {
		e, ok, err := a.Chart.Entity(ctx, "Encounter", chosen)
		if err != nil {
			return false, err
		}
		if ok && e.Patient == d.context.Patient {
			d.context.Encounter = chosen
			return false, nil
		}
	}
	visits, err := a.Chart.Encounters(ctx, d.context.Patient, mostListed)
	if err != nil {
		return false, err
	}
	if len(visits) == 0 {
		d.without(false)
		return false, nil
	}
	a.page(w, r, http.StatusOK, "encounter", pickView{App: d.ask.client, Request: d.ask.query, Patient: d.context.Patient, Found: visits, None: noEncounter})
	return true, nil
}

// noEncounter is what the page of encounters sends for none of them.
const noEncounter = "-"

// mostListed is how many patients or encounters a page lists.
const mostListed = 25

// pickView is what the pages show on which a patient or an encounter is picked.
type pickView struct {
	App                       *Client
	Request, Find, None       string
	Patient, Then             string
	Found                     []Entity
	Searched, More, NotOffers bool
}

func (a *Authority) pickerPage(w http.ResponseWriter, r *http.Request, d *deciding, form url.Values) error {
	find := strings.TrimSpace(form.Get("find"))
	if len(find) > 200 {
		find = ""
	}
	found, err := a.Chart.Patients(seenBy(r.Context(), d.user), find, mostListed+1)
	if err != nil {
		return err
	}
	v := pickView{App: d.ask.client, Request: d.ask.query, Find: find, Found: found, Searched: find != ""}
	if v.More = len(found) > mostListed; v.More {
		v.Found = found[:mostListed]
	}
	a.page(w, r, http.StatusOK, "picker", v)
	return nil
}

// allow gives the app its code.
func (a *Authority) allow(w http.ResponseWriter, r *http.Request, d *deciding) {
	now := a.now().UTC()
	if len(d.context.FHIRContext) == 0 && d.handle == nil && d.context.Patient != "" {
		d.context.Banner = true // nothing around an app that began by itself shows the patient
	}
	g := Grant{
		ID: random()[:22], User: d.user.Name, Client: d.ask.client.ID,
		Scope:    strings.Join(append(strings.Fields(d.resources.String()), d.other...), " "),
		FHIRUser: d.user.FHIRUser, Role: d.user.Role, launchContext: d.context, Login: d.session.Began, Created: now, Used: now,
	}
	if g.has(onlineScope) {
		g.Session = d.session.ID
	}
	code := random()
	spent := false
	err := a.Shelf.Change(r.Context(), func(drawer Drawer) error {
		if d.handle != nil {
			_, there, err := drawer.Get(launchShelf, hashed(d.ask.launch))
			if spent = !there; err != nil || spent {
				return err
			}
			if err := drawer.Put(launchShelf, hashed(d.ask.launch), nil); err != nil {
				return err
			}
		}
		return putJSON(drawer, codeShelf, hashed(code), issued{
			Grant: g, Redirect: d.ask.redirect, Challenge: d.ask.challenge, Nonce: d.ask.nonce, Expires: now.Add(codeLife),
		})
	})
	switch {
	case err != nil:
		a.pageFault(w, r, err)
	case spent:
		a.refuse(w, d.ask, "invalid_request", "the launch was used meanwhile")
	default:
		a.Log.InfoContext(r.Context(), "an app was let in", "client", g.Client, "user", g.User, "grant", g.ID)
		a.back(w, d.ask, url.Values{"code": {code}})
	}
}

// codeLife is how long a code is good: RFC 6749 §4.1.2 wants ten minutes at most,
// and it goes through the browser only.
const codeLife = time.Minute
