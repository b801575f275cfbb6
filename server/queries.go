package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/server/audit"
	"vitalwire/server/hl7query"
	"vitalwire/server/ingest/mllp"
	"vitalwire/server/interaction"
	"vitalwire/server/telemetry"
)

// mostQueries is how many queries are answered at one time, and queryLife how long one
// may take: who asks waits, and others that tell are not held up.
const (
	mostQueries = 8
	queryLife   = 20 * time.Second
)

var senderName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkQueries finds what is wrong with --mllp-queries.
func (b Bedside) checkQueries(c Config) error {
	if len(b.MLLPQueries) == 0 {
		return nil
	}
	if b.MLLP == "" {
		return errors.New("--mllp-queries takes --mllp")
	}
	if host, _, err := net.SplitHostPort(b.MLLP); err == nil && !local(host) && c.Auth != authRequired {
		return fmt.Errorf("--mllp-queries: --mllp %s is not a loopback address, and without clients who asks could read everything. Set --auth required", b.MLLP)
	}
	for sender, client := range b.MLLPQueries {
		_, err := netip.ParseAddr(sender)
		switch {
		case client == "":
			return fmt.Errorf("--mllp-queries %s names no client", sender)
		case err == nil:
		case !senderName.MatchString(sender):
			return fmt.Errorf("--mllp-queries %s: a sender is an IP address, or a host name in lower case that its certificate has", sender)
		case b.MLLPClients == "":
			return fmt.Errorf("--mllp-queries %s is a name in a certificate: set --mllp-client-ca", sender)
		}
	}
	return nil
}

// clientOf is the client that a sender is by the flags: by its certificate, which it
// cannot borrow, else by its address.
func (b Bedside) clientOf(from mllp.Peer) (id string, ok bool) {
	for _, name := range from.Names {
		if id, ok = b.MLLPQueries[strings.ToLower(name)]; ok {
			return id, true
		}
	}
	address, err := netip.ParseAddr(from.Address)
	if err != nil {
		return "", false
	}
	for sender, id := range b.MLLPQueries {
		if listed, err := netip.ParseAddr(sender); err == nil && listed.Unmap() == address.Unmap().WithZone("") {
			return id, true
		}
	}
	return "", false
}

// answers answers the queries of senders that --mllp-queries lists, as the client that
// each is; nil when it lists none.
func (s *Server) answers(c Config, engine *interaction.Engine, log *slog.Logger) func(ctx context.Context, from mllp.Peer, message []byte) ([]byte, bool) {
	if len(c.MLLPQueries) == 0 {
		return nil
	}
	a := &hl7query.Answerer{Engine: engine, Authorities: c.Authorities, Zone: engine.Zone, Now: time.Now, Log: log}
	places := make(chan struct{}, mostQueries)
	return func(ctx context.Context, from mllp.Peer, message []byte) ([]byte, bool) {
		id, listed := c.clientOf(from)
		if !listed || !hl7query.Is(message) {
			return nil, false
		}
		places <- struct{}{}
		defer func() { <-places }()
		ctx, done := context.WithTimeout(ctx, queryLife)
		defer done()
		ctx = audit.Amid(telemetry.WithCall(ctx, &telemetry.Call{Interaction: "hl7-query", Address: from.Address}), audit.Circumstances{Name: "MLLP"})
		if s.auth != nil {
			access, ok, err := s.auth.Vouched(ctx, id)
			if !ok {
				log.Warn("mllp: a query is of a client that may not ask", "client", id, "remote", from.Address, "error", err)
				return nil, false
			}
			ctx = auth.With(ctx, access)
		}
		return a.Answer(ctx, message), true
	}
}
