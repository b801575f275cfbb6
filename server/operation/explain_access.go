package operation

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/consents"
	"vitalwire/server/guard"
	"vitalwire/server/interaction"
	"vitalwire/server/store"
)

// explainAccess is $explain-access: whether somebody with a token may read a resource, and
// which scope, compartment rule, Consent or policy decides that. It is for who keeps the
// Consents, and answers for people who need not be there.
var explainAccess = Operation{
	Definition: "urn:vitalwire:operation:explain-access",
	Needs:      keepsConsents,
	Run:        runExplainAccess,
}

// keepsConsents wants a privacy officer or an administrator.
func keepsConsents(e *interaction.Engine, _ Call) error {
	reach, err := e.Reach(nil) //nolint:staticcheck // of an engine that is for a caller already
	if err == nil && !reach.KeepsConsents() {
		err = fhir.Forbidden("this is for privacy officers and administrators")
	}
	return err
}

// explaining is one explanation.
type explaining struct {
	set    *Set
	access auth.Access
	key    fhir.Key
	// parts are the out parameters so far, and words what they come to.
	parts []*fhir.Element
	words []string
	// refused: one of the parts does not permit it.
	refused bool
}

func runExplainAccess(ctx context.Context, s *Set, c Call) (Result, error) {
	key, ok := s.local(c.named("resource").Text())
	if !ok {
		return Result{}, fhir.Malformed("Parameters.parameter", "resource must be a resource of this server, as Type/id").WithCode(fhir.CodeValue)
	}
	access, err := accessOf(c)
	if err != nil {
		return Result{}, err
	}
	x := &explaining{set: s, access: access, key: key}
	engine := s.Engine.Unbounded()
	err = engine.Store.View(ctx, func(r store.Reader) error {
		r = guard.Raw(r) // what others may see does not depend on what he may
		v, err := r.Read(key)
		if err != nil {
			return err
		}
		if v.Deleted {
			return fhir.Deleted(key, v.ETag())
		}
		return x.explain(ctx, r, v)
	})
	if err != nil {
		return Result{}, err
	}
	permit, err := x.enforced(ctx)
	if err != nil {
		return Result{}, err
	}
	decision := "deny"
	switch {
	case permit:
		decision = "permit"
	case !x.refused && key.Type == "Provenance":
		x.say("consent", false, "a Provenance is seen by who may see all its targets that are there")
	case !x.refused && key.Type == "Binary":
		x.say("consent", false, "a Binary is seen by who may see what it belongs to, or is attached to")
	}
	out := fhir.NewResource("Parameters")
	list := []*fhir.Element{part("decision", fhir.S("valueCode", decision)), part("text", fhir.S("valueString", decision+": "+strings.Join(x.words, "; ")))}
	out.Root().Set("parameter", fhir.NewArray(append(list, x.parts...)...))
	return answer(out, nil)
}

// accessOf is the access that a call asks about.
func accessOf(c Call) (auth.Access, error) {
	a := auth.Access{Client: "explained", FHIRUser: c.named("user").Text(), Role: auth.Role(c.named("role").Text()),
		Patient: c.named("patient").Text(), Purposes: c.texts("purpose"), ClientResource: c.named("client").Text(), Scopes: auth.ParseScopes(c.named("scope").Text())}
	if len(a.Scopes) == 0 {
		return a, fhir.Malformed("Parameters.parameter", "scope must have at least one scope for resources, such as user/*.rs").WithCode(fhir.CodeValue)
	}
	if a.Role == "" && a.FHIRUser != "" {
		a.Role = auth.Patient
		if strings.HasPrefix(a.FHIRUser, "Practitioner") {
			a.Role = auth.Practitioner
		}
	}
	if len(a.Purposes) == 0 {
		a.Purposes = auth.UsualPurposes(a.Role)
	}
	return a, nil
}

