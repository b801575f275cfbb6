package interaction

import (
	"context"

	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// maxStale is how often a request is understood again because the search parameters
// changed while it was at work.
const maxStale = 3

// Understood reads a search by parse. One that is not understood, or not wholly, is
// read again when that is because another server of the database has brought search
// parameters since. One that looks at types which no scope of the caller names is
// refused.
func (e *Engine) Understood(ctx context.Context, parse func() (*search.Parsed, error)) (*search.Parsed, error) {
	parsed, err := e.understood(ctx, parse)
	if err != nil {
		return nil, err
	}
	return parsed, e.permitParsed(parsed)
}

func (e *Engine) understood(ctx context.Context, parse func() (*search.Parsed, error)) (*search.Parsed, error) {
	epoch := e.Search.Epoch()
	parsed, err := parse()
	if err == nil && len(parsed.Warnings) == 0 {
		return parsed, nil
	}
	if err := e.current(ctx); err != nil {
		return nil, err
	}
	if e.Search.Epoch() == epoch {
		return parsed, err
	}
	return parse()
}

// current has the registry know the search parameters that the store has now.
func (e *Engine) current(ctx context.Context) error {
	return e.Store.View(ctx, func(s store.Reader) error {
		_, err := s.Marks() // the store sees to it
		return err
	})
}
