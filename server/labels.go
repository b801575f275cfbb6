package server

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"vitalwire/auth/label"
	"vitalwire/server/indexing"
	"vitalwire/server/knowledge"
)

// noLabels is the value of --labels for no rules.
const noLabels = "off"

// maxRuleCodes is how many codes a value set of the rules may have.
const maxRuleCodes = 100_000

// rules are those by which resources are labelled; nil for none.
func (c Config) rules(ctx context.Context, known *knowledge.Base) (*label.Rules, error) {
	sets := func(url string) ([]label.Coding, bool) {
		found, err := known.Terms().Codes(ctx, nil, url, maxRuleCodes)
		if err != nil {
			return nil, false
		}
		list := make([]label.Coding, len(found))
		for i, code := range found {
			list[i] = label.Coding(code)
		}
		return list, true
	}
	switch c.Labels {
	case noLabels:
		return nil, nil //nolint:nilnil // none are wanted
	case "":
		return label.Default(sets)
	}
	data, err := os.ReadFile(c.Labels)
	if err != nil {
		return nil, fmt.Errorf("--labels: %w", err)
	}
	rules, err := label.Read(data, sets)
	if err != nil {
		return nil, fmt.Errorf("--labels %s: %w", c.Labels, err)
	}
	return rules, nil
}

// label has resources labelled by the rules, as far as their value sets are known now.
func (s *Server) label(ctx context.Context, c Config, known *knowledge.Base, custom *indexing.Service, log *slog.Logger) error {
	rules, err := c.rules(ctx, known)
	if err != nil {
		return err
	}
	if rules != nil && c.Labels != "" && len(rules.Missing()) > 0 {
		if s.loading.Load() && custom.Labels() {
			return nil // their packages are being loaded: until then the rules stay as they were
		}
		log.Warn("the rules of --labels name value sets that are not known here, so their codes label nothing", "valueSets", rules.Missing())
	}
	return custom.Label(ctx, rules)
}
