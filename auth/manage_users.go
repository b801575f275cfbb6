package auth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// usersView is what the list of users shows.
type usersView struct {
	Done  string
	Users []User
	Next  string
}

// personView is what the page of one user shows.
type personView struct {
	Done, Fault string
	// New is one who is to be added.
	New bool
	User
	Roles []Role
	// Password that was just made: it is shown this once.
	Password string
	// Self is who looks at the page.
	Self bool
}

// manageUsers is the list of all users.
func (a *Authority) manageUsers(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.administrator(w, r); !ok {
		return
	}
	list, err := a.Users(r.Context(), r.URL.Query().Get("after"), pageSize+1)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	view := usersView{Users: list}
	if r.URL.Query().Get("done") == "removed" {
		view.Done = "The user is removed, and what he let apps do has ended."
	}
	if len(list) > pageSize {
		view.Users, view.Next = list[:pageSize], list[pageSize-1].Name
	}
	a.page(w, r, http.StatusOK, "users", view)
}

// manageUser is the page of one user, or of one to add.
func (a *Authority) manageUser(w http.ResponseWriter, r *http.Request) {
	s, ok := a.administrator(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		if a.posted(w, r, s) {
			a.changeUser(w, r, s.User)
		}
		return
	}
	name := r.URL.Query().Get("name")
	if name == "" {
		a.showUser(w, r, http.StatusOK, personView{New: true, User: User{Role: Practitioner}})
		return
	}
	u, err := a.anyUser(r.Context(), name)
	switch {
	case err != nil:
		a.pageFault(w, r, err)
	case u == nil:
		a.problem(w, r, http.StatusNotFound, "Not there", "There is no user of that name.")
	default:
		view := personView{User: *u, Self: u.Name == s.User}
		if r.URL.Query().Get("done") == "saved" {
			view.Done = "The user is saved."
		}
		a.showUser(w, r, http.StatusOK, view)
	}
}

func (a *Authority) showUser(w http.ResponseWriter, r *http.Request, status int, view personView) {
	view.Roles = Roles
	a.page(w, r, status, "person", view)
}

// changeUser does what a form of the page of a user asks for; self is who asks.
func (a *Authority) changeUser(w http.ResponseWriter, r *http.Request, self string) {
	form := r.PostForm
	entered := personView{New: form.Get("do") == "add", User: User{
		Name: loginNameOf(form.Get("user")), Display: strings.TrimSpace(form.Get("display")), Role: Role(form.Get("role")),
		FHIRUser: strings.TrimSpace(form.Get("fhir_user")), BreaksGlass: form.Has("break_glass"), Disabled: form.Has("disabled"), Issuer: strings.TrimSpace(form.Get("issuer")),
	}}
	entered.Self = entered.Name == self
	password, err := "", error(nil)
	switch do := form.Get("do"); do {
	case "add":
		if entered.Issuer == "" {
			password = generated()
		}
		err = a.AddUser(r.Context(), entered.User, password)
	case "save", "password", "remove":
		if entered.Self && (do == "remove" || do == "save" && (entered.Disabled || entered.Role != Admin)) {
			// The last administrator could else shut everybody out by mistake.
			err = wrong("nobody takes administration from himself; another administrator can")
			break
		}
		password, err = a.doToUser(r, do, entered.User)
	default:
		a.problem(w, r, http.StatusBadRequest, "Not understood", "This page has no such form.")
		return
	}
	if known := (*UserError)(nil); errors.As(err, &known) {
		entered.Fault = "Not done: " + known.Text + "."
		a.showUser(w, r, http.StatusUnprocessableEntity, entered)
		return
	}
	switch {
	case errors.Is(err, ErrNoUser):
		a.problem(w, r, http.StatusNotFound, "Not there", "There is no user of that name.")
		return
	case err != nil:
		a.pageFault(w, r, err)
		return
	}
	a.Log.InfoContext(r.Context(), "a user was changed", "user", entered.Name, "what", form.Get("do"), "by", self)
	switch {
	case form.Get("do") == "remove":
		goTo(w, "users?done=removed")
	case password == "":
		goTo(w, "person?"+url.Values{"name": {entered.Name}, "done": {"saved"}}.Encode())
	default:
		// The answer itself shows it: a page that is asked for again could not.
		u, err := a.anyUser(r.Context(), entered.Name)
		if err != nil || u == nil {
			a.pageFault(w, r, errors.Join(err, ErrNoUser))
			return
		}
		a.showUser(w, r, http.StatusOK, personView{User: *u, Self: u.Name == self, Password: password, Done: "The user is saved."})
	}
}

// doToUser changes a user that is there; of a new password it gives that.
func (a *Authority) doToUser(r *http.Request, do string, entered User) (password string, err error) {
	switch do {
	case "remove":
		return "", a.RemoveUser(r.Context(), entered.Name)
	case "password":
		password = generated()
		return password, a.SetPassword(r.Context(), entered.Name, password)
	}
	return "", a.ChangeUser(r.Context(), entered.Name, func(u *User) {
		u.Display, u.Role, u.FHIRUser, u.BreaksGlass, u.Disabled = entered.Display, entered.Role, entered.FHIRUser, entered.BreaksGlass, entered.Disabled
	})
}
