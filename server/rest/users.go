package rest

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
)

// person is a user as JSON: never the hash of his password, and the password that
// was made for him once.
type person struct {
	Name     string    `json:"name"`
	Display  string    `json:"display,omitempty"`
	Role     auth.Role `json:"role"`
	FHIRUser string    `json:"fhirUser,omitempty"`
	Issuer   string    `json:"issuer,omitempty"`
	// BreaksGlass is that of auth.User.
	BreaksGlass bool       `json:"breakGlass,omitempty"`
	Disabled    bool       `json:"disabled,omitempty"`
	Created     *time.Time `json:"created,omitempty"`
	Password    string     `json:"password,omitempty"`
}

func shownUser(u auth.User) person {
	return person{Name: u.Name, Display: u.Display, Role: u.Role, FHIRUser: u.FHIRUser, Issuer: u.Issuer, BreaksGlass: u.BreaksGlass, Disabled: u.Disabled, Created: &u.Created}
}

func (s *Server) listUsers(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	users, err := s.Auth.Users(c.Request().Context(), after, count)
	if err != nil {
		return err
	}
	items, next := make([]person, len(users)), ""
	for i, u := range users {
		items[i] = shownUser(u)
	}
	if len(users) == count {
		next = users[count-1].Name
	}
	return told(c, http.StatusOK, list{items, next})
}

func (s *Server) addUser(c echo.Context) error {
	var p person
	if err := s.readJSON(c, &p); err != nil {
		return err
	}
	made := ""
	if p.Password == "" && p.Issuer == "" {
		made = auth.GeneratePassword()
		p.Password = made
	}
	u := auth.User{Name: p.Name, Display: p.Display, Role: p.Role, FHIRUser: p.FHIRUser, Issuer: p.Issuer, BreaksGlass: p.BreaksGlass, Disabled: p.Disabled}
	if err := s.Auth.AddUser(c.Request().Context(), u, p.Password); err != nil {
		return administered(err, "user", p.Name)
	}
	name := strings.ToLower(p.Name)
	c.Response().Header().Set("Location", usersPath+"/"+name)
	return s.tellUser(c, http.StatusCreated, name, made)
}

func (s *Server) readUser(c echo.Context) error {
	return s.tellUser(c, http.StatusOK, c.Param("id"), "")
}

func (s *Server) tellUser(c echo.Context, status int, name, password string) error {
	u, err := s.Auth.AnyUser(c.Request().Context(), name)
	if err != nil {
		return administered(err, "user", name)
	}
	shown := shownUser(*u)
	shown.Password = password
	return told(c, status, shown)
}

func (s *Server) changeUser(c echo.Context) error {
	name := c.Param("id")
	var p person
	if err := s.readJSON(c, &p); err != nil {
		return err
	}
	switch {
	case p.Name != "" && !strings.EqualFold(p.Name, name):
		return fhir.Unprocessable("name", "the name is another than that of the path")
	case p.Password != "":
		return fhir.Unprocessable("password", "a password is changed at %s/%s/password", usersPath, name)
	}
	err := s.Auth.ChangeUser(c.Request().Context(), name, func(u *auth.User) {
		u.Display, u.Role, u.FHIRUser, u.BreaksGlass, u.Disabled = p.Display, p.Role, p.FHIRUser, p.BreaksGlass, p.Disabled
	})
	if err != nil {
		return administered(err, "user", name)
	}
	return s.tellUser(c, http.StatusOK, name, "")
}

func (s *Server) removeUser(c echo.Context) error {
	name := c.Param("id")
	if err := s.Auth.RemoveUser(c.Request().Context(), name); err != nil {
		return administered(err, "user", name)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) setUserPassword(c echo.Context) error {
	name := c.Param("id")
	var p struct {
		Password string `json:"password"`
	}
	if err := s.readJSON(c, &p); err != nil {
		return err
	}
	made := ""
	if p.Password == "" {
		made = auth.GeneratePassword()
		p.Password = made
	}
	if err := s.Auth.SetPassword(c.Request().Context(), name, p.Password); err != nil {
		return administered(err, "user", name)
	}
	return s.tellUser(c, http.StatusOK, name, made)
}
