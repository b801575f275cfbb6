package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The ways a client proves who it is, as the page names them.
const (
	proofNone        = "public"
	proofSecret      = "secret"
	proofKeys        = "jwks"
	proofKeysURL     = "jwks_uri"
	proofCertificate = "certificate"
)

// clientView is what the page of one client shows.
type clientView struct {
	Done, Fault string
	// New is one that is to be registered.
	New bool
	Client
	// Proof is the way chosen; KeysText its keys as entered.
	Proof, KeysText string
	// Secret that was just made: it is shown this once.
	Secret string
	// Kinds are all grant types, with those that are chosen.
	Kinds []kindView
}

type kindView struct {
	Name, Label string
	Chosen      bool
}

// Has reports whether a way of proof is the chosen one.
func (v clientView) Has(proof string) bool { return v.Proof == proof }

// clientsView is what the list of clients shows.
type clientsView struct {
	Done    string
	Clients []Client
	// Next is where the next page begins; "" for the last.
	Next string
}

// pageSize is how many lines a list has.
const pageSize = 50

// administrator lets in who may administrate, to a page.
func (a *Authority) administrator(w http.ResponseWriter, r *http.Request) (*session, bool) {
	u, s, ok := a.member(w, r)
	if ok {
		*r = *acts(r, u.Name)
	}
	if ok && u.Role != Admin {
		a.problem(w, r, http.StatusForbidden, "Not for you", "This page is for administrators.")
		return nil, false
	}
	return s, ok
}

// manageClients is the list of all clients.
func (a *Authority) manageClients(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.administrator(w, r); !ok {
		return
	}
	list, err := a.Clients(r.Context(), r.URL.Query().Get("after"), pageSize+1)
	if err != nil {
		a.pageFault(w, r, err)
		return
	}
	view := clientsView{Clients: list}
	if r.URL.Query().Get("done") == "removed" {
		view.Done = "The client is removed, and its tokens are of no use."
	}
	if len(list) > pageSize {
		view.Clients, view.Next = list[:pageSize], list[pageSize-1].ID
	}
	a.page(w, r, http.StatusOK, "clients", view)
}

// manageClient is the page of one client, or of one to register.
func (a *Authority) manageClient(w http.ResponseWriter, r *http.Request) {
	s, ok := a.administrator(w, r)
	if !ok {
		return
	}
	if r.Method == http.MethodPost {
		if a.posted(w, r, s) {
			a.changeClient(w, r)
		}
		return
	}
	id := r.URL.Query().Get("id")
	if id == "" {
		a.showClient(w, r, http.StatusOK, clientView{New: true, Proof: proofNone})
		return
	}
	c, err := a.AnyClient(r.Context(), id)
	switch {
	case errors.Is(err, ErrNoClient):
		a.problem(w, r, http.StatusNotFound, "Not there", "There is no client of that id.")
	case err != nil:
		a.pageFault(w, r, err)
	default:
		view := viewOf(c)
		if r.URL.Query().Get("done") == "saved" {
			view.Done = "The client is saved."
		}
		a.showClient(w, r, http.StatusOK, view)
	}
}

func viewOf(c *Client) clientView {
	view := clientView{Client: *c, KeysText: string(c.Keys)}
	switch {
	case c.Public:
		view.Proof = proofNone
	case c.Keys != nil:
		view.Proof = proofKeys
	case c.CertificateName != "":
		view.Proof = proofCertificate
	case c.KeysURL != "":
		view.Proof = proofKeysURL
	default:
		view.Proof = proofSecret
	}
	return view
}

func (a *Authority) showClient(w http.ResponseWriter, r *http.Request, status int, view clientView) {
	for _, kind := range []kindView{
		{Name: codeGrant, Label: "People let it in (authorization_code)"},
		{Name: refreshGrant, Label: "It stays let in (refresh_token)"},
		{Name: ownGrant, Label: "It acts for itself (client_credentials)"},
	} {
		kind.Chosen = slices.Contains(view.Grants, kind.Name)
		view.Kinds = append(view.Kinds, kind)
	}
	a.page(w, r, status, "client", view)
}

