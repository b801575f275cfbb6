package operation

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vitalwire/fhir"
	"vitalwire/fhir/path"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// graph is $graph (R4 resource-operation-graph): a resource with those that a
// GraphDefinition leads to from it, in a Bundle of type collection.
var graph = Operation{
	Definition: "http://hl7.org/fhir/OperationDefinition/Resource-graph",
	Run: func(ctx context.Context, s *Set, c Call) (Result, error) {
		start, err := s.stored(ctx, c.key())
		if err != nil {
			return Result{}, err
		}
		at, err := s.position(ctx)
		if err != nil {
			return Result{}, err
		}
		found, err := s.graphOf(ctx, c.named("graph").Text(), start, at)
		if err != nil {
			return Result{}, err
		}
		b := newBundle("collection", at)
		entries, mark := fhir.NewArray(), s.Engine.Watermark()
		for _, r := range found {
			entries.Append(fhir.NewObject(fhir.S("fullUrl", s.Engine.Base+"/"+r.Key().String()), fhir.M("resource", r.Root())))
			mark.Resource(r)
		}
		b.Set("entry", entries)
		mark.Mark(b)
		return answer(fhir.AsResource(b))
	},
}

// Limits of one graph.
const (
	maxGraph      = 1000 // resources
	maxGraphDepth = 10
)

// grapher follows the links of a GraphDefinition (R4 graphdefinition §5.6).
type grapher struct {
	set   *Set
	start *fhir.Resource
	at    int64
	found []*fhir.Resource
	seen  map[fhir.Key]bool
	model *path.Model
}

// graphOf is the resource and what the definition of that canonical leads to.
func (s *Set) graphOf(ctx context.Context, canonical string, start *fhir.Resource, at int64) ([]*fhir.Resource, error) {
	d, err := s.graphDefinition(ctx, canonical)
	if err != nil {
		return nil, err
	}
	if typ := d.Get("start").Text(); typ != start.Type() {
		return nil, fhir.Unprocessable("GraphDefinition.start", "the graph starts at %s, not at %s", typ, start.Type())
	}
	_, model := s.Knowledge.Definitions()
	g := &grapher{set: s, start: start, at: at, found: []*fhir.Resource{start}, seen: map[fhir.Key]bool{start.Key(): true}, model: model}
	err = g.followAll(ctx, start, d.Get("link"), 0, "GraphDefinition")
	return g.found, err
}

