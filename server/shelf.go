package server

import (
	"context"

	"vitalwire/auth"
	"vitalwire/server/store"
)

// shelf keeps what the authorization server must remember among the records of
// the store.
type shelf struct{ store store.Store }

var _ auth.Shelf = shelf{}

// Get gives a value.
func (s shelf) Get(ctx context.Context, collection, key string) (value []byte, ok bool, err error) {
	err = s.store.Glance(ctx, func(r store.Reader) error {
		value, ok, err = r.Record(collection, key)
		return err
	})
	return value, ok, err
}

// Change runs fn in a transaction.
func (s shelf) Change(ctx context.Context, fn func(auth.Drawer) error) error {
	return s.store.Update(ctx, func(tx store.Tx) error { return fn(drawer{tx}) })
}

// List gives values in the order of their keys.
func (s shelf) List(ctx context.Context, collection, after string, limit int) ([]auth.Entry, error) {
	var list []auth.Entry
	err := s.store.View(ctx, func(r store.Reader) error {
		records, err := r.Records(collection, "", after, limit)
		list = make([]auth.Entry, len(records))
		for i, record := range records {
			list[i] = auth.Entry(record)
		}
		return err
	})
	return list, err
}

type drawer struct{ tx store.Tx }

func (d drawer) Get(collection, key string) ([]byte, bool, error) {
	return d.tx.Record(collection, key)
}

func (d drawer) Put(collection, key string, value []byte) error {
	return d.tx.PutRecord(store.RecordWrite{Collection: collection, Key: key, Value: value})
}
