package audit

import (
	"context"

	"vitalwire/auth"
)

// People keeps what happened to people who sign in, to clients and to their tokens. What
// somebody did who proved nothing is kept as long as there is room. Errors as of Note.
func (l *Log) People(ctx context.Context, h auth.Happening) error {
	if l == nil {
		return nil
	}
	e, err := happened(ctx, h)
	if err != nil {
		return err
	}
	if !h.Proved {
		l.Hint(ctx, e)
		return nil
	}
	return l.Note(ctx, e)
}

// happened is the event of what happened.
func happened(ctx context.Context, h auth.Happening) (*Event, error) {
	kind := Admin
	switch h.What {
	case auth.SignedIn, auth.SignInFailed, auth.SignInWaits, auth.SignedOut, auth.TokenMade:
		kind = Kind(h.What)
	}
	e, err := begin(ctx, kind)
	if err != nil {
		return nil, err
	}
	if h.User != "" {
		e.Agent.User = h.User
	}
	if h.Client != "" {
		e.Agent.Client = h.Client
	}
	switch kind {
	case LoginFailed, LockedOut:
		e.Outcome = Minor
	case TokenIssued:
		e.Agent.Token, e.Query = h.Token, "scope="+h.Grant
	case Admin:
		e.Code, e.What = string(h.What), h.Name
	}
	return e, nil
}
