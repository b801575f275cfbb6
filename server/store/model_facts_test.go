package store_test

import (
	"slices"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// Facts is what Search finds, without codes: those are compared by storetest.
func (m *model) Facts(q *search.Query, give func(store.Fact) error) error {
	for _, v := range m.current(q.Type, m.last) {
		if m.matches(q, v) {
			if err := give(store.Fact{Position: v.Position}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *model) At(positions []int64) ([]store.Version, error) {
	var list []store.Version
	for _, v := range slices.Backward(m.feed) {
		if slices.Contains(positions, v.Position) {
			list = append(list, v)
		}
	}
	return list, nil
}

func (m *model) Expunge(versions []store.Version) error {
	for _, gone := range versions {
		same := func(v store.Version) bool { return v.Position == gone.Position }
		m.feed = slices.DeleteFunc(m.feed, same)
		if m.of[gone.Key] = slices.DeleteFunc(m.of[gone.Key], same); len(m.of[gone.Key]) == 0 {
			delete(m.of, gone.Key)
		}
		delete(m.ix, gone.Position)
	}
	return nil
}
