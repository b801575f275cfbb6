package auth

import (
	"context"
	"net/http"
)

// Happening is what the audit log is told of people, clients and their tokens.
type Happening struct {
	// What is one of the words below.
	What Word
	// User is the login name, "" when none that exists; Client a client id, Token the id
	// of an access token, Grant its grant_type and scope as they were asked for.
	User, Client, Token, Grant string
	// Name of what an administrator changed.
	Name string
	// Proved: the caller has proved who he is, so that what he does is refused when it
	// cannot be audited.
	Proved bool
}

// Word says what happened.
type Word string

// The words.
const (
	SignedIn      Word = "login"
	SignInFailed  Word = "login-failed"
	SignInWaits   Word = "locked-out"
	SignedOut     Word = "logout"
	TokenMade     Word = "token-issued"
	UserAdded     Word = "user-added"
	UserChanged   Word = "user-changed"
	UserRemoved   Word = "user-removed"
	ClientAdded   Word = "client-added"
	ClientChanged Word = "client-changed"
	ClientRemoved Word = "client-removed"
	KeysRotated   Word = "keys-rotated"
	BackedUp      Word = "backup-made"
	Restored      Word = "restored"
)

// report has the audit log keep what happened. The error says that it could not, and that
// who proved himself must not be served.
func (a *Authority) report(ctx context.Context, h Happening) error {
	if a.Audit == nil {
		return nil
	}
	if h.User == "" {
		h.User = actor(ctx)
	}
	return a.Audit(ctx, h)
}

type actorKey struct{}

// acts is a request of a user who signed in, for the audit log.
func acts(r *http.Request, user string) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), actorKey{}, user))
}

func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}
