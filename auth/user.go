package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a person who signs in.
type User struct {
	// Name is the login name, in lower case; Display is for people.
	Name    string `json:"name"`
	Display string `json:"display,omitempty"`
	// Hash is the password as kept (see password.go); "" for who signs in elsewhere.
	Hash string `json:"hash,omitempty"`
	Role Role   `json:"role"`
	// FHIRUser is his resource, such as "Practitioner/1"; "" for none.
	FHIRUser string `json:"fhir_user,omitempty"`
	// Issuer and Subject are who he is to the OpenID provider that he signs in at;
	// both "" for who has a password.
	Issuer  string `json:"issuer,omitempty"`
	Subject string `json:"subject,omitempty"`
	// BreaksGlass lets him override Consents in an emergency, with a reason, as far as they
	// let him; never a patient.
	BreaksGlass bool      `json:"break_glass,omitempty"`
	Disabled    bool      `json:"disabled,omitempty"`
	Created     time.Time `json:"created"`
	// Epoch is random, and another one after what ends all his sessions, such as a new
	// password; also for who is added anew under an old name.
	Epoch string `json:"epoch"`
}

// Roles are all of them, as they are listed to an administrator.
var Roles = []Role{Patient, Practitioner, PrivacyOfficer, DeviceManager, Admin}

// UserError is what is wrong with a user, a client or a password as somebody
// entered it: told to whoever may administrate.
type UserError struct{ Text string }

func (e *UserError) Error() string { return e.Text }

func wrong(format string, args ...any) error { return &UserError{fmt.Sprintf(format, args...)} }

// ErrNoUser is a login name that nobody has.
var ErrNoUser = errors.New("there is no such user")

