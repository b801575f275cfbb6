package rest

import (
	"errors"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// Paths of the administration of clients and users.
const (
	clientsPath = "/admin/clients"
	usersPath   = "/admin/users"
)

// peopleRoutes administrate clients and users. They take a token of an operator
// (system/*.cruds) or of an administrator (user/*.cruds).
func (s *Server) peopleRoutes() []route {
	body := []string{"application/json"}
	lists := pageParameters[1:]
	return []route{
		{http.MethodGet, clientsPath, "listClients", "Lists the clients that may get access tokens.", lists, nil, map[int]string{200: "A page."}, s.listClients},
		{http.MethodPost, clientsPath, "addClient", "Registers a client, by the metadata of RFC 7591; one without jwks, jwks_uri, tls_client_auth_san_dns and public gets a secret, which is told once.", nil, body,
			map[int]string{201: "Registered.", 422: "What is wrong with it."}, s.addClient},
		{http.MethodGet, clientsPath + "/:id", "readClient", "Tells what is registered for a client.", nil, nil, map[int]string{200: "The registration."}, s.readClient},
		{http.MethodPut, clientsPath + "/:id", "changeClient", "Replaces a registration; a secret that it has stays.", nil, body, map[int]string{200: "Replaced.", 422: "What is wrong with it."}, s.changeClient},
		{http.MethodDelete, clientsPath + "/:id", "removeClient", "Removes a client, and with it the use of its tokens.", nil, nil, map[int]string{204: "Removed."}, s.removeClient},
		{http.MethodPost, clientsPath + "/:id/secret", "newClientSecret", "Gives a client another secret, which is told once.", nil, nil, map[int]string{200: "The secret."}, s.newClientSecret},
		{http.MethodGet, usersPath, "listUsers", "Lists the people who may sign in.", lists, nil, map[int]string{200: "A page."}, s.listUsers},
		{http.MethodPost, usersPath, "addUser", "Adds a user; without a password one is made, which is told once.", nil, body, map[int]string{201: "Added.", 422: "What is wrong."}, s.addUser},
		{http.MethodGet, usersPath + "/:id", "readUser", "Tells who a user is.", nil, nil, map[int]string{200: "The user."}, s.readUser},
		{http.MethodPut, usersPath + "/:id", "changeUser", "Replaces what is known of a user, but for name and password.", nil, body, map[int]string{200: "Replaced.", 422: "What is wrong."}, s.changeUser},
		{http.MethodDelete, usersPath + "/:id", "removeUser", "Removes a user, and with him the use of what he let apps do.", nil, nil, map[int]string{204: "Removed."}, s.removeUser},
		{http.MethodPost, usersPath + "/:id/password", "setUserPassword", "Gives a user another password: the one in the body, or one that is made and told once.", nil, body, map[int]string{200: "Done.", 422: "What is wrong with it."}, s.setUserPassword},
	}
}

// administrates lets in who may administrate clients and users.
func administrates(r *http.Request) error {
	access, ok := auth.From(r.Context())
	if !ok {
		return fhir.LoginRequired("an access token is needed")
	}
	if !access.Administers() {
		return fhir.Forbidden("this takes an access token with the scope system/*.cruds, or of an administrator with user/*.cruds")
	}
	return nil
}

// readJSON reads the JSON body of a request.
func (s *Server) readJSON(c echo.Context, into any) error {
	data, err := s.bytes(c.Request())
	if err != nil {
		return err
	}
	if media, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); media != "application/json" {
		return fhir.BadMedia("Content-Type %q is not read here; application/json is", media)
	}
	return ingest.DecodeJSON(data, into)
}

// administered turns an error about a client or a user into one of the REST API.
func administered(err error, kind, id string) error {
	var known *auth.UserError
	switch {
	case errors.Is(err, auth.ErrNoClient), errors.Is(err, auth.ErrNoUser):
		return fhir.NotFound(fhir.Key{Type: kind, ID: id})
	case errors.As(err, &known):
		return fhir.Unprocessable("", "%s", known.Text)
	}
	return err
}

