package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/audit"
)

// clientCommands are about who may ask. They work on the store itself, on the
// machine where it is, so that they need no token; a running server knows of a
// change within seconds.
type clientCommands struct {
	Add struct {
		ID          string `arg:"" help:"Client id, 1 to 128 of A-Z a-z 0-9 . _ ~ and -."`
		Scope       string `required:"" placeholder:"SCOPES" help:"The most that its tokens may have, such as 'system/Observation.c system/Device.cu'."`
		Name        string `help:"Name for people."`
		JWKS        string `name:"jwks" type:"existingfile" placeholder:"FILE" xor:"proof" help:"Its public keys as a JWK Set; it signs assertions (RS384 or ES384)."`
		URL         string `name:"jwks-url" placeholder:"URL" xor:"proof" help:"Where its public keys are, https."`
		Certificate string `name:"certificate" placeholder:"HOST" xor:"proof" help:"Host name in the certificate by which it connects; takes --tls-client-ca of the server."`
		Secret      bool   `xor:"proof" help:"Give it a secret, which is printed once."`
		Public      bool   `xor:"proof" help:"It can keep no secret, such as a page in a browser."`

		Redirect []string `placeholder:"URI" sep:"none" help:"Where the app's users may be sent back to, compared exactly; may be repeated. With it the client is an app that people let in."`
		Native   bool     `help:"An app on a device: of a redirect to 127.0.0.1 or [::1] any port will do, and private schemes such as org.example.app:/done are taken."`
		Launch   string   `placeholder:"URL" help:"Where a launch from the EHR sends the user."`
		Logo     string   `placeholder:"URL" help:"Its picture, https."`
		Grant    []string `placeholder:"GRANT" help:"Grant type it may use: authorization_code, refresh_token, client_credentials; may be repeated. By default those that its other settings allow."`
	} `cmd:"" help:"Register a client, over an earlier one of that id."`
	List   struct{} `cmd:"" help:"List the clients."`
	Remove struct {
		ID string `arg:"" help:"Client id."`
	} `cmd:"" help:"Remove a client and with it the use of its tokens."`
}

// tokenCommand makes a token without a client.
type tokenCommand struct {
	Scope string        `required:"" placeholder:"SCOPES" help:"What it allows, such as 'system/*.rs'."`
	Life  time.Duration `default:"1h" placeholder:"DURATION" help:"How long it is good, at most 24h."`
}

// longestToken is the longest life of a token made by command.
const longestToken = 24 * time.Hour

// withAuthority runs fn on the authorization server of the store at c.Store.
func withAuthority(ctx context.Context, c Config, fn func(*auth.Authority) error) error {
	if c.Store == "" {
		c.Store = defaultStore
	}
	parameters := search.NewRegistry(profiles.R4(), c.BaseURL)
	s, err := openStore(ctx, c.Store, parameters)
	if err != nil {
		return err
	}
	a := auth.New(c.BaseURL, shelf{s}, auth.Outbound(), slog.New(slog.DiscardHandler))
	a.Audit = func(ctx context.Context, h auth.Happening) error { return audit.Command(ctx, s, c.BaseURL, h, nil) }
	a.Rules = &auth.Rules{Base: c.BaseURL, Search: parameters}
	return errors.Join(fn(a), s.Close())
}

func addClient(ctx context.Context, c Config, p clientCommands, out io.Writer) error {
	client := auth.Client{
		ID: p.Add.ID, Name: p.Add.Name, Scope: p.Add.Scope, KeysURL: p.Add.URL, CertificateName: p.Add.Certificate, Public: p.Add.Public, Grants: p.Add.Grant,
		RedirectURIs: p.Add.Redirect, Native: p.Add.Native, LaunchURI: p.Add.Launch, LogoURI: p.Add.Logo,
	}
	if p.Add.JWKS != "" {
		data, err := os.ReadFile(p.Add.JWKS)
		if err != nil {
			return err
		}
		if client.Keys = data; !json.Valid(data) {
			return fmt.Errorf("--jwks %s is not JSON", p.Add.JWKS)
		}
	}
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		secret, err := a.Register(ctx, client, p.Add.Secret)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "Client %s may ask for %s\n", client.ID, client.Scope)
		if secret != "" {
			fmt.Fprintf(out, "Its secret, which is kept nowhere and not shown again:\n%s\n", secret)
		}
		return nil
	})
}

func listClients(ctx context.Context, c Config, out io.Writer) error {
	const page = 500
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		for after := ""; ; {
			clients, err := a.Clients(ctx, after, page)
			if err != nil {
				return err
			}
			for _, client := range clients {
				after = client.ID
				fmt.Fprintf(out, "%s\t%s\t%s\n", client.ID, client.Scope, client.Name)
			}
			if len(clients) < page {
				return nil
			}
		}
	})
}

func removeClient(ctx context.Context, c Config, id string, out io.Writer) error {
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		found, err := a.Unregister(ctx, id)
		if err == nil && !found {
			err = fmt.Errorf("there is no client %q", id)
		}
		if err == nil {
			fmt.Fprintf(out, "Client %s is removed; its tokens are of no use.\n", id)
		}
		return err
	})
}

// mint prints a token alone, so that a script can take it.
func mint(ctx context.Context, c Config, t tokenCommand, out io.Writer) error {
	if t.Life <= 0 || t.Life > longestToken {
		return fmt.Errorf("--life must be more than 0 and at most %s", longestToken)
	}
	return withAuthority(ctx, c, func(a *auth.Authority) error {
		scopes, err := a.Grantable(t.Scope)
		if err != nil {
			return fmt.Errorf("--scope: %w", err)
		}
		if len(scopes.At(auth.SystemLevel)) != len(scopes) {
			return errors.New("--scope: patient/ and user/ scopes cannot be granted without a user, whose app gets them at the authorization endpoint")
		}
		token, _, err := a.Mint(ctx, auth.Access{Scopes: scopes}, t.Life)
		if err == nil {
			fmt.Fprintln(out, token)
		}
		return err
	})
}
