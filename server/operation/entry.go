package operation

import (
	"context"

	"vitalwire/server/interaction"
)

// Entry performs an operation that an entry of a batch or transaction asks for (R4
// http §3.1.0.11), on an engine whose store may be the open transaction. Errors
// are those of Do.
func (s *Set) Entry(ctx context.Context, e *interaction.Engine, call interaction.Call, query string) (interaction.Response, error) {
	inner := *s
	inner.Engine = e
	result, err := inner.Do(ctx, Request{Method: call.Method, Path: call.Path, Query: query, Body: call.Body})
	if err != nil {
		return interaction.Response{}, err
	}
	if result.Err != nil {
		return interaction.Response{}, result.Err
	}
	return interaction.Response{Resource: result.AsResource()}, nil
}
