package ingest

import (
	"context"

	"vitalwire/adapters"
	"vitalwire/fhir"
)

// Session is one connection of a device language with a state machine. Its frames are
// submitted one after the other.
type Session struct {
	service *Service
	adapter string
	state   adapters.Dialogue
}

// Connect begins a connection. Errors: UnknownType for an adapter that is not there, or
// has no dialogue.
func (s *Service) Connect(adapter string) (*Session, error) {
	a, err := s.adapter(adapter)
	if err != nil {
		return nil, err
	}
	dialogue, ok := a.New(nil).(adapters.Dialogue)
	if !ok {
		return nil, fhir.UnknownType(adapter)
	}
	return &Session{service: s, adapter: adapter, state: dialogue}, nil
}

// Submit is that of Service, in the state that the frames before have left. A frame
// that is not stored leaves the state as it was.
func (c *Session) Submit(ctx context.Context, sub Submission) (*Receipt, error) {
	sub.Adapter = c.adapter
	return c.service.enter(ctx, sub, c)
}

// next is a decoder for a frame that may have to be decoded again.
func (c *Session) next(memory adapters.Memory) adapters.Decoder { return c.state.Fork(memory) }

// stored says that what a decoder gave is in the store.
func (c *Session) stored(decoder adapters.Decoder) {
	if state, ok := decoder.(adapters.Dialogue); ok {
		c.state = state
	}
}
