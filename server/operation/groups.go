package operation

import (
	"cmp"
	"encoding/binary"
	"slices"

	"vitalwire/server/store"
)

// later orders facts from the latest to the earliest; those without a date come last,
// and of the same moment what was stored later is first.
func later(a, b store.Fact) int {
	if a.Dated != b.Dated {
		if a.Dated {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.When, a.When), cmp.Compare(b.Position, a.Position))
}

// first are the latest n, and those as late as the n-th: a tie keeps all (R4
// observation-operation-lastn). Without a date nothing is known to be as late.
func first(list []store.Fact, n int) []store.Fact {
	slices.SortFunc(list, later)
	if len(list) <= n {
		return list
	}
	end := n
	for end < len(list) && list[n-1].Dated && list[end].Dated && list[end].When == list[n-1].When {
		end++
	}
	return list[:end]
}

// groups gathers facts by code. Codes that stand in one Observation mean the same, and
// so do all that are linked by such (R4: the transitive property of equality). Of each
// set of codes only the latest are kept, so memory does not grow with the matches.
type groups struct {
	n      int
	sets   map[string]*codeSet
	parent map[store.FactCode]store.FactCode // of a code in its group; the root is its own
}

// codeSet are the facts that have the same codes.
type codeSet struct {
	code  store.FactCode
	list  []store.Fact
	limit int // length at which the list is cut to the latest
}

func newGroups(n int) *groups {
	return &groups{n: n, sets: map[string]*codeSet{}, parent: map[store.FactCode]store.FactCode{}}
}

func (g *groups) add(f store.Fact) {
	slices.SortFunc(f.Codes, func(a, b store.FactCode) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.System, b.System))
	})
	var room [256]byte
	name := room[:0]
	for _, c := range f.Codes {
		name = binary.BigEndian.AppendUint64(name, uint64(c.Code))
		name = binary.BigEndian.AppendUint64(name, uint64(c.System))
	}
	set := g.sets[string(name)]
	if set == nil {
		set = &codeSet{code: f.Codes[0], limit: 4*g.n + 64}
		g.sets[string(name)] = set
		for _, c := range f.Codes {
			g.link(f.Codes[0], c)
		}
	}
	f.Codes = nil
	if set.list = append(set.list, f); len(set.list) >= set.limit {
		set.list = slices.Clone(first(set.list, g.n))
		set.limit = max(set.limit, 2*len(set.list))
	}
}

func (g *groups) root(c store.FactCode) store.FactCode {
	up, ok := g.parent[c]
	if !ok {
		g.parent[c] = c
		return c
	}
	if up == c {
		return c
	}
	top := g.root(up)
	g.parent[c] = top
	return top
}

func (g *groups) link(a, b store.FactCode) { g.parent[g.root(b)] = g.root(a) }

// latest are the latest of each group.
func (g *groups) latest() []store.Fact {
	byRoot := map[store.FactCode][]store.Fact{}
	for _, set := range g.sets {
		root := g.root(set.code)
		byRoot[root] = append(byRoot[root], set.list...)
	}
	var kept []store.Fact
	for _, list := range byRoot {
		kept = append(kept, first(list, g.n)...)
	}
	return kept
}
