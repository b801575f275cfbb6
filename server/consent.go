package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/auth/mask"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/consents"
	"vitalwire/server/knowledge"
)

// Agreement is what Consents decide.
type Agreement struct {
	Consent         string `env:"VITALWIRE_CONSENT" enum:"off,deny,all-normal,basic-normal,break-glass-only" default:"off" help:"Enforce the Consents of patients, which takes --auth required. The word says what holds for a patient without one (IHE PCF): nothing is seen (deny), what is not more confidential than normal (all-normal), that by clinicians who treat (basic-normal), or that in an emergency (break-glass-only). off: Consents are kept and bind nobody."`
	ConsentsMerge   string `env:"VITALWIRE_CONSENT_MERGE" name:"consent-merge" enum:"deny-overrides,most-recent" default:"deny-overrides" help:"Several Consents of a patient in force: a deny in any denies (deny-overrides), or the one given last counts (most-recent)."`
	ConsentVerified bool   `env:"VITALWIRE_CONSENT_VERIFIED" help:"A Consent counts only when it was verified with the patient."`
	ConsentSelf     bool   `env:"VITALWIRE_CONSENT_SELF" help:"Consents bind the patient's own access, too."`
	Obligations     string `env:"VITALWIRE_OBLIGATIONS" placeholder:"FILE" help:"Obligations (JSON, see docs/security.md): elements of resources that some callers are not shown and cannot search by, which takes --auth required."`
}

// followed is how often the book of Consents looks for what other servers wrote. Each
// request looks, too; this only has it find little to do.
const followed = 200 * time.Millisecond

// implicit are the policies that --consent names.
var implicit = map[string]consent.Implicit{
	"deny": consent.DenyAll, "all-normal": consent.AllNormal, "basic-normal": consent.BasicNormal, "break-glass-only": consent.BreakGlassOnly,
}

// agreed is the book of Consents that the configuration asks for; nil for none.
func (s *Server) agreed(life context.Context, c Config, parameters *search.Registry, known *knowledge.Base, log *slog.Logger) *consents.Book {
	policy, on := implicit[c.Consent]
	if !on || c.Auth != authRequired {
		return nil
	}
	book := &consents.Book{Search: parameters, Base: s.Base, Codes: known,
		Options: consent.Options{Implicit: policy, MostRecent: c.ConsentsMerge == "most-recent", Verified: c.ConsentVerified, SelfToo: c.ConsentSelf},
		Alarm: func(key fhir.Key, what string) {
			log.Error("consent alarm: an answer was stopped", "type", key.Type, "what", what)
		},
	}
	s.running.Go(func() { book.Follow(life, s.store, followed) })
	return book
}

// obligations are what the file of --obligations says; nil without one.
func (c Config) obligations(parameters *search.Registry, known *knowledge.Base) (*mask.Rules, error) {
	if c.Obligations == "" {
		return nil, nil //nolint:nilnil // none are wanted
	}
	data, err := os.ReadFile(c.Obligations)
	if err != nil {
		return nil, fmt.Errorf("--obligations: %w", err)
	}
	rules, err := mask.Read(data, profiles.R4(), parameters, known)
	if err != nil {
		return nil, fmt.Errorf("--obligations %s: %w", c.Obligations, err)
	}
	return rules, nil
}

// checkConsent refuses a Consent that could not be enforced (docs/adr/0014).
func checkConsent(r *fhir.Resource, base string) error {
	if r.Type() != "Consent" {
		return nil
	}
	_, err := consent.Read(r, base)
	return err
}
