package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// tlsMethod is the token_endpoint_auth_method of a client with a certificate.
const tlsMethod = "tls_client_auth"

var dnsName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkCertificate says what is wrong with the name in a client's certificate.
func (c *Client) checkCertificate() error {
	if c.CertificateName != "" && (len(c.CertificateName) > 253 || !dnsName.MatchString(c.CertificateName)) {
		return errors.New("tls_client_auth_san_dns must be a host name in lower case, such as gateway-7.example.org")
	}
	return nil
}

// certified finds a client by the certificate of the connection (RFC 8705 §2.1): one
// whose chain was verified, and that has the name registered for the client.
func (a *Authority) certified(ctx context.Context, id string, state *tls.ConnectionState) (*Client, error) {
	client, err := a.client(ctx, id)
	if err != nil {
		return nil, err
	}
	if client == nil || client.CertificateName == "" || state == nil || len(state.VerifiedChains) == 0 {
		return nil, &assertionError{errors.New("no such client that proves by a certificate who it is, or no certificate")}
	}
	names := state.PeerCertificates[0].DNSNames
	if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, client.CertificateName) }) {
		return nil, &assertionError{errors.New("the certificate has another name")}
	}
	return client, nil
}

// thumbprint is the x5t#S256 of the certificate of a connection (RFC 8705 §3.1); "" when
// there is none.
func thumbprint(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return ""
	}
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Comes reports whether a request comes by the connection that its access is bound
// to (RFC 8705 §3): one with the certificate that the token was given for. A token that
// was given without one is bound to none.
func (a Access) Comes(r *http.Request) bool {
	return a.Certificate == "" || subtle.ConstantTimeCompare([]byte(a.Certificate), []byte(thumbprint(r.TLS))) == 1
}
