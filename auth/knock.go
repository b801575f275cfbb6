package auth

import (
	"context"
	"time"
)

// Knock says what a client with a secret may do, where there is no token: on wires
// such as MQTT. address is who asks; one that guesses has to wait. ok is false for who
// did not prove to be a client of this server.
func (a *Authority) Knock(ctx context.Context, id, secret, address string) (access Access, ok bool, err error) {
	if a.slow.blocked(address, a.now()) > 0 {
		return Access{}, false, nil
	}
	client, err := a.client(ctx, id)
	if err != nil {
		return Access{}, false, err
	}
	if !client.holds(secret) || !client.May(ownGrant) {
		a.slow.failed(address, a.now())
		return Access{}, false, nil
	}
	now := a.now().UTC().Truncate(time.Second)
	return Access{Client: client.ID, Scopes: ParseScopes(client.Scope), Issued: now, Expires: now.Add(BackendLife)}, true, nil
}

// Vouched is what a client may do of which a wire already knows that it is the one, such
// as by the certificate of a connection. ok is false for who is no client, may not act for
// itself, or is disabled.
func (a *Authority) Vouched(ctx context.Context, id string) (access Access, ok bool, err error) {
	client, err := a.client(ctx, id)
	if err != nil || client == nil || !client.May(ownGrant) {
		return Access{}, false, err
	}
	now := a.now().UTC().Truncate(time.Second)
	return Access{Client: client.ID, Scopes: ParseScopes(client.Scope), Issued: now, Expires: now.Add(BackendLife),
		ClientResource: client.Resource, Purposes: client.purposes("")}, true, nil
}
