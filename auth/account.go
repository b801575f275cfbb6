package auth

import (
	"errors"
	"net/http"
	"strconv"
)

// accountView is what the account page shows.
type accountView struct {
	Done, Fault string
}

// account is the page where somebody sees and changes what is his.
func (a *Authority) account(w http.ResponseWriter, r *http.Request) {
	u, s, ok := a.member(w, r)
	if !ok {
		return
	}
	if r.Method != http.MethodPost {
		view := accountView{}
		if r.URL.Query().Get("done") == "password" {
			view.Done = "Your password is changed, and you are signed out everywhere else."
		}
		a.page(w, r, http.StatusOK, "account", view)
		return
	}
	if !a.posted(w, r, s) {
		return
	}
	switch r.PostForm.Get("do") {
	case "password":
		a.changeOwn(w, r, u)
	default:
		a.problem(w, r, http.StatusBadRequest, "Not understood", "This page has no such form.")
	}
}

// changeOwn changes the password of who is signed in. The old one is asked for, so
// that a browser left alone is not enough.
func (a *Authority) changeOwn(w http.ResponseWriter, r *http.Request, u *User) {
	refuse := func(status int, text string) {
		a.page(w, r, status, "account", accountView{Fault: text})
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
		_, err = a.begin(w, r, u)
	}
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	goTo(w, "account?done=password")
}
