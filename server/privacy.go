package server

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/choice"
	"vitalwire/auth/consent"
	"vitalwire/auth/label"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/audit"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// privacy answers what patients are shown of their privacy, and keeps what they choose:
// the Consent is written like that of any client, as the patient.
type privacy struct {
	chart
	people *auth.Authority
}

var _ auth.Privacy = privacy{}

// privacyPage is what the audit log names as what the patient used.
const privacyPage = "the privacy page"

// given is a Consent as it is kept.
type given struct {
	version  store.Version
	resource *fhir.Resource
	policy   *consent.Policy
}

// options are how Consents are read here; binds is false when they decide nothing.
func (p privacy) options() (o consent.Options, binds bool) {
	if book := p.engine.Consents; book != nil {
		return book.Options, true
	}
	return o, false
}

func (p privacy) form() choice.Form {
	o, _ := p.options()
	return choice.Form{Verified: o.Verified, Self: o.SelfToo}
}

func (p privacy) kinds() []choice.Kind {
	rules, _ := p.engine.Search.Labeller().(*label.Rules)
	return choice.Kinds(rules)
}

// mostGiven bounds the Consents of one patient that are looked at.
const mostGiven = 500

// consents are those of a patient, the newest first. A patient is shown all of his own,
// also where Consents bind himself, so they are read without a guard.
func (p privacy) consents(ctx context.Context, patient string) ([]given, error) {
	parsed, err := p.engine.Search.Parse("Consent", "patient=Patient/"+patient+"&_sort=-_lastUpdated", search.Options{Zone: p.engine.Zone, DefaultCount: mostGiven, MaxCount: mostGiven})
	if err != nil {
		return nil, err
	}
	q := parsed.Query
	q.Sight = search.Everything
	var page store.Result
	err = p.engine.Store.Glance(ctx, func(r store.Reader) (err error) {
		page, err = r.Search(q)
		return err
	})
	if err != nil {
		return nil, err
	}
	if page.Next != nil {
		return nil, fhir.TooCostly("a patient with more than %d Consents", mostGiven)
	}
	var list []given
	for _, v := range page.Matches {
		resource, err := fhir.ParseResource(v.Body)
		if err != nil {
			return nil, err
		}
		policy, err := consent.Read(resource, p.engine.Base)
		if err != nil {
			policy = consent.Unreadable(v.Key, patient)
		}
		list = append(list, given{v, resource, policy})
	}
	return list, nil
}

// own is the Consent that the page keeps: the newest of those with its identifier, one in
// force before others. nil is none.
func own(list []given) *given {
	var found *given
	for i := range list {
		g := &list[i]
		if choice.Owns(g.resource) && (found == nil || found.policy.Status != "active" && g.policy.Status == "active") {
			found = g
		}
	}
	return found
}

func (g *given) shown() string {
	if g == nil {
		return ""
	}
	return g.version.Key.ID + "/" + strconv.FormatInt(g.version.VersionID, 10)
}

func policiesOf(list []given) []*consent.Policy {
	policies := make([]*consent.Policy, len(list))
	for i, g := range list {
		policies[i] = g.policy
	}
	return policies
}

