package auth

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// accountView is what the account page shows.
type accountView struct {
	Done, Fault string
	Apps        []appView
}

// appView is an app that somebody let in.
type appView struct {
	// ID is the grant's. Mark makes ids of the page unique.
	ID, Name, Client, Patient string
	Mark                      int
	Scopes                    []string
	Created, Used, Expires    time.Time
	// Always is one that works while the user is away.
	Always bool
}

// account is the page where somebody sees and changes what is his: the
// management_endpoint of SMART 2.2.
func (a *Authority) account(w http.ResponseWriter, r *http.Request) {
	u, s, ok := a.member(w, r)
	if !ok {
		return
	}
	if r.Method != http.MethodPost {
		a.showAccount(w, r, u, http.StatusOK, accountView{Done: accountDone[r.URL.Query().Get("done")]})
		return
	}
	if !a.posted(w, r, s) {
		return
	}
	switch r.PostForm.Get("do") {
	case "password":
		a.changeOwn(w, r, u)
	case "revoke":
		// One that is another's is not found among his, and one that is gone is gone.
		if err := a.revokeGrant(r.Context(), u.Name, r.PostForm.Get("grant")); err != nil {
			a.pageFault(w, r, err)
			return
		}
		a.Log.InfoContext(r.Context(), "an app was shut out", "user", u.Name)
		goTo(w, "account?done=revoke")
	default:
		a.problem(w, r, http.StatusBadRequest, "Not understood", "This page has no such form.")
	}
}

var accountDone = map[string]string{
	"password": "Your password is changed, and you are signed out everywhere else.",
	"revoke":   "The app is shut out: from this moment it sees nothing any more.",
}

func (a *Authority) showAccount(w http.ResponseWriter, r *http.Request, u *User, status int, view accountView) {
	grants, err := a.grants(r.Context(), u.Name)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	slices.SortFunc(grants, func(x, y Grant) int {
		return cmp.Or(y.Created.Compare(x.Created), strings.Compare(x.ID, y.ID))
	})
	for i, g := range grants {
		app := appView{ID: g.ID, Name: g.Client, Client: g.Client, Mark: i + 1, Scopes: strings.Fields(g.Scope),
			Created: g.Created, Used: g.Used, Expires: g.Expires, Always: g.has("offline_access")}
		if g.Patient != "" {
			app.Patient = "Patient/" + g.Patient
		}
		if client, err := a.client(r.Context(), g.Client); err == nil && client != nil && client.Name != "" {
			app.Name = client.Name
		}
		view.Apps = append(view.Apps, app)
	}
	a.page(w, r, status, "account", view)
}

// changeOwn changes the password of who is signed in. The old one is asked for, so
// that a browser left alone is not enough.
func (a *Authority) changeOwn(w http.ResponseWriter, r *http.Request, u *User) {
	refuse := func(status int, text string) {
		a.showAccount(w, r, u, status, accountView{Fault: text})
	}
	proved, wait, err := a.signIn(r, u.Name, r.PostForm.Get("old"))
	switch {
	case errors.Is(err, errBusy):
		refuse(http.StatusServiceUnavailable, "Too many people sign in at this moment. Please try again in a few seconds.")
		return
	case err != nil:
		a.pageFault(w, r, err)
		return
	case wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
		refuse(http.StatusTooManyRequests, "There were too many failed attempts. Please try again in "+inWords(wait)+".")
		return
	case proved == nil:
		refuse(http.StatusForbidden, "The password that you have now is another one.")
		return
	}
	err = a.SetPassword(r.Context(), u.Name, r.PostForm.Get("new"))
	if known := (*UserError)(nil); errors.As(err, &known) {
		refuse(http.StatusUnprocessableEntity, "The new password is not taken: "+known.Text+".")
		return
	}
	if err == nil {
		u, err = a.user(r.Context(), u.Name)
	}
	if err == nil && u != nil {
		err = a.begin(w, r, u)
	}
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	goTo(w, "account?done=password")
}
