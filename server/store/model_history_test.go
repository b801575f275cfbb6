package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

func (m *model) selected(of store.Selection) []store.Version {
	var list []store.Version
	for _, v := range m.feed {
		ok := v.Position > of.Above && (of.Below == 0 || v.Position < of.Below) && (of.AsOf == 0 || v.Position <= of.AsOf) &&
			(of.Type == "" || v.Key.Type == of.Type) && (of.ID == "" || v.Key.ID == of.ID) && (of.Except == "" || v.Key.Type != of.Except)
		if of.Only != nil {
			ok = ok && slices.ContainsFunc(of.Only, func(n store.Named) bool {
				return n.Key == v.Key && (n.VersionID == 0 || n.VersionID == v.VersionID)
			})
		}
		if of.During != nil {
			ok = ok && v.Position < of.During.To
			for _, next := range m.of[v.Key] {
				if next.VersionID == v.VersionID+1 && next.Position <= of.During.From && (of.AsOf == 0 || next.Position <= of.AsOf) {
					ok = false
				}
			}
		}
		if ok {
			list = append(list, v)
		}
	}
	if !of.Oldest {
		slices.Reverse(list)
	}
	return list
}

func (m *model) Versions(of store.Selection, limit int) ([]store.Version, error) {
	list := m.selected(of)
	return list[:min(len(list), limit)], nil
}

func (m *model) CountVersions(of store.Selection, atMost int64) (int64, error) {
	n := int64(len(m.selected(of)))
	if n > atMost {
		return -1, nil
	}
	return n, nil
}

func (m *model) Current(keys []fhir.Key) (map[fhir.Key]store.Version, error) {
	found := map[fhir.Key]store.Version{}
	for _, key := range keys {
		if chain := m.of[key]; len(chain) > 0 {
			found[key] = chain[len(chain)-1]
		}
	}
	return found, nil
}

// history asks both for the same versions.
func (g generator) history() operation {
	const began = 1_700_000_000_000_000 // where the clock of these tests begins
	of := store.Selection{Oldest: g.IntN(2) == 0}
	if g.IntN(3) > 0 {
		of.Type = g.key().Type
		if g.IntN(2) == 0 {
			of.ID = g.key().ID
		}
	}
	if g.IntN(4) == 0 {
		of.Except = g.key().Type
	}
	if g.IntN(3) == 0 {
		of.Above = began + g.Int64N(400_000)
	}
	if g.IntN(3) == 0 {
		of.Below = began + g.Int64N(400_000)
	}
	if g.IntN(3) == 0 {
		of.AsOf = began + g.Int64N(400_000)
	}
	if g.IntN(3) == 0 {
		from := began + g.Int64N(400_000)
		of.During = &store.Period{From: from, To: from + g.Int64N(200_000)}
	}
	if g.IntN(4) == 0 {
		of.Only = []store.Named{}
		for range g.IntN(4) {
			of.Only = append(of.Only, store.Named{Key: g.key(), VersionID: g.Int64N(3)})
		}
	}
	limit, atMost, keys := g.IntN(6), g.Int64N(30), []fhir.Key{g.key(), g.key(), {Type: "Patient", ID: "none"}}
	return operation{name: fmt.Sprintf("history %+v", of), do: func(s store.Store) string {
		var b strings.Builder
		err := s.View(context.Background(), func(r store.Reader) error {
			list, err := r.Versions(of, limit)
			fmt.Fprint(&b, versions(list...), problem(err))
			n, err := r.CountVersions(of, atMost)
			fmt.Fprint(&b, n, problem(err))
			current, err := r.Current(keys)
			for _, key := range keys {
				fmt.Fprint(&b, versions(current[key]))
			}
			fmt.Fprint(&b, problem(err))
			return nil
		})
		return b.String() + problem(err)
	}}
}