// enforced is what the guarded store itself lets the access do: the decision is that of
// every read, whatever the explanation says.
func (x *explaining) enforced(ctx context.Context) (bool, error) {
	theirs, err := x.set.Engine.For(ctx, x.access)
	if err == nil {
		err = theirs.Store.Glance(ctx, func(r store.Reader) error {
			_, err := r.Read(x.key)
			return err
		})
	}
	if kept := fhir.SituationOf(err); err != nil && (kept == fhir.SituationForbidden || kept == fhir.SituationNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (x *explaining) explain(ctx context.Context, r store.Reader, v store.Version) error {
	resource, err := fhir.ParseResource(v.Body)
	if err != nil {
		return err
	}
	engine := x.set.Engine
	s := &search.Subject{Type: v.Key.Type, ID: v.Key.ID, Position: v.Position, Values: engine.Search.Extract(resource)}
	if err := x.scopes(ctx, s); err != nil {
		return err
	}
	if engine.Consents == nil {
		x.say("consent", true, "Consents are not enforced (--consent off)")
		return nil
	}
	owners, err := engine.Consents.Explain(r, x.access, s)
	if err != nil {
		return err
	}
	if len(owners) == 0 {
		x.say("consent", true, "the resource is in no patient's compartment, so no Consent is about it")
	}
	for _, o := range owners {
		x.owner(o)
	}
	return nil
}

// scopes explains what the scopes and the compartment say.
func (x *explaining) scopes(ctx context.Context, s *search.Subject) error {
	theirs, err := x.set.Engine.For(ctx, x.access)
	if fhir.SituationOf(err) == fhir.SituationForbidden && err != nil {
		x.say("scope", false, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	reach, err := theirs.Reach(ctx)
	if err != nil {
		return err
	}
	if !reach.Scoped(s.Type, auth.Read) {
		x.say("scope", false, "no scope gives r on "+s.Type)
		return nil
	}
	x.say("scope", true, "a scope gives r on "+s.Type)
	sees, err := reach.View(s.Type, auth.Read).Sees(s)
	if err != nil {
		return err
	}
	if s.Type == "Binary" {
		x.say("compartment", sees, "a Binary is seen by who sees its securityContext")
		return nil
	}
	if sees {
		x.say("compartment", true, "it lies within what the scopes reach, compartment and criteria included")
	} else {
		x.say("compartment", false, "it lies outside of the patient's compartment, or of the criteria of the scope")
	}
	return nil
}

// owner explains what the Consents of one patient say.
func (x *explaining) owner(o consents.Explained) {
	who := "Patient/" + o.Patient
	switch {
	case o.Self:
		x.say("consent", true, who+" asks for what is about himself")
		return
	case o.Implicit != "":
		x.say("consent", o.Permits, fmt.Sprintf("%s has no Consent in force; the implicit policy %s %ss it", who, o.Implicit, effectOf(o.Permits)))
		return
	}
	var why string
	for _, rule := range o.Rules {
		if rule.Applies && (rule.Effect == consent.Permit) == o.Permits && why == "" {
			why = fmt.Sprintf("%s of %s %ss it", rule.Path, rule.Consent, rule.Effect)
		}
	}
	if why == "" && o.Permits {
		why = "the policy that the Consent refers to permits it, and no provision denies it"
	} else if why == "" {
		why = "no provision in force permits it"
	}
	x.say("consent", o.Permits, who+": "+why)
	for _, rule := range o.Rules {
		applies := "is not about who asks, why or when"
		switch {
		case rule.Applies:
			applies = "applies"
		case rule.Asked:
			applies = "is not about this resource"
		}
		x.parts = append(x.parts, fhir.NewObject(fhir.S("name", "provision"), fhir.M("part", fhir.NewArray(
			part("consent", fhir.M("valueReference", fhir.NewObject(fhir.S("reference", rule.Consent.String())))),
			part("path", fhir.S("valueString", rule.Path)),
			part("effect", fhir.S("valueCode", cmp.Or(rule.Effect.String(), "none"))),
			part("applies", fhir.M("valueBoolean", fhir.NewBool(rule.Applies))),
			part("text", fhir.S("valueString", rule.Path+" "+applies))))))
	}
}

func effectOf(permits bool) string {
	if permits {
		return "permit"
	}
	return "forbid"
}

// say adds a rule that was looked at.
func (x *explaining) say(rule string, permits bool, text string) {
	x.refused = x.refused || !permits
	x.words = append(x.words, text)
	x.parts = append(x.parts, fhir.NewObject(fhir.S("name", rule), fhir.M("part", fhir.NewArray(
		part("permits", fhir.M("valueBoolean", fhir.NewBool(permits))), part("text", fhir.S("valueString", text))))))
}

func part(name string, value fhir.Member) *fhir.Element {
	return fhir.NewObject(fhir.S("name", name), value)
}