var (
	loginName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,127}$`)
	// The resources that a person can be (SMART 2.2, fhirUser).
	fhirUser = regexp.MustCompile(`^(Patient|Practitioner|PractitionerRole|RelatedPerson|Person)/[A-Za-z0-9.-]{1,64}$`)
)

// loginNameOf is a login name as it is kept: case does not count.
func loginNameOf(entered string) string { return strings.ToLower(strings.TrimSpace(entered)) }

// check says what is wrong with a user.
func (u *User) check() error {
	switch {
	case !loginName.MatchString(u.Name):
		return wrong("a login name is 1 to 128 of a-z 0-9 . _ @ + and -, with a letter or digit first")
	case utf8.RuneCountInString(u.Display) > 200 || !utf8.ValidString(u.Display) || strings.ContainsFunc(u.Display, unicode.IsControl):
		return wrong("the name for people is at most 200 characters, none of them a control character")
	case !u.Role.valid():
		return wrong("the role is one of %s", roleList())
	case u.FHIRUser != "" && !fhirUser.MatchString(u.FHIRUser):
		return wrong("the FHIR user is a Patient, Practitioner, PractitionerRole, RelatedPerson or Person, such as Practitioner/1")
	case u.Role == Patient && !strings.HasPrefix(u.FHIRUser, "Patient/") && !strings.HasPrefix(u.FHIRUser, "RelatedPerson/"):
		// Without one nothing would say what he may see.
		return wrong("who has the role patient has a FHIR user that is a Patient or a RelatedPerson")
	case u.Role != Patient && strings.HasPrefix(u.FHIRUser, "Patient/"):
		return wrong("who is a Patient has the role patient")
	case u.BreaksGlass && u.Role == Patient:
		return wrong("a patient cannot break the glass")
	}
	return nil
}

func (r Role) valid() bool {
	for _, known := range Roles {
		if r == known {
			return true
		}
	}
	return false
}

func roleList() string {
	words := make([]string, len(Roles))
	for i, r := range Roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// AddUser keeps a new user with a password. A user of that name is an error.
func (a *Authority) AddUser(ctx context.Context, u User, password string) error {
	u.Name = loginNameOf(u.Name)
	if err := u.check(); err != nil {
		return err
	}
	if u.Issuer == "" {
		hash, err := a.newPassword(ctx, &u, password)
		if err != nil {
			return err
		}
		u.Hash = hash
	}
	u.Created, u.Epoch = a.now().UTC(), random()
	if err := a.report(ctx, Happening{What: UserAdded, Name: u.Name, Proved: true}); err != nil {
		return err
	}
	return a.Shelf.Change(ctx, func(d Drawer) error {
		if _, taken, err := d.Get(userShelf, u.Name); err != nil || taken {
			if err == nil {
				err = wrong("the login name %s is taken", u.Name)
			}
			return err
		}
		return putUser(d, &u)
	})
}

// ChangeUser changes a user by fn. His sessions end when what he may do changes.
// ErrNoUser is a name that nobody has.
func (a *Authority) ChangeUser(ctx context.Context, name string, fn func(*User)) error {
	err := a.Shelf.Change(ctx, func(d Drawer) error {
		data, ok, err := d.Get(userShelf, loginNameOf(name))
		if err != nil {
			return err
		}
		if !ok {
			return ErrNoUser
		}
		was, err := readUser(data)
		if err != nil {
			return err
		}
		u := *was
		fn(&u)
		u.Name, u.Created, u.Epoch = was.Name, was.Created, was.Epoch
		if u.Hash != was.Hash || u.Role != was.Role || u.FHIRUser != was.FHIRUser || u.Disabled != was.Disabled || u.BreaksGlass != was.BreaksGlass || u.Issuer != was.Issuer || u.Subject != was.Subject {
			u.Epoch = random()
		}
		if err := u.check(); err != nil {
			return err
		}
		return putUser(d, &u)
	})
	a.forget()
	if err == nil {
		err = a.report(ctx, Happening{What: UserChanged, Name: loginNameOf(name), Proved: true})
	}
	return err
}

// SetPassword gives a user another password, and ends his sessions.
func (a *Authority) SetPassword(ctx context.Context, name, password string) error {
	u, err := a.anyUser(ctx, name)
	if err == nil && u == nil {
		err = ErrNoUser
	}
	if err == nil && u.Issuer != "" {
		err = wrong("%s signs in at %s and has no password here", u.Name, u.Issuer)
	}
	if err != nil {
		return err
	}
	hash, err := a.newPassword(ctx, u, password)
	if err != nil {
		return err
	}
	return a.ChangeUser(ctx, name, func(u *User) { u.Hash = hash })
}

// RemoveUser removes a user, and with him his sessions and what he let apps do.
func (a *Authority) RemoveUser(ctx context.Context, name string) error {
	name = loginNameOf(name)
	err := a.Shelf.Change(ctx, func(d Drawer) error {
		if _, ok, err := d.Get(userShelf, name); err != nil || !ok {
			if err == nil {
				err = ErrNoUser
			}
			return err
		}
		return d.Put(userShelf, name, nil)
	})
	a.forget()
	if err == nil {
		err = a.report(ctx, Happening{What: UserRemoved, Name: name, Proved: true})
	}
	if err != nil {
		return err
	}
	// He is gone, so that no new ones come; one of that name shall not find them.
	grants, err := a.grants(ctx, name)
	for _, g := range grants {
		if err == nil {
			err = a.revokeGrant(ctx, name, g.ID)
		}
	}
	return err
}

// Users are the users by name, at most limit after a name.
func (a *Authority) Users(ctx context.Context, after string, limit int) ([]User, error) {
	entries, err := a.Shelf.List(ctx, userShelf, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]User, len(entries))
	for i, e := range entries {
		u, err := readUser(e.Value)
		if err != nil {
			return nil, err
		}
		list[i] = *u
	}
	return list, nil
}

// user finds a user who may do something; nil when there is none or he is disabled.
func (a *Authority) user(ctx context.Context, name string) (*User, error) {
	u, err := a.anyUser(ctx, name)
	if err != nil || u == nil || u.Disabled {
		return nil, err
	}
	return u, nil
}

// AnyUser finds a user, a disabled one as well. ErrNoUser is a name that nobody has.
func (a *Authority) AnyUser(ctx context.Context, name string) (*User, error) {
	u, err := a.anyUser(ctx, name)
	if err == nil && u == nil {
		err = ErrNoUser
	}
	return u, err
}

// anyUser finds a user, a disabled one as well; nil when there is none.
func (a *Authority) anyUser(ctx context.Context, name string) (*User, error) {
	name = loginNameOf(name)
	if !loginName.MatchString(name) {
		return nil, nil
	}
	data, ok, err := a.Shelf.Get(ctx, userShelf, name)
	if err != nil || !ok {
		return nil, err
	}
	return readUser(data)
}

// person is the Person of a user on the Shelf.
func (a *Authority) person(ctx context.Context, login string) (Person, bool, error) {
	u, err := a.user(ctx, login)
	if err != nil || u == nil {
		return Person{}, false, err
	}
	return Person{u.FHIRUser, u.Role, u.BreaksGlass}, true, nil
}

func readUser(data []byte) (*User, error) {
	u := &User{}
	if err := json.Unmarshal(data, u); err != nil {
		return nil, fmt.Errorf("auth: a user as kept: %w", err)
	}
	return u, nil
}

func putUser(d Drawer, u *User) error { return putJSON(d, userShelf, u.Name, u) }
