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

	"vitalwire/adapters/phd20601"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/drop"
	"vitalwire/server/ingest/phdtcp"
	"vitalwire/server/telemetry"
)

// PHD is how personal health devices connect by TCP.
type PHD struct {
	PHDAddress string `env:"VITALWIRE_PHD_TCP" name:"phd-tcp" placeholder:"HOST:PORT" help:"Address for agents of IEEE 11073-20601. By default none. One beyond loopback takes --phd-client-ca, or --behind-proxy."`
	PHDClients string `env:"VITALWIRE_PHD_CLIENT_CA" name:"phd-client-ca" type:"existingfile" placeholder:"FILE" help:"Certificates (PEM) of who vouches for agents. With it, and --tls-cert, --phd-tcp speaks TLS and takes only agents that have a certificate."`
}

// check finds what is wrong with the flags.
func (p PHD) check(c Config) error {
	if p.PHDClients != "" && c.TLSCert == "" {
		return errors.New("--phd-client-ca takes --tls-cert and --tls-key")
	}
	if p.PHDAddress == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(p.PHDAddress)
	if err != nil {
		return fmt.Errorf("--phd-tcp %s: %w", p.PHDAddress, err)
	}
	if !local(host) && p.PHDClients == "" && !c.Proxied {
		return fmt.Errorf("--phd-tcp %s is not a loopback address: whoever can connect could write readings. Set --phd-client-ca, or --behind-proxy if what stands in front lets only agents in", p.PHDAddress)
	}
	return nil
}

// mutual is a TLS configuration that takes only who has a certificate of a CA.
func mutual(c Config, flag, ca string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12, ClientCAs: x509.NewCertPool(), ClientAuth: tls.RequireAndVerifyClientCert}
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s %s holds no certificate", flag, ca)
	}
	return config, nil
}

// takeFiles begins to take files from --drop.
func (s *Server) takeFiles(c Config, frames *ingest.Service, metrics *telemetry.Metrics, log *slog.Logger) error {
	if c.Drop == "" {
		return nil
	}
	folder := &drop.Folder{Ingest: frames, Dir: c.Drop, MaxFile: c.MaxExport, Log: log}
	if err := folder.Prepare(); err != nil {
		return fmt.Errorf("--drop: %w", err)
	}
	metrics.Gauge("drop_done", "Files of --drop that were stored.", func() float64 { done, _, _ := folder.Totals(); return float64(done) })
	metrics.Gauge("drop_failed", "Files of --drop that could not be read; they lie in failed.", func() float64 { _, failed, _ := folder.Totals(); return float64(failed) })
	metrics.Gauge("drop_retried", "How often a file of --drop could not be stored and was left for the next look.", func() float64 { _, _, waiting := folder.Totals(); return float64(waiting) })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { folder.Watch(ctx); close(ended) }()
	s.wires = append(s.wires, func(context.Context) error { stop(); <-ended; return nil })
	return nil
}

// takePHD begins to take agents on --phd-tcp.
func (s *Server) takePHD(c Config, frames *ingest.Service, metrics *telemetry.Metrics, log *slog.Logger) error {
	if c.PHDAddress == "" {
		return nil
	}
	l := &phdtcp.Listener{Ingest: frames, Adapter: phd20601.Adapter.Name, Log: log}
	if c.PHDClients != "" {
		var err error
		if l.TLS, err = mutual(c, "--phd-client-ca", c.PHDClients); err != nil {
			return err
		}
	}
	socket, err := net.Listen("tcp", c.PHDAddress)
	if err != nil {
		return fmt.Errorf("--phd-tcp: %w", err)
	}
	s.PHD = socket.Addr().String()
	for name, of := range map[string]struct {
		help  string
		value func(phdtcp.Totals) int64
	}{
		"phd_connections": {"Open connections of 20601 agents.", func(t phdtcp.Totals) int64 { return t.Open }},
		"phd_turned_away": {"Connections of 20601 agents closed as too many.", func(t phdtcp.Totals) int64 { return t.TurnedAway }},
		"phd_apdus":       {"APDUs that came by TCP.", func(t phdtcp.Totals) int64 { return t.APDUs }},
		"phd_accepted":    {"APDUs stored and answered.", func(t phdtcp.Totals) int64 { return t.Accepted }},
		"phd_refused":     {"APDUs that could not be read; kept as refused.", func(t phdtcp.Totals) int64 { return t.Refused }},
		"phd_failed":      {"APDUs that could not be stored, and were not confirmed.", func(t phdtcp.Totals) int64 { return t.Failed }},
		"phd_bytes":       {"Bytes of APDUs that came by TCP.", func(t phdtcp.Totals) int64 { return t.Bytes }},
	} {
		metrics.Gauge(name, of.help, func() float64 { return float64(of.value(l.Totals())) })
	}
	s.running.Go(func() {
		if err := l.Serve(socket); err != nil {
			log.Error("phd-tcp: the socket failed; no more agents are taken", "error", err)
		}
	})
	s.wires = append(s.wires, func(ctx context.Context) error { return errors.Join(l.Stop(ctx), socket.Close()) })
	return nil
}
