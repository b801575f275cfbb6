package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"vitalwire/adapters/hl7pcd01"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/mllp"
	"vitalwire/server/interaction"
	"vitalwire/server/telemetry"
)

// Bedside is how HL7 v2 messages of bedside devices come in.
type Bedside struct {
	MLLP         string            `env:"VITALWIRE_MLLP" name:"mllp" placeholder:"HOST:PORT" help:"Address to take HL7 v2 messages on, by MLLP. By default none. One beyond loopback takes --mllp-client-ca, or --behind-proxy."`
	MLLPProfile  string            `env:"VITALWIRE_MLLP_PROFILE" name:"mllp-profile" placeholder:"NAME" help:"Dialect of all senders on --mllp, such as mindray. By default each message's MSH-3 and MSH-4 tell."`
	MLLPClients  string            `env:"VITALWIRE_MLLP_CLIENT_CA" name:"mllp-client-ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) of who vouches for senders. With it, and --tls-cert, --mllp speaks TLS and takes only senders that have a certificate."`
	MLLPTLS      bool              `env:"VITALWIRE_MLLP_TLS" name:"mllp-tls" help:"Speak TLS on --mllp, with --tls-cert, to senders without a certificate too."`
	MLLPQueries  map[string]string `env:"VITALWIRE_MLLP_QUERIES" name:"mllp-queries" placeholder:"SENDER=CLIENT" help:"Whose queries on --mllp (QRY^A19, QRY^R02, QBP^Q22) are answered, and as which registered client: a DNS name in the sender's certificate, or an IP address. May be repeated. By default nobody's."`
	Registration string            `env:"VITALWIRE_REGISTRATION" enum:"open,approve,closed" default:"open" help:"Whose frames are taken: of every device (open), of new devices once POST /ingest/devices approved them, until when they wait (approve), or of devices enrolled there only (closed)."`
	MQTT         `embed:""`
	PHD          `embed:""`
	Drop         string            `env:"VITALWIRE_DROP" name:"drop" type:"existingdir" placeholder:"DIR" help:"Folder to take frames from as files: DIR/{adapter}/{file}; they end in its subfolders done and failed. By default none."`
	KeepRefused  time.Duration     `env:"VITALWIRE_KEEP_REFUSED" name:"keep-refused" placeholder:"DURATION" help:"How long frames that could not be read are kept, such as 2160h. By default for ever."`
	Authorities  map[string]string `env:"VITALWIRE_PATIENT_AUTHORITY" name:"patient-authority" placeholder:"NAME=URI" help:"Identifier system of the patients of an assigning authority that messages name without an OID (HL7 PID-3.4); may be repeated."`
}

// check finds what is wrong with the flags.
func (b Bedside) check(c Config) error {
	if b.KeepRefused < 0 || b.KeepRefused > 0 && b.KeepRefused < time.Hour {
		return errors.New("--keep-refused is an hour at least, or nothing")
	}
	if (b.MLLPClients != "" || b.MLLPTLS) && c.TLSCert == "" {
		return errors.New("--mllp-tls and --mllp-client-ca take --tls-cert and --tls-key")
	}
	if b.MLLPProfile != "" && !known(hl7pcd01.Profiles(), b.MLLPProfile) {
		return fmt.Errorf("--mllp-profile must be one of %s", strings.Join(hl7pcd01.Profiles(), ", "))
	}
	if err := errors.Join(b.MQTT.check(c), b.PHD.check(c)); err != nil {
		return err
	}
	if err := b.checkQueries(c); err != nil {
		return err
	}
	if b.MLLP == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(b.MLLP)
	if err != nil {
		return fmt.Errorf("--mllp %s: %w", b.MLLP, err)
	}
	if !local(host) && b.MLLPClients == "" && !c.Proxied {
		return fmt.Errorf("--mllp %s is not a loopback address: whoever can connect could write readings. Set --mllp-client-ca, or --behind-proxy if what stands in front lets only senders in", b.MLLP)
	}
	return nil
}

func known(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// secure is the TLS configuration of --mllp, nil for none.
func (b Bedside) secure(c Config) (*tls.Config, error) {
	if b.MLLPClients == "" && !b.MLLPTLS {
		return nil, nil
	}
	own, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if b.MLLPClients != "" {
		pem, err := os.ReadFile(b.MLLPClients)
		if err != nil {
			return nil, fmt.Errorf("--mllp-client-ca: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--mllp-client-ca %s holds no certificate", b.MLLPClients)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// receive begins to take messages on --mllp.
func (s *Server) receive(c Config, frames *ingest.Service, engine *interaction.Engine, metrics *telemetry.Metrics, log *slog.Logger) error {
	if c.MLLP == "" {
		return nil
	}
	secure, err := c.secure(c)
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", c.MLLP)
	if err != nil {
		return fmt.Errorf("--mllp: %w", err)
	}
	l := &mllp.Listener{Ingest: frames, Adapter: hl7pcd01.Adapter.Name, Profile: c.MLLPProfile, TLS: secure, Log: log, Answer: s.answers(c, engine, log)}
	s.MLLP = socket.Addr().String()
	for name, of := range map[string]struct {
		help  string
		value func(mllp.Totals) int64
	}{
		"mllp_messages":    {"HL7 v2 messages that came by MLLP.", func(t mllp.Totals) int64 { return t.Messages }},
		"mllp_accepted":    {"HL7 v2 messages stored and acknowledged.", func(t mllp.Totals) int64 { return t.Accepted }},
		"mllp_refused":     {"HL7 v2 messages that could not be read; kept as refused.", func(t mllp.Totals) int64 { return t.Refused }},
		"mllp_failed":      {"HL7 v2 messages that could not be stored; their senders were told to send again.", func(t mllp.Totals) int64 { return t.Failed }},
		"mllp_turned_away": {"MLLP connections closed as too many.", func(t mllp.Totals) int64 { return t.TurnedAway }},
		"mllp_answered":    {"HL7 v2 queries that were answered.", func(t mllp.Totals) int64 { return t.Answered }},
		"mllp_bytes":       {"Bytes that came by MLLP.", func(t mllp.Totals) int64 { return t.Bytes }},
	} {
		metrics.Gauge(name, of.help, func() float64 { return float64(of.value(l.Totals())) })
	}
	metrics.Gauge("mllp_connections", "Open MLLP connections.", func() float64 { return float64(len(l.Connections())) })
	s.running.Go(func() {
		if err := l.Serve(socket); err != nil {
			log.Error("mllp: the socket failed; no more messages are taken", "error", err)
		}
	})
	s.wires = append(s.wires, func(ctx context.Context) error {
		return errors.Join(l.Stop(ctx), socket.Close())
	})
	return nil
}
