package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// GlassLife is how long a broken glass stays so at most.
const GlassLife = 15 * time.Minute

// A reason, in characters: enough to be one, and no report.
const (
	leastReason = 5
	mostReason  = 500
)

// breakGlass gives a user who may a token that is also good for BTG: what Consents, or
// the policy where there are none, show in an emergency. In all else it is the one he
// has: neither scope nor compartment is wider, nor does it live longer.
func (a *Authority) breakGlass(ctx context.Context, f form) (any, error) {
	access, err := a.bearer(f.request)
	if err != nil {
		return nil, err
	}
	if access.User == "" || access.Role == Patient {
		return nil, &oauthError{status: http.StatusForbidden, code: "access_denied", text: "the glass is broken by people who treat patients, with a token of theirs"}
	}
	u, err := a.user(ctx, access.User)
	if err != nil {
		return nil, err
	}
	if u == nil || !u.BreaksGlass {
		return nil, &oauthError{status: http.StatusForbidden, code: "access_denied", text: "this user has not the privilege to break the glass"}
	}
	reason := strings.TrimSpace(f.get("reason"))
	if n := utf8.RuneCountInString(reason); !utf8.ValidString(reason) || n < leastReason || n > mostReason || strings.ContainsFunc(reason, unicode.IsControl) {
		return nil, invalidRequest("reason must say why, in 5 to 500 characters on one line")
	}
	life := min(GlassLife, access.Expires.Sub(a.now()).Truncate(time.Second))
	if life <= 0 {
		return nil, &oauthError{status: http.StatusUnauthorized, code: "invalid_token", text: "the access token has come to its end"}
	}
	if access.Reason = reason; !slices.Contains(access.Purposes, BreakGlass) {
		access.Purposes = append(slices.Clone(access.Purposes), BreakGlass)
	}
	token, made, err := a.Mint(ctx, access, life)
	if err != nil {
		return nil, err
	}
	if a.Broke != nil {
		// Nobody has the token yet: what cannot be told does not happen.
		if err := a.Broke(ctx, made); err != nil {
			return nil, err
		}
	}
	a.Log.WarnContext(ctx, "the glass was broken", "user", made.User, "client", made.Client, "token", made.ID, "until", made.Expires)
	answer := map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int64(life.Seconds()), "scope": made.FullScope(),
		purposeParameter: strings.Join(made.Purposes, " "),
	}
	a.tell(answer, &launchContext{Patient: made.Patient, Encounter: made.Encounter})
	return answer, nil
}