// Standing is what holds for a patient.
func (p privacy) Standing(ctx context.Context, patient string) (*auth.Standing, error) {
	ctx = audit.Amid(ctx, audit.Circumstances{Name: privacyPage})
	done := audit.Done{Kind: audit.SearchType, Query: p.engine.Base + "/Consent?patient=Patient/" + patient, Patients: []string{patient}}
	if err := p.engine.Audit.Tell(ctx, done); err != nil {
		return nil, err
	}
	list, err := p.consents(ctx, patient)
	if err != nil {
		return nil, err
	}
	o, binds := p.options()
	s := &auth.Standing{Binds: binds, Implicit: o.Policy(), MostRecent: o.MostRecent, Kinds: p.kinds(), Audited: p.engine.Audit != nil}
	mine := own(list)
	s.Version = mine.shown()
	if mine != nil && mine.policy.Status == "active" {
		s.Active = true
		c, ok := choice.Read(mine.resource, p.form())
		if s.Choices = c; !ok {
			s.Foreign, s.Choices = true, choice.Choices{}
		}
	}
	names, err := p.Names(ctx, actorsOf(policiesOf(list)))
	if err != nil {
		return nil, err
	}
	for i := range list {
		g := &list[i]
		one := p.words(g, g == mine && !s.Foreign, s.Choices, s.Kinds, func(key fhir.Key) string { return names[key] })
		if one.Idle = p.idle(g, list, o); one.Idle == "" {
			s.Counting = append(s.Counting, one)
		} else {
			s.Idle = append(s.Idle, one)
		}
	}
	if binds {
		m, err := p.matrix(policiesOf(list), names)
		if err != nil {
			return nil, err
		}
		s.Sights, s.Silent = m.sights(), m.silent
	}
	return s, nil
}

// words are a Consent as it is told.
func (p privacy) words(g *given, own bool, c choice.Choices, kinds []choice.Kind, names choice.Names) auth.GivenConsent {
	one := auth.GivenConsent{Own: own, Given: g.policy.DateTime, Until: choice.Until(g.policy), Title: "A consent that was recorded for you"}
	if title := cmp.Or(codeText(g.resource.Get("category").At(0)), codeText(g.resource.Get("scope"))); title != "" && g.resource.Path("category").At(0).Get("text").Text() != "" {
		one.Title = "A consent that was recorded for you: " + title
	}
	switch {
	case own && g.policy.Status == "active":
		one.Title, one.Words = "Your choices on this page", c.Words(kinds, names)
	case own:
		one.Title, one.Rules = "Your choices on this page", choice.Rules(g.policy, names)
	default:
		one.Rules = choice.Rules(g.policy, names)
	}
	return one
}

// idle is why a Consent does not count; "" when it does.
func (p privacy) idle(g *given, list []given, o consent.Options) string {
	now := time.Now()
	policy := g.policy
	period := policy.Root.Period
	switch {
	case policy.Status == "inactive" && choice.Owns(g.resource):
		return "you withdrew it"
	case policy.Status != "active":
		return "its status is " + cmp.Or(policy.Status, "not known")
	case policy.Scope != "patient-privacy" && policy.Scope != "research":
		return "it is not about privacy, but about " + cmp.Or(policy.Scope, "something that is not said")
	case period != nil && !period.To.IsZero() && !now.Before(period.To):
		return "it is over"
	case period != nil && now.Before(period.From):
		return "it has not begun"
	case o.Verified && !policy.Verified:
		return "nobody verified it with you"
	}
	for _, purpose := range []string{"TREAT", "HRESCH"} {
		by := consent.Requester{Now: now, Purposes: []consent.Coding{{System: consent.ActReason, Code: purpose}}, Actions: []string{"access", "disclose"}}
		if slices.Contains(consent.Decide(policiesOf(list), by, p.codes(), o).Policies, policy) {
			return ""
		}
	}
	return "a newer one takes its place"
}

// actorsOf are the resources that Consents name.
func actorsOf(policies []*consent.Policy) (keys []fhir.Key) {
	var visit func(p *consent.Provision)
	visit = func(p *consent.Provision) {
		for _, a := range p.Actors {
			if a.Key.ID != "" && !slices.Contains(keys, a.Key) {
				keys = append(keys, a.Key)
			}
		}
		for i := range p.Provisions {
			visit(&p.Provisions[i])
		}
	}
	for _, p := range policies {
		visit(&p.Root)
	}
	return keys
}

// mostParties is how many are found by one text.
const mostParties = 10