// told answers JSON that may hold a secret, which nobody keeps.
func told(c echo.Context, status int, answer any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, answer)
}

// registration is a client as JSON: never the hash of its secret, and the secret
// itself once.
type registration struct {
	auth.Client
	SecretHash string `json:"secret_hash,omitempty"`
	Secret     string `json:"client_secret,omitempty"`
}

func (s *Server) readRegistration(c echo.Context) (auth.Client, error) {
	var r registration
	if err := s.readJSON(c, &r); err != nil {
		return auth.Client{}, err
	}
	if r.SecretHash != "" || r.Secret != "" {
		return auth.Client{}, fhir.Unprocessable("", "a client_secret is made here, never given")
	}
	return r.Client, nil
}

// bySecret reports whether a client proves by a secret who it is.
func bySecret(c *auth.Client) bool {
	return c.Keys == nil && c.KeysURL == "" && c.CertificateName == "" && !c.Public
}

func (s *Server) listClients(c echo.Context) error {
	after, count, err := page(c)
	if err != nil {
		return err
	}
	clients, err := s.Auth.Clients(c.Request().Context(), after, count)
	if err != nil {
		return err
	}
	items, next := make([]registration, len(clients)), ""
	for i, client := range clients {
		items[i] = registration{Client: client}
	}
	if len(clients) == count {
		next = clients[count-1].ID
	}
	return told(c, http.StatusOK, list{items, next})
}

func (s *Server) addClient(c echo.Context) error {
	client, err := s.readRegistration(c)
	if err != nil {
		return err
	}
	secret, err := s.Auth.AddClient(c.Request().Context(), client, bySecret(&client))
	if err != nil {
		return administered(err, "client", client.ID)
	}
	c.Response().Header().Set("Location", clientsPath+"/"+client.ID)
	return s.tellClient(c, http.StatusCreated, client.ID, secret)
}

func (s *Server) readClient(c echo.Context) error {
	return s.tellClient(c, http.StatusOK, c.Param("id"), "")
}

func (s *Server) tellClient(c echo.Context, status int, id, secret string) error {
	client, err := s.Auth.AnyClient(c.Request().Context(), id)
	if err != nil {
		return administered(err, "client", id)
	}
	return told(c, status, registration{Client: *client, Secret: secret})
}

func (s *Server) changeClient(c echo.Context) error {
	id := c.Param("id")
	entered, err := s.readRegistration(c)
	if err != nil {
		return err
	}
	if entered.ID != "" && entered.ID != id {
		return fhir.Unprocessable("client_id", "the client_id is another than that of the path")
	}
	was, err := s.Auth.AnyClient(c.Request().Context(), id)
	if err != nil {
		return administered(err, "client", id)
	}
	secret, err := s.Auth.ChangeClient(c.Request().Context(), id, bySecret(&entered) && was.SecretHash == "", func(kept *auth.Client) {
		hash := kept.SecretHash
		*kept = entered
		if bySecret(&entered) {
			kept.SecretHash = hash
		}
	})
	if err != nil {
		return administered(err, "client", id)
	}
	return s.tellClient(c, http.StatusOK, id, secret)
}

func (s *Server) newClientSecret(c echo.Context) error {
	id := c.Param("id")
	secret, err := s.Auth.ChangeClient(c.Request().Context(), id, true, func(*auth.Client) {})
	if err != nil {
		return administered(err, "client", id)
	}
	return told(c, http.StatusOK, map[string]string{"client_id": id, "client_secret": secret})
}

func (s *Server) removeClient(c echo.Context) error {
	id := c.Param("id")
	found, err := s.Auth.Unregister(c.Request().Context(), id)
	if err == nil && !found {
		err = auth.ErrNoClient
	}
	if err != nil {
		return administered(err, "client", id)
	}
	return c.NoContent(http.StatusNoContent)
}