// graphDefinition finds a definition by its canonical: a stored one, or one of a
// loaded package.
func (s *Set) graphDefinition(ctx context.Context, canonical string) (*fhir.Element, error) {
	if key, ok := s.local(canonical); ok && key.Type == "GraphDefinition" {
		r, err := s.stored(ctx, key)
		if err != nil {
			return nil, err
		}
		return r.Root(), nil
	}
	address, version, _ := strings.Cut(canonical, "|")
	q, err := s.query("GraphDefinition", "url="+url.QueryEscape(strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`).Replace(address)))
	if err != nil {
		return nil, err
	}
	result, err := s.page(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, v := range result.Matches {
		e, err := fhir.ParseElement(v.Body)
		if err != nil {
			return nil, err
		}
		if version == "" || e.Get("version").Text() == version {
			return e, nil
		}
	}
	if r, ok := s.Knowledge.Set().Find("GraphDefinition", canonical); ok {
		return r.Root(), nil
	}
	return nil, fhir.Unprocessable("", "no GraphDefinition %.200q is known here", canonical).WithCode(fhir.CodeNotFound)
}

func (g *grapher) followAll(ctx context.Context, r *fhir.Resource, links *fhir.Element, depth int, where string) error {
	if depth > maxGraphDepth {
		return fhir.TooCostly("the graph is more than %d links deep", maxGraphDepth)
	}
	for i, link := range links.Items() {
		if err := g.follow(ctx, r, link, depth, where+".link["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

// follow adds what one link leads to from a resource.
func (g *grapher) follow(ctx context.Context, r *fhir.Resource, link *fhir.Element, depth int, where string) error {
	var forward []*fhir.Resource
	var err error
	if text := link.Get("path").Text(); text != "" {
		if forward, err = g.along(ctx, r, text, where); err != nil {
			return err
		}
	}
	n := 0
	for _, target := range link.Get("target").Items() {
		typ := target.Get("type").Text()
		candidates := forward
		if params := target.Get("params").Text(); params != "" {
			if candidates, err = g.reverse(ctx, r, typ, params, where); err != nil {
				return err
			}
		}
		for _, c := range candidates {
			if typ != "Resource" && c.Type() != typ {
				continue
			}
			ok, err := g.allowed(ctx, c, target, where)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			n++
			if g.seen[c.Key()] {
				continue
			}
			g.seen[c.Key()] = true
			if g.found = append(g.found, c); len(g.found) > maxGraph {
				return fhir.TooCostly("the graph has more than %d resources", maxGraph)
			}
			if err := g.followAll(ctx, c, target.Get("link"), depth+1, where+".target"); err != nil {
				return err
			}
		}
	}
	least, _ := strconv.Atoi(link.Get("min").Text())
	most, err := strconv.Atoi(link.Get("max").Text())
	if n < least || err == nil && n > most {
		return fhir.Unprocessable(where, "the link of %s leads to %d resources, its definition wants %d to %s", r.Key(), n, least, link.Get("max").Text())
	}
	return nil
}

// along reads the resources that the references at a path name.
func (g *grapher) along(ctx context.Context, r *fhir.Resource, text, where string) ([]*fhir.Resource, error) {
	x, err := path.Compile(text, path.WithModel(g.model))
	if err != nil {
		return nil, fhir.Unprocessable(where+".path", "the path is not FHIRPath: %.200s", err)
	}
	items, err := x.Eval(ctx, &path.Env{}, g.model.Root(r))
	if err != nil {
		return nil, fhir.Unprocessable(where+".path", "the path cannot be evaluated: %.200s", err)
	}
	var list []*fhir.Resource
	for _, item := range items {
		text := item.Element().Get("reference").Text()
		if item.Element().Is(fhir.String) {
			text = item.Element().Text() // canonical or uri
		}
		key, ok := g.set.local(text)
		if !ok {
			continue
		}
		one, err := g.set.stored(ctx, key)
		if situation := fhir.SituationOf(err); err != nil && (situation == fhir.SituationNotFound || situation == fhir.SituationDeleted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// reverse searches for resources of a type that refer to r: {ref} in the parameters
// stands for it.
func (g *grapher) reverse(ctx context.Context, r *fhir.Resource, typ, params, where string) ([]*fhir.Resource, error) {
	if !strings.Contains(params, "{ref}") {
		return nil, fhir.Unprocessable(where+".target.params", "the parameters do not have {ref}")
	}
	q, err := g.set.query(typ, strings.ReplaceAll(params, "{ref}", r.Key().String()))
	if err != nil {
		return nil, err
	}
	q.After = from(g.at)
	if len(q.Sort) > 0 {
		q.After = nil
	}
	var list []*fhir.Resource
	err = g.set.eachMatch(ctx, q, func(v store.Version) error {
		one, err := fhir.ParseResource(v.AppendJSON(nil))
		if list = append(list, one); len(list) > maxGraph {
			return fhir.TooCostly("a link of the graph leads to more than %d resources", maxGraph)
		}
		return err
	})
	return list, err
}

// allowed applies the compartment rules of a target, against where the graph starts.
func (g *grapher) allowed(ctx context.Context, c *fhir.Resource, target *fhir.Element, where string) (bool, error) {
	for _, rule := range target.Get("compartment").Items() {
		holds, err := g.rule(ctx, c, rule, where)
		if err != nil {
			return false, err
		}
		if holds {
			continue
		}
		if rule.Get("use").Text() == "requirement" {
			return false, fhir.Unprocessable(where+".target.compartment", "%s is not in the compartment that the graph requires", c.Key())
		}
		return false, nil
	}
	return true, nil
}

func (g *grapher) rule(ctx context.Context, c *fhir.Resource, rule *fhir.Element, where string) (bool, error) {
	if rule.Get("rule").Text() == "custom" {
		x, err := path.Compile(rule.Get("expression").Text(), path.WithModel(g.model))
		if err != nil {
			return false, fhir.Unprocessable(where+".target.compartment.expression", "the rule is not FHIRPath: %.200s", err)
		}
		ok, err := x.EvalBool(ctx, &path.Env{}, g.model.Root(c))
		if err != nil {
			return false, fhir.Unprocessable(where+".target.compartment.expression", "the rule cannot be evaluated: %.200s", err)
		}
		return ok, nil
	}
	compartment := g.set.Engine.Search.Compartment(rule.Get("code").Text())
	if compartment == nil {
		return false, fhir.Unprocessable(where+".target.compartment.code", "there is no compartment of that type")
	}
	own, other := owners(g.set, compartment, g.start), owners(g.set, compartment, c)
	switch rule.Get("rule").Text() {
	case "identical":
		return slices.Equal(own, other), nil
	case "matching":
		return slices.ContainsFunc(own, func(id string) bool { return slices.Contains(other, id) }), nil
	case "different":
		return !slices.ContainsFunc(own, func(id string) bool { return slices.Contains(other, id) }), nil
	}
	return false, fhir.Unprocessable(where+".target.compartment.rule", "the rule is not identical, matching, different or custom")
}

func owners(s *Set, c *search.Compartment, r *fhir.Resource) []string {
	ids := c.Owners(r.Key(), s.Engine.Search.Extract(r))
	slices.Sort(ids)
	return ids
}
