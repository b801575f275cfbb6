package server

import (
	"context"
	"log/slog"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
)

// Mint makes a token that stands for an access, on a running server.
func (s *Server) Mint(ctx context.Context, access auth.Access) (string, error) {
	a := auth.New(s.Base, shelf{s.store}, nil, slog.New(slog.DiscardHandler))
	token, _, err := a.Mint(ctx, access, time.Hour)
	return token, err
}

// Register registers a client on a running server.
func (s *Server) Register(ctx context.Context, c auth.Client) error {
	a := auth.New(s.Base, shelf{s.store}, nil, slog.New(slog.DiscardHandler))
	a.Rules = &auth.Rules{Base: s.Base, Search: search.NewRegistry(profiles.R4(), s.Base)}
	_, err := a.Register(ctx, c, true)
	return err
}
