package auth

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// memory is a Shelf for tests of the rules; the server's own is tested with it.
type memory struct {
	mu     sync.Mutex
	values map[[2]string][]byte
	err    error
}

func (m *memory) Get(_ context.Context, collection, key string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[[2]string{collection, key}]
	return v, ok, m.err
}

func (m *memory) Change(_ context.Context, fn func(Drawer) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	d := drawer(maps.Clone(m.values))
	if d == nil {
		d = drawer{}
	}
	if err := fn(d); err != nil {
		return err
	}
	m.values = d
	return nil
}

func (m *memory) List(_ context.Context, collection, after string, limit int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Entry
	for _, k := range slices.SortedFunc(maps.Keys(m.values), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if k[0] == collection && k[1] > after && len(list) < limit {
			list = append(list, Entry{k[1], m.values[k]})
		}
	}
	return list, m.err
}

type drawer map[[2]string][]byte

func (d drawer) Get(collection, key string) ([]byte, bool, error) {
	v, ok := d[[2]string{collection, key}]
	return v, ok, nil
}

func (d drawer) Put(collection, key string, value []byte) error {
	if value == nil {
		delete(d, [2]string{collection, key})
	} else {
		d[[2]string{collection, key}] = value
	}
	return nil
}
