package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// TLS is how the server speaks TLS besides --tls-cert and --tls-key.
type TLS struct {
	ClientCA      string   `env:"VITALWIRE_TLS_CLIENT_CA" name:"tls-client-ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) of who signs those of gateways: a gateway may then prove by its certificate who it is (RFC 8705)."`
	ACMEHosts     []string `env:"VITALWIRE_ACME_HOST" name:"acme-host" placeholder:"NAME" help:"Get a certificate for this host name by ACME (TLS-ALPN-01, so that port 443 of the name must lead here); may be repeated. By default none; it takes the place of --tls-cert."`
	ACMEDirectory string   `env:"VITALWIRE_ACME_DIRECTORY" name:"acme-directory" placeholder:"URL" help:"ACME directory of the certificate authority. By default that of Let's Encrypt."`
	ACMEEmail     string   `env:"VITALWIRE_ACME_EMAIL" name:"acme-email" placeholder:"ADDRESS" help:"Where the certificate authority writes to."`
	ACMECache     string   `env:"VITALWIRE_ACME_CACHE" name:"acme-cache" default:"data/acme" placeholder:"DIR" help:"Folder for the certificates and the key of the account."`
}

// speaksTLS reports whether the server speaks TLS.
func (c Config) speaksTLS() bool { return c.TLSCert != "" || len(c.ACMEHosts) > 0 }

// checkTLS finds what is wrong with the certificates.
func (c Config) checkTLS() error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case c.TLSCert != "" && len(c.ACMEHosts) > 0:
		return errors.New("--acme-host takes the place of --tls-cert and --tls-key")
	case c.ClientCA != "" && !c.speaksTLS():
		return errors.New("--tls-client-ca takes --tls-cert and --tls-key, or --acme-host")
	case len(c.ACMEHosts) == 0 && (c.ACMEDirectory != "" || c.ACMEEmail != ""):
		return errors.New("--acme-host is missing")
	}
	for _, host := range c.ACMEHosts {
		if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.ContainsAny(host, ":/* ") {
			return fmt.Errorf("--acme-host %s must be a host name such as fhir.example.org", host)
		}
	}
	if c.ACMEDirectory != "" && !strings.HasPrefix(c.ACMEDirectory, "https://") {
		return fmt.Errorf("--acme-directory %s must be an https URL", c.ACMEDirectory)
	}
	if c.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			return fmt.Errorf("--tls-cert: %w", err)
		}
	}
	_, err := c.clientCAs()
	return err
}

// clientCAs are who signs the certificates of clients; nil for nobody.
func (c Config) clientCAs() (*x509.CertPool, error) {
	if c.ClientCA == "" {
		return nil, nil
	}
	data, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("--tls-client-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("--tls-client-ca %s has no certificate", c.ClientCA)
	}
	return pool, nil
}

// tlsConfig is how the server speaks TLS; nil when it does not. TLS 1.2 is the
// least (RFC 9325 §3.1.1).
func (c Config) tlsConfig(log *slog.Logger) (*tls.Config, error) {
	if !c.speaksTLS() {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(c.ACMEHosts) > 0 {
		manager := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Clean(c.ACMECache)),
			HostPolicy: autocert.HostWhitelist(c.ACMEHosts...), Email: c.ACMEEmail}
		if c.ACMEDirectory != "" {
			manager.Client = &acme.Client{DirectoryURL: c.ACMEDirectory}
		}
		config.GetCertificate = manager.GetCertificate
		config.NextProtos = []string{"h2", "http/1.1", acme.ALPNProto}
	} else {
		files := &certificateFiles{cert: c.TLSCert, key: c.TLSKey, log: log}
		if _, err := files.get(nil); err != nil {
			return nil, fmt.Errorf("--tls-cert: %w", err)
		}
		config.GetCertificate = files.get
	}
	pool, err := c.clientCAs()
	if err != nil {
		return nil, err
	}
	if pool != nil {
		// Most clients have none; one that is given must be good.
		config.ClientCAs, config.ClientAuth = pool, tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// certificateFiles is a certificate in files that are replaced while the server
// runs: a connection made a moment after that has the new one.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed [2]time.Time
	looked  time.Time
}

// lookAgain is how often the files are looked at.
const lookAgain = time.Second

func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.loaded != nil && now.Sub(f.looked) < lookAgain {
		return f.loaded, nil
	}
	f.looked = now
	var changed [2]time.Time
	for i, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return f.keep(err)
		}
		changed[i] = info.ModTime()
	}
	if f.loaded != nil && changed == f.changed {
		return f.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return f.keep(err) // such as one that is half replaced; it is tried again
	}
	f.loaded, f.changed = &pair, changed
	return f.loaded, nil
}

// keep goes on with the certificate there was.
func (f *certificateFiles) keep(err error) (*tls.Certificate, error) {
	if f.loaded == nil {
		return nil, err
	}
	f.log.Warn("the certificate cannot be read again; the one before is used", "error", err)
	return f.loaded, nil
}
