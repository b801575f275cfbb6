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