// changeClient does what a form of the page of a client asks for.
func (a *Authority) changeClient(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	id := strings.TrimSpace(form.Get("client_id"))
	switch form.Get("do") {
	case "remove":
		if _, err := a.Unregister(r.Context(), id); err != nil {
			a.pageFault(w, r, err)
			return
		}
		a.Log.InfoContext(r.Context(), "a client was removed", "client", id)
		goTo(w, "clients?done=removed")
		return
	case "save", "add":
	default:
		a.problem(w, r, http.StatusBadRequest, "Not understood", "This page has no such form.")
		return
	}
	entered := enteredClient(form)
	entered.New = form.Get("do") == "add"
	given, err := a.saveClient(r, entered, form.Has("new_secret"))
	if known := (*UserError)(nil); errors.As(err, &known) {
		entered.Fault = "Not saved: " + known.Text + "."
		a.showClient(w, r, http.StatusUnprocessableEntity, entered)
		return
	}
	switch {
	case errors.Is(err, ErrNoClient):
		a.problem(w, r, http.StatusNotFound, "Not there", "There is no client of that id.")
	case err != nil:
		a.pageFault(w, r, err)
	case given == "":
		a.Log.InfoContext(r.Context(), "a client was saved", "client", id)
		goTo(w, "client?"+url.Values{"id": {id}, "done": {"saved"}}.Encode())
	default:
		a.Log.InfoContext(r.Context(), "a client was saved, with a new secret", "client", id)
		// The answer itself shows it: a page that is asked for again could not.
		entered.New, entered.Secret = false, given
		entered.Done = "The client is saved."
		a.showClient(w, r, http.StatusOK, entered)
	}
}

// saveClient keeps what was entered. A client whose proof is a secret gets one when
// it has none, or when another is asked for.
func (a *Authority) saveClient(r *http.Request, entered clientView, another bool) (given string, err error) {
	if entered.Proof == proofKeys && !json.Valid([]byte(entered.KeysText)) {
		return "", wrong("the keys are not JSON; what is wanted is a JWK Set: {\"keys\": [...]}")
	}
	apply := func(c *Client) {
		hash := c.SecretHash
		*c = entered.Client
		if entered.Proof == proofSecret {
			c.SecretHash = hash
		}
	}
	secret := entered.Proof == proofSecret
	if entered.New {
		c := Client{}
		apply(&c)
		return a.AddClient(r.Context(), c, secret)
	}
	was, err := a.AnyClient(r.Context(), entered.ID)
	if err != nil {
		return "", err
	}
	return a.ChangeClient(r.Context(), entered.ID, secret && (another || was.SecretHash == ""), apply)
}

// enteredClient is the client that a form describes. Of the ways of proof the
// chosen one counts, whatever stands in the fields of the others.
func enteredClient(form url.Values) clientView {
	text := func(name string) string { return strings.TrimSpace(form.Get(name)) }
	c := Client{
		ID: text("client_id"), Name: text("client_name"), Scope: strings.Join(strings.Fields(form.Get("scope")), " "),
		RedirectURIs: strings.Fields(form.Get("redirect_uris")), Native: form.Has("native"),
		LaunchURI: text("launch_uri"), LogoURI: text("logo_uri"), Disabled: form.Has("disabled"),
	}
	for _, kind := range []string{codeGrant, refreshGrant, ownGrant} {
		if form.Has(kind) {
			c.Grants = append(c.Grants, kind)
		}
	}
	view := clientView{Proof: form.Get("proof"), KeysText: text("jwks")}
	switch view.Proof {
	case proofNone:
		c.Public = true
	case proofKeys:
		c.Keys = json.RawMessage(view.KeysText)
	case proofCertificate:
		c.CertificateName = strings.ToLower(text("tls_client_auth_san_dns"))
	case proofKeysURL:
		c.KeysURL = text("jwks_uri")
	}
	view.Client = c
	return view
}
