package query

import (
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// treeSize is how many resources one hierarchy may have below or above those named.
const treeSize = 5000

// withoutTrees puts the resources of hierarchies in the place of clauses that ask
// for all below or above one (R4 search §3.1.1.5.7.1).
func (s Searcher) withoutTrees(clauses []search.Clause, snapshot int64) ([]search.Clause, error) {
	var out []search.Clause
	for i := range clauses {
		c := clauses[i]
		if !hasTree(&c) {
			continue
		}
		resolved, err := s.withoutTree(c, snapshot)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = append(out, clauses...)
		}
		out[i] = resolved
	}
	if out == nil {
		return clauses, nil
	}
	return out, nil
}

func hasTree(c *search.Clause) bool {
	switch {
	case c.Tree != search.NoTree:
		return true
	case c.Has != nil:
		return hasTree(&c.Has.Clause)
	case c.Group != nil:
		for i := range c.Group.Clauses {
			if hasTree(&c.Group.Clauses[i]) {
				return true
			}
		}
	}
	for i := range c.Chain {
		if hasTree(&c.Chain[i].Clause) {
			return true
		}
	}
	return false
}

func (s Searcher) withoutTree(c search.Clause, snapshot int64) (search.Clause, error) {
	var err error
	switch {
	case c.Has != nil:
		has := *c.Has
		has.Clause, err = s.withoutTree(has.Clause, snapshot)
		c.Has = &has
	case c.Group != nil:
		group := *c.Group
		group.Clauses, err = s.withoutTrees(group.Clauses, snapshot)
		c.Group = &group
	case len(c.Chain) > 0:
		chain := append([]search.Chain{}, c.Chain...)
		for i := range chain {
			if chain[i].Clause, err = s.withoutTree(chain[i].Clause, snapshot); err != nil {
				return c, err
			}
		}
		c.Chain = chain
	case c.Tree != search.NoTree:
		var operands []search.Operand
		for _, o := range c.Operands {
			key, ok := o.Target.Key()
			if !ok {
				return c, fhir.BadSearch("%s must name a resource, as Type/id", c.Param.Code)
			}
			ids, err := s.tree(key, c.Tree, snapshot)
			if err != nil {
				return c, err
			}
			for _, id := range ids {
				operands = append(operands, search.Operand{Target: search.Target{Type: key.Type, ID: id}})
			}
		}
		if len(operands) > treeSize {
			return c, tooHigh(c.Param.Code)
		}
		c.Operands, c.Tree = operands, search.NoTree
	}
	return c, err
}

func tooHigh(code string) error {
	return fhir.TooCostly("%s leads to a hierarchy of more than %d resources; name one further down", code, treeSize)
}

// tree gives the ids of a resource and of all below or above it. Circles end where
// they close.
func (s Searcher) tree(root fhir.Key, way search.Tree, snapshot int64) ([]string, error) {
	parent := s.Search.Hierarchy(root.Type)
	if parent == nil {
		return []string{root.ID}, nil
	}
	ids := []string{root.ID}
	seen := map[string]bool{root.ID: true}
	for level := ids; len(level) > 0; {
		found, err := s.Reader.Search(s.step(parent, level, way, snapshot))
		if err != nil {
			return nil, err
		}
		level = nil
		for _, v := range found.Matches {
			for _, id := range s.reached(parent, v.Key, v.Body, way) {
				if !seen[id] {
					seen[id] = true
					level = append(level, id)
				}
			}
		}
		if ids = append(ids, level...); len(ids) > treeSize || found.Next != nil {
			return nil, tooHigh(parent.Code)
		}
	}
	return ids, nil
}

// step finds the children of a level, or the level itself, whose parents are read
// from it.
func (s Searcher) step(parent *search.Param, level []string, way search.Tree, snapshot int64) *search.Query {
	if way == search.Up {
		return s.ofIDs(parent.Resource, level, snapshot, nil)
	}
	children := search.Clause{Param: parent}
	for _, id := range level {
		children.Operands = append(children.Operands, search.Operand{Target: search.Target{Type: parent.Resource, ID: id}})
	}
	return &search.Query{Type: parent.Resource, Filter: []search.Clause{children}, Count: treeSize, After: before(snapshot), Sight: s.sight}
}

func (s Searcher) reached(parent *search.Param, key fhir.Key, body []byte, way search.Tree) []string {
	if way == search.Down {
		return []string{key.ID}
	}
	r, err := fhir.ParseResource(body)
	if err != nil {
		return nil
	}
	var ids []string
	for _, to := range s.Search.Targets(r, parent) {
		if to.Type == key.Type {
			ids = append(ids, to.ID)
		}
	}
	return ids
}