// Parties finds practitioners and organizations by each word of their names.
func (p privacy) Parties(ctx context.Context, text string) (list []auth.Party, err error) {
	ctx = audit.Amid(ctx, audit.Circumstances{Name: privacyPage})
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil, nil
	}
	for i, word := range words {
		words[i] = escaped(word)
	}
	query := url.Values{"name": words[:min(len(words), mostWords)], "_count": {strconv.Itoa(mostParties)}}
	for _, typ := range []string{"Practitioner", "Organization"} {
		found, err := p.find(ctx, typ, query)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			list = append(list, auth.Party{Key: fhir.Key{Type: typ, ID: e.ID}, Name: e.Title, Detail: e.Detail})
		}
	}
	return list, nil
}

// Names are those of practitioners and organizations.
func (p privacy) Names(ctx context.Context, keys []fhir.Key) (map[fhir.Key]string, error) {
	names := map[fhir.Key]string{}
	mine, err := p.engine.As(ctx)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(k fhir.Key) bool { return k.Type != "Practitioner" && k.Type != "Organization" })
	if len(keys) == 0 {
		return names, nil
	}
	return names, mine.Store.Glance(ctx, func(r store.Reader) error {
		found, err := r.Current(keys)
		if err != nil {
			return err
		}
		for key, v := range found {
			e, err := fhir.ParseElement(v.Body)
			if err != nil {
				return err
			}
			names[key] = entity(e).Title
		}
		return nil
	})
}

// Save writes the Consent of choices, or withdraws it: a new version of the one there is.
func (p privacy) Save(ctx context.Context, patient string, c *choice.Choices, version string) error {
	ctx = audit.Amid(ctx, audit.Circumstances{Name: privacyPage})
	list, err := p.consents(ctx, patient)
	if err != nil {
		return err
	}
	mine := own(list)
	if mine.shown() != version || mine == nil && c == nil {
		return auth.ErrChanged
	}
	request := interaction.Request{Interaction: interaction.Create, Key: fhir.Key{Type: "Consent"}}
	if c != nil {
		names, err := p.Names(ctx, slices.Concat(c.Alone, c.Barred))
		if err != nil {
			return err
		}
		words := c.Words(p.kinds(), func(key fhir.Key) string { return names[key] })
		request.Body = c.Consent(patient, time.Now(), p.form(), words)
	}
	if mine == nil {
		// Of two windows only one makes it.
		request.IfNoneExist = url.Values{"identifier": {choice.System + "|" + patient}}.Encode()
	} else {
		if c == nil {
			request.Body = mine.resource.Clone()
			request.Body.Root().Set("status", fhir.NewString("inactive"))
		}
		request.Interaction, request.Key.ID = interaction.Update, mine.version.Key.ID
		request.IfMatch = mine.version.ETag()
		request.Body = request.Body.WithIdentity(request.Key.ID)
	}
	response, err := p.engine.Do(ctx, request)
	switch situation := fhir.SituationOf(err); {
	case err != nil && (situation == fhir.SituationPreconditionFailed || situation == fhir.SituationConflict || situation == fhir.SituationDeleted):
		return auth.ErrChanged
	case err != nil:
		return err
	case response.Matched:
		return auth.ErrChanged
	}
	return nil
}

// Preview is what choices would change.
func (p privacy) Preview(ctx context.Context, patient string, c *choice.Choices) ([]auth.Difference, error) {
	if _, binds := p.options(); !binds {
		return nil, nil
	}
	list, err := p.consents(ctx, patient)
	if err != nil {
		return nil, err
	}
	before, after := policiesOf(list), []*consent.Policy(nil)
	mine := own(list)
	for i := range list {
		if &list[i] != mine {
			after = append(after, list[i].policy)
		}
	}
	if c != nil {
		policy, err := consent.Read(c.Consent(patient, time.Now(), p.form(), nil), p.engine.Base)
		if err != nil {
			return nil, err
		}
		after = append(after, policy)
	}
	names, err := p.Names(ctx, actorsOf(slices.Concat(before, after)))
	if err != nil {
		return nil, err
	}
	return p.differences(before, after, names)
}
