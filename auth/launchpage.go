package auth

import (
	"errors"
	"net/http"
	"strings"
)

// launchView is what the page shows on which somebody starts an app about a patient.
type launchView struct {
	Apps                 []Client
	Fault, Find, App     string
	Patient              *Entity
	Found, Visits        []Entity
	Searched, More, Asks bool
}

// launchPage is the EHR side of a launch for people who have no other EHR: the patient,
// an encounter, and the app that starts with them.
func (a *Authority) launchPage(w http.ResponseWriter, r *http.Request) {
	u, s, ok := a.member(w, r)
	if !ok {
		return
	}
	if !u.hasPatients() || a.Chart == nil {
		a.problem(w, r, http.StatusForbidden, "Apps are not started here", "Apps are started by who treats patients, and by patients.")
		return
	}
	if r.Method == http.MethodPost && !a.posted(w, r, s) {
		return
	}
	if r.Method == http.MethodPost && r.PostForm.Get("app") != "" {
		a.startFromPage(w, r, u, s)
		return
	}
	a.showLaunch(w, r, u, http.StatusOK, "")
}

// showLaunch shows the page with what was found and chosen so far.
func (a *Authority) showLaunch(w http.ResponseWriter, r *http.Request, u *User, status int, fault string) {
	v, err := a.launchChoices(r, u)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	v.Fault = fault
	a.page(w, r, status, "launch", v)
}

func (a *Authority) launchChoices(r *http.Request, u *User) (v launchView, err error) {
	ctx, patient := seenBy(r.Context(), u), ""
	if r.Method == http.MethodPost {
		v.Find, patient = strings.TrimSpace(r.PostForm.Get("find")), r.PostForm.Get("patient")
	}
	if len(v.Find) > 200 {
		v.Find = ""
	}
	if u.Role == Patient {
		if patient, err = a.ownPatient(r.Context(), u); err != nil || patient == "" {
			return v, err
		}
		ctx = seenByServer(r.Context()) // his own record
	}
	if patient == "" {
		v.Asks, v.Searched = true, v.Find != ""
		v.Found, err = a.Chart.Patients(ctx, v.Find, mostListed+1)
		if v.More = len(v.Found) > mostListed; v.More {
			v.Found = v.Found[:mostListed]
		}
		return v, err
	}
	e, ok, err := a.Chart.Entity(ctx, "Patient", patient)
	if err != nil || !ok {
		v.Asks = true
		return v, err
	}
	v.Patient = &e
	if v.Visits, err = a.Chart.Encounters(ctx, patient, mostListed); err != nil {
		return v, err
	}
	v.Apps, err = a.launchable(r)
	return v, err
}

// launchable are the apps that can be started from here.
func (a *Authority) launchable(r *http.Request) ([]Client, error) {
	const some = 500
	var list []Client
	for after := ""; ; {
		clients, err := a.Clients(r.Context(), after, some)
		if err != nil {
			return nil, err
		}
		for _, c := range clients {
			if after = c.ID; !c.Disabled && c.LaunchURI != "" && c.May(codeGrant) {
				list = append(list, c)
			}
		}
		if len(clients) < some {
			return list, nil
		}
	}
}

// startFromPage sends the browser to the app.
func (a *Authority) startFromPage(w http.ResponseWriter, r *http.Request, u *User, s *session) {
	client, err := a.client(r.Context(), r.PostForm.Get("app"))
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	if client == nil || client.LaunchURI == "" || !client.May(codeGrant) {
		a.showLaunch(w, r, u, http.StatusUnprocessableEntity, "That app can no longer be started.")
		return
	}
	v, err := a.launchChoices(r, u)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	if v.Patient == nil {
		a.showLaunch(w, r, u, http.StatusUnprocessableEntity, "Please choose a patient first.")
		return
	}
	c := launchContext{Patient: v.Patient.ID, Encounter: r.PostForm.Get("encounter")}
	if c.Encounter == noEncounter {
		c.Encounter = ""
	}
	if err := a.checkContext(r.Context(), &c); err != nil {
		if known := (*oauthError)(nil); errors.As(err, &known) {
			a.showLaunch(w, r, u, http.StatusUnprocessableEntity, "The app is not started: "+known.text+".")
			return
		}
		a.pageFault(w, r, err)
		return
	}
	handle, err := a.putLaunch(r.Context(), launch{Client: client.ID, User: u.Name, Session: s.ID, launchContext: c})
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Location", a.launchURL(client, handle))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}
