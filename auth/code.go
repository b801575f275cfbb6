package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// AccessLife is how long an access token that a user let an app have is good;
// onlineLife one that lives with a session, which its renewal keeps alive.
const (
	AccessLife = time.Hour
	onlineLife = 15 * time.Minute
	// OfflineLife is how long a refresh token of offline_access is good without use:
	// the certification of EHRs (ONC g10) asks for three months.
	OfflineLife = 180 * 24 * time.Hour
)

// issued is a code on the Shelf.
type issued struct {
	Grant     Grant     `json:"grant"`
	Redirect  string    `json:"redirect_uri"`
	Challenge string    `json:"code_challenge"`
	Nonce     string    `json:"nonce,omitempty"`
	Expires   time.Time `json:"expires"`
	// Used: it was exchanged. It is kept so that another use of it is known.
	Used bool `json:"used,omitempty"`
}

func invalidGrant(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_grant", text: text}
}

// exchange gives tokens for a code (RFC 6749 §4.1.3). A code used twice is in the
// wrong hands, so nothing of what it gave stays good (§4.1.2); of two who use it at
// the same time one is second.
func (a *Authority) exchange(ctx context.Context, client *Client, f form) (any, error) {
	code := f.get("code")
	if !isRandom(code) || f.get("redirect_uri") == "" {
		return nil, invalidGrant("code or redirect_uri is missing or wrong")
	}
	var row issued
	var refusal error
	refresh := ""
	err := a.Shelf.Change(ctx, func(d Drawer) error {
		row, refusal, refresh = issued{}, nil, ""
		if _, err := getJSON(d, codeShelf, hashed(code), &row); err != nil {
			return err
		}
		if refusal = a.refuses(row, client, f); refusal != nil {
			if row.Used && row.Grant.Client == client.ID {
				return d.Put(grantShelf, row.Grant.key(), nil)
			}
			return nil
		}
		now := a.now().UTC()
		row.Used, row.Grant.Used = true, now
		row.Grant.Expires = a.grantEnd(&row.Grant, now)
		if err := putJSON(d, codeShelf, hashed(code), row); err != nil {
			return err
		}
		if row.Grant.renewable() {
			refresh = random()
			if err := putJSON(d, refreshShelf, hashed(refresh), renewal{Grant: row.Grant.key(), Expires: row.Grant.Expires}); err != nil {
				return err
			}
		}
		return putJSON(d, grantShelf, row.Grant.key(), &row.Grant)
	})
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		if row.Used && row.Grant.Client == client.ID {
			a.forget()
			a.Log.WarnContext(ctx, "a code was used twice; what it gave is taken back", "client", client.ID, "grant", row.Grant.ID)
		}
		return nil, refusal
	}
	answer, err := a.answer(ctx, client, &row.Grant, row.Grant.Scope, f)
	if err != nil {
		return nil, err
	}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	if row.Grant.has(openidScope) {
		if answer["id_token"], err = a.idToken(ctx, &row.Grant, row.Nonce); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// refuses says why a code gives nothing. Which of it was wrong is not told apart,
// but for what the app's author can only have forgotten.
func (a *Authority) refuses(row issued, client *Client, f form) error {
	switch {
	case row.Grant.Client != client.ID, row.Used, !a.now().Before(row.Expires):
		return invalidGrant("the code is unknown, used, too old, or another client's")
	case row.Redirect != f.get("redirect_uri"):
		return invalidGrant("redirect_uri is not that of the authorization request")
	case !verifies(f.get("code_verifier"), row.Challenge):
		return invalidGrant("code_verifier is missing, or not that of the code_challenge")
	}
	_, err := client.asks(row.Grant.Role, f.get(purposeParameter))
	return err
}

// verifies compares a code_verifier with its challenge by S256 (RFC 7636 §4.6).
func verifies(verifier, challenge string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	if len(verifier) < 43 || len(verifier) > 128 || strings.Trim(verifier, unreserved) != "" {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// renewable reports whether the app gets refresh tokens.
func (g *Grant) renewable() bool { return g.has(offlineScope) || g.has(onlineScope) }

// life is how long an access token of the grant is good.
func (g *Grant) life() time.Duration {
	if g.Session != "" {
		return onlineLife
	}
	return AccessLife
}

// grantEnd is when a grant that is used now ends, unless it is used again.
func (a *Authority) grantEnd(g *Grant, now time.Time) time.Time {
	switch {
	case g.has(offlineScope):
		return now.Add(OfflineLife)
	case g.has(onlineScope):
		return now.Add(longestSession)
	}
	return now.Add(g.life())
}

// answer is that of the token endpoint for some of a grant's scopes, with what the
// app is told of where it was started (SMART 2.2, launch context arrives with your
// access_token).
func (a *Authority) answer(ctx context.Context, client *Client, g *Grant, scope string, f form) (map[string]any, error) {
	access := g.access(scope)
	var err error
	if access.Purposes, err = client.asks(g.Role, f.get(purposeParameter)); err != nil {
		return nil, err
	}
	token, access, err := a.Mint(ctx, access, g.life())
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"access_token": token, "token_type": "Bearer",
		"expires_in": int64(access.Expires.Sub(access.Issued).Seconds()), "scope": access.FullScope(),
	}
	a.tell(answer, &g.launchContext)
	if g.Patient != "" {
		answer["need_patient_banner"] = g.Banner
		answer["smart_style_url"] = a.styleURL()
	}
	return answer, nil
}

// tell adds the launch context to an answer.
func (a *Authority) tell(answer map[string]any, c *launchContext) {
	for name, value := range map[string]string{"patient": c.Patient, "encounter": c.Encounter, "intent": c.Intent, "tenant": c.Tenant} {
		if value != "" {
			answer[name] = value
		}
	}
	if len(c.FHIRContext) > 0 {
		answer["fhirContext"] = c.FHIRContext
	}
}
