package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Grant is what a user let an app do: its access and refresh tokens live no longer
// than it does.
type Grant struct {
	// ID names it among the user's grants.
	ID string `json:"id"`
	// User is the login name of who let the app in, Client the app.
	User   string `json:"user"`
	Client string `json:"client"`
	// Scope is the text of all scopes granted.
	Scope string `json:"scope"`
	// FHIRUser and Role of the user when he did.
	FHIRUser string `json:"fhirUser,omitempty"`
	Role     Role   `json:"role,omitempty"`
	launchContext
	// Session that an app with online_access lives with; "" for none.
	Session string `json:"session,omitempty"`
	// Login is when the user proved who he is, Created when he let the app in, Used
	// when it last got a token.
	Login   time.Time `json:"login"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	// Expires is when nothing of it is good any more.
	Expires time.Time `json:"expires"`
}

// key of the grant on the Shelf: those of a user stand together.
func (g *Grant) key() string { return g.User + "/" + g.ID }

// has reports whether a scope that is not for resources was granted.
func (g *Grant) has(scope string) bool {
	for _, word := range strings.Fields(g.Scope) {
		if word == scope {
			return true
		}
	}
	return false
}

// access is what a token with some of the grant's scopes stands for.
func (g *Grant) access(scope string) Access {
	other, resources := splitScopes(scope)
	return Access{Client: g.Client, Scopes: ParseScopes(resources), Other: other, User: g.User, FHIRUser: g.FHIRUser, Role: g.Role,
		Patient: g.Patient, Encounter: g.Encounter, Grant: g.key()}
}

// grants are what a user let apps do, in no order that means anything.
func (a *Authority) grants(ctx context.Context, user string) ([]Grant, error) {
	const some = 500
	var list []Grant
	prefix := user + "/"
	for after := prefix; ; {
		entries, err := a.Shelf.List(ctx, grantShelf, after, some)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Key, prefix) {
				return list, nil
			}
			g, err := readGrant(e.Value)
			if err != nil {
				return nil, err
			}
			if after = e.Key; a.now().Before(g.Expires) {
				list = append(list, *g)
			}
		}
		if len(entries) < some {
			return list, nil
		}
	}
}

// revokeGrant takes back what a user let an app do: its refresh and access tokens
// are of no use from then on. One that is gone already is no error.
func (a *Authority) revokeGrant(ctx context.Context, user, id string) error {
	if user == "" || strings.Contains(user, "/") || id == "" {
		return nil
	}
	return a.dropGrant(ctx, user+"/"+id)
}

func (a *Authority) dropGrant(ctx context.Context, key string) error {
	err := a.Shelf.Change(ctx, func(d Drawer) error { return d.Put(grantShelf, key, nil) })
	a.forget()
	return err
}

// grant finds one that is good; nil when there is none.
func (a *Authority) grant(ctx context.Context, key string) (*Grant, error) {
	data, ok, err := a.Shelf.Get(ctx, grantShelf, key)
	if err != nil || !ok {
		return nil, err
	}
	g, err := readGrant(data)
	if err != nil || !a.now().Before(g.Expires) {
		return nil, err
	}
	return g, nil
}

func readGrant(data []byte) (*Grant, error) {
	g := &Grant{}
	if err := json.Unmarshal(data, g); err != nil {
		return nil, fmt.Errorf("auth: a grant as kept: %w", err)
	}
	return g, nil
}

// getJSON reads a value of a change; ok is false when there is none.
func getJSON(d Drawer, collection, key string, to any) (ok bool, err error) {
	data, ok, err := d.Get(collection, key)
	if err != nil || !ok {
		return false, err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return false, fmt.Errorf("auth: %s as kept: %w", collection, err)
	}
	return true, nil
}

func putJSON(d Drawer, collection, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return d.Put(collection, key, data)
}

// launchContext is what an app is told beside its token (SMART 2.2, launch context
// arrives with your access_token).
type launchContext struct {
	Patient   string `json:"patient,omitempty"`
	Encounter string `json:"encounter,omitempty"`
	// FHIRContext are further resources, an array of objects.
	FHIRContext json.RawMessage `json:"fhirContext,omitempty"`
	// Banner: the app shows who the patient is, as nothing around it does.
	Banner bool   `json:"need_patient_banner,omitempty"`
	Intent string `json:"intent,omitempty"`
	Tenant string `json:"tenant,omitempty"`
}
