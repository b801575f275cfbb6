package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/server"
)

// signer signs the certificates of gateways.
type signer struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newSigner(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, cert}
}

// file is the signer's certificate as PEM.
func (s signer) file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client is an HTTP client with a certificate of a name.
func (s signer) client(t *testing.T, name string) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, s.cert, &key.PublicKey, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}}
}

// RFC 8705: a gateway proves by the certificate of its connection who it is, and its
// token is of no use on another connection.
func TestRFC8705_GatewayByCertificate(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			ours, theirs := newSigner(t), newSigner(t)
			store := open(t)
			cert, key := certificate(t)
			s := start(t, store, required, func(c *server.Config) { c.TLSCert, c.TLSKey, c.ClientCA = cert, key, ours.file(t) })
			command(t, store, "client", "add", "gw7", "--scope", "system/Observation.crs", "--certificate", "gw7.example.org")
			command(t, store, "client", "add", "other", "--scope", "system/Observation.crs", "--secret")
			gateway := ours.client(t, "gw7.example.org")
			none := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			post := func(c *http.Client, path string, form url.Values) (int, map[string]any) {
				t.Helper()
				response, err := c.PostForm(s.Base+"/auth/"+path, form)
				if err != nil {
					return 0, nil
				}
				defer response.Body.Close()
				var answer map[string]any
				data, _ := io.ReadAll(response.Body)
				_ = json.Unmarshal(data, &answer)
				return response.StatusCode, answer
			}
			form := func(id string) url.Values {
				return url.Values{"grant_type": {"client_credentials"}, "scope": {"system/Observation.rs"}, "client_id": {id}}
			}
			for what, c := range map[string]struct {
				client *http.Client
				id     string
				want   int
			}{
				"its certificate":         {gateway, "gw7", 200},
				"none":                    {none, "gw7", 401},
				"of another name":         {ours.client(t, "gw8.example.org"), "gw7", 401},
				"of a name below":         {ours.client(t, "x.gw7.example.org"), "gw7", 401},
				"any name":                {ours.client(t, "*.example.org"), "gw7", 401},
				"signed by another":       {theirs.client(t, "gw7.example.org"), "gw7", 0},
				"for one with a secret":   {gateway, "other", 401},
				"for one that is nowhere": {gateway, "none", 401},
			} {
				if status, answer := post(c.client, "token", form(c.id)); status != c.want {
					t.Errorf("%s: %d %v", what, status, answer)
				}
			}
			both := form("gw7")
			both.Set("client_secret", "x")
			if status, _ := post(gateway, "token", both); status != 401 {
				t.Errorf("two ways: %d", status)
			}
			_, answer := post(gateway, "token", form("gw7"))
			token, _ := answer["access_token"].(string)
			for what, c := range map[string]struct {
				client *http.Client
				want   int
			}{"its connection": {gateway, 200}, "another": {none, 401}, "of another gateway": {ours.client(t, "gw8.example.org"), 401}, "a renewed certificate": {ours.client(t, "gw7.example.org"), 401}} {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Base+"/Observation", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				response, err := c.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != c.want {
					t.Errorf("the token on %s: %d", what, response.StatusCode)
				}
			}
			if _, answer := post(gateway, "introspect", url.Values{"client_id": {"gw7"}, "token": {token}}); answer["cnf"] == nil {
				t.Errorf("introspection: %v", answer)
			}
			response, err := none.Get(s.Base + "/.well-known/smart-configuration")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if data, _ := io.ReadAll(response.Body); !strings.Contains(string(data), "tls_client_auth") {
				t.Errorf("not published: %s", data)
			}
		})
	}
}

// A certificate in files is used anew when they are replaced, and the one before
// when they are damaged. TLS 1.2 is the least (RFC 9325).
func TestTLS_ReloadAndLeastVersion(t *testing.T) {
	cert, key := certificate(t)
	s := startWith(t, server.Config{TLSCert: cert, TLSKey: key}, nil)
	serial := func(config *tls.Config) string {
		t.Helper()
		config.InsecureSkipVerify = true
		c, err := tls.Dial("tcp", s.Addr, config)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = c.Close() }()
		return string(c.ConnectionState().PeerCertificates[0].Signature)
	}
	first := serial(&tls.Config{})
	if got := serial(&tls.Config{MaxVersion: tls.VersionTLS11}); !strings.Contains(got, "version") {
		t.Errorf("TLS 1.1: %q", got)
	}
	if got := serial(&tls.Config{MaxVersion: tls.VersionTLS12}); got != first {
		t.Errorf("TLS 1.2: %q", got)
	}
	later := time.Now()
	replace := func(path string, data []byte) {
		t.Helper()
		later = later.Add(time.Minute)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	replace(cert, []byte("damaged"))
	time.Sleep(1100 * time.Millisecond)
	if got := serial(&tls.Config{}); got != first {
		t.Errorf("with a damaged file: %q", got)
	}
	otherCert, otherKey := certificate(t)
	for from, to := range map[string]string{otherCert: cert, otherKey: key} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		replace(to, data)
	}
	for deadline := time.Now().Add(30 * time.Second); serial(&tls.Config{}) == first; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not used")
		}
	}
}

// ACME is asked for the names that are set and for no other.
func TestTLS_ACME(t *testing.T) {
	var asked atomic.Int32
	authority := httptest.NewUnstartedServer(http.NotFoundHandler())
	authority.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			asked.Add(1)
		}
	}
	authority.Config.ErrorLog = log.New(io.Discard, "", 0) // this server does not trust it
	authority.StartTLS()
	defer authority.Close()
	s := startWith(t, server.Config{TLS: server.TLS{ACMEHosts: []string{"fhir.example.org"}, ACMEDirectory: authority.URL, ACMECache: t.TempDir()}}, nil)
	for _, name := range []string{"", "other.example.org", "fhir.example.org"} {
		c, err := tls.Dial("tcp", s.Addr, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil {
			_ = c.Close() // which should not be there
			t.Errorf("%q has a certificate", name)
		}
		if listed := name == "fhir.example.org"; (asked.Load() > 0) != listed {
			t.Errorf("%q: asked %d times", name, asked.Load())
		}
	}
	for args, says := range map[string]string{
		"--acme-host fhir.example.org --listen 0.0.0.0:443 --auth required": "",
		"--acme-host 192.0.2.1":                           "--acme-host",
		"--acme-host *.example.org":                       "--acme-host",
		"--acme-email a@example.org":                      "--acme-host is missing",
		"--acme-host a.example --acme-directory http://x": "--acme-directory",
		"--tls-client-ca tls_test.go":                     "takes --tls-cert",
	} {
		status, out, errs := run(nil, append([]string{"config", "check", "--store", "sqlite:" + filepath.Join(t.TempDir(), "x.db")}, strings.Fields(args)...)...)
		if (status == 0) != (says == "") || !strings.Contains(out+errs, says) {
			t.Errorf("%s: %d %s%s", args, status, out, errs)
		}
	}
}
