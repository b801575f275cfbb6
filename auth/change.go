package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNoClient is a client id that none is registered with.
var ErrNoClient = errors.New("there is no such client")

// AnyClient finds a client, a disabled one as well. ErrNoClient is one that is not
// there.
func (a *Authority) AnyClient(ctx context.Context, id string) (*Client, error) {
	data, ok, err := a.Shelf.Get(ctx, clientShelf, id)
	if err != nil {
		return nil, err
	}
	if !ok || !validClientID(id) {
		return nil, ErrNoClient
	}
	return readClient(data)
}

// AddClient registers a client under an id that none has, as Register does. What is
// wrong with it is a *UserError.
func (a *Authority) AddClient(ctx context.Context, c Client, secret bool) (given string, err error) {
	return a.writeClient(ctx, c.ID, secret, true, func(kept *Client) { *kept = c })
}

// ChangeClient changes a client by fn; with secret it gets another one, which is
// given back. Its id and when it was made stay. ErrNoClient is one that is not
// there; what is wrong with the change is a *UserError.
func (a *Authority) ChangeClient(ctx context.Context, id string, secret bool, fn func(*Client)) (given string, err error) {
	return a.writeClient(ctx, id, secret, false, fn)
}

func (a *Authority) writeClient(ctx context.Context, id string, secret, add bool, fn func(*Client)) (given string, err error) {
	if !validClientID(id) {
		if add {
			return "", wrong("client_id must be 1 to 128 of A-Z a-z 0-9 . _ ~ and -")
		}
		return "", ErrNoClient
	}
	if secret {
		given = random()
	}
	err = a.Shelf.Change(ctx, func(d Drawer) error {
		data, ok, err := d.Get(clientShelf, id)
		switch {
		case err != nil:
			return err
		case add && ok:
			return wrong("the client_id %s is taken", id)
		case !add && !ok:
			return ErrNoClient
		}
		c := &Client{Created: a.now().UTC()}
		if ok {
			if c, err = readClient(data); err != nil {
				return err
			}
		}
		made := c.Created
		fn(c)
		c.ID, c.Created = id, made
		if secret {
			c.SecretHash = hashed(given)
		}
		if err := a.check(c); err != nil {
			return &UserError{err.Error()}
		}
		if data, err = json.Marshal(c); err != nil {
			return err
		}
		if len(data) > maxClient {
			return wrong("the registration is larger than %d bytes", maxClient)
		}
		return d.Put(clientShelf, id, data)
	})
	a.forget()
	if err == nil {
		what := ClientChanged
		if add {
			what = ClientAdded
		}
		err = a.report(ctx, Happening{What: what, Name: id, Proved: true})
	}
	if err != nil {
		return "", err
	}
	return given, nil
}

func readClient(data []byte) (*Client, error) {
	c := &Client{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("auth: a client as kept: %w", err)
	}
	return c, nil
}
