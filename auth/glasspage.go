package auth

import (
	"context"
	"net/http"
	"time"
)

// Broken is a glass that was broken: who did so, why, and whose data he saw by that.
type Broken struct {
	When             time.Time
	Who, App, Reason string
	// Patients are references; More that there are more than are listed.
	Patients []string
	More     bool
}

// BrokenPage is a page of them, the newest first. Next is where the next one begins, ""
// after the last.
type BrokenPage struct {
	Audited bool
	List    []Broken
	Next    string
}

// oversees reports whether somebody looks after the privacy of all patients.
func (u *User) oversees() bool { return u.Role == PrivacyOfficer || u.Role == Admin }

// glasses is the page where who looks after privacy sees each glass that was broken.
func (a *Authority) glasses(w http.ResponseWriter, r *http.Request) {
	u, _, ok := a.member(w, r)
	if !ok {
		return
	}
	if !u.oversees() || a.Privacy == nil {
		a.problem(w, r, http.StatusForbidden, "Not for you", "This page is for privacy officers and administrators.")
		return
	}
	page, err := a.Privacy.Glasses(overseeing(r.Context(), u), r.URL.Query().Get("after"))
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	a.page(w, r, http.StatusOK, "glass", page)
}

// overseeing is a context in which Privacy is asked as somebody who oversees.
func overseeing(ctx context.Context, u *User) context.Context {
	return With(ctx, Access{User: u.Name, FHIRUser: u.FHIRUser, Role: u.Role, Purposes: UsualPurposes(u.Role),
		Scopes: Scopes{{Level: UserLevel, Type: audited, Rights: Read | Search}}})
}
