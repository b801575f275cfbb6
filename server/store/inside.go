package store

import (
	"context"
	"errors"
)

// Inside is a store that works in an open transaction: what is read sees what was
// written in it, and what is written is kept only when it commits. It serves who
// knows a Store alone. An error of a write spoils the transaction.
func Inside(tx Tx) Store { return inside{tx} }

type inside struct{ tx Tx }

func (i inside) View(_ context.Context, fn func(Reader) error) error { return fn(i.tx) }

func (i inside) Glance(_ context.Context, fn func(Reader) error) error { return fn(i.tx) }

func (i inside) Update(_ context.Context, fn func(Tx) error) error { return fn(i.tx) }

func (i inside) Apply(_ context.Context, units ...Unit) []Outcome {
	outcomes := make([]Outcome, len(units))
	for n, unit := range units {
		outcomes[n] = i.tx.WriteAll(unit.Writes)
		for _, record := range unit.Records {
			if outcomes[n].Err == nil {
				outcomes[n].Err = i.tx.PutRecord(record)
			}
		}
	}
	return outcomes
}

// Reindex is no work for a transaction.
func (i inside) Reindex(context.Context, Reindexing) (Reindexed, error) {
	return Reindexed{}, errors.New("store: a transaction does not reindex")
}

// Follow is no work for a transaction.
func (i inside) Follow(Learn) {}

// Close does nothing: who opened the transaction ends it.
func (i inside) Close() error { return nil }
