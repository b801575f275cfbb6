package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"

	"vitalwire/auth"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/mqtt"
	"vitalwire/server/interaction"
	"vitalwire/server/telemetry"
)

// MQTT is how frames come in by MQTT.
type MQTT struct {
	MQTTAddress  string `env:"VITALWIRE_MQTT" name:"mqtt" placeholder:"HOST:PORT" help:"Address of a broker (MQTT 3.1.1 and 5) that takes frames. By default none. One beyond loopback takes --auth required, and --mqtt-tls or --behind-proxy."`
	MQTTTLS      bool   `env:"VITALWIRE_MQTT_TLS" name:"mqtt-tls" help:"Speak TLS on --mqtt, with --tls-cert."`
	MQTTBroker   string `env:"VITALWIRE_MQTT_BROKER" name:"mqtt-broker" placeholder:"URL" help:"Broker outside to take frames from, such as tls://broker.example.org:8883. By default none."`
	MQTTUser     string `env:"VITALWIRE_MQTT_USER" name:"mqtt-user" placeholder:"NAME" help:"User at --mqtt-broker."`
	MQTTPassword string `env:"VITALWIRE_MQTT_PASSWORD" name:"mqtt-password" placeholder:"TEXT" help:"Password at --mqtt-broker; better in the environment."`
	MQTTClientID string `env:"VITALWIRE_MQTT_CLIENT_ID" name:"mqtt-client-id" default:"vitalwire" placeholder:"ID" help:"Client id at --mqtt-broker, which keeps messages for it while the server is away."`
	MQTTFilter   string `env:"VITALWIRE_MQTT_FILTER" name:"mqtt-filter" default:"ingest/#" placeholder:"FILTER" help:"Topics to subscribe to at --mqtt-broker; each is ingest/{adapter}/{device}."`
}

// check finds what is wrong with the flags.
func (m MQTT) check(c Config) error {
	if m.MQTTBroker != "" {
		u, err := url.Parse(m.MQTTBroker)
		if err != nil || u.Host == "" || !slices.Contains([]string{"tcp", "mqtt", "tls", "mqtts", "ssl", "ws", "wss"}, u.Scheme) {
			return errors.New("--mqtt-broker must be a URL such as tls://broker.example.org:8883")
		}
		if u.User != nil {
			return errors.New("--mqtt-broker: name and password are given by --mqtt-user and VITALWIRE_MQTT_PASSWORD")
		}
	}
	if m.MQTTTLS && c.TLSCert == "" {
		return errors.New("--mqtt-tls takes --tls-cert and --tls-key")
	}
	if m.MQTTAddress == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(m.MQTTAddress)
	switch {
	case err != nil:
		return fmt.Errorf("--mqtt %s: %w", m.MQTTAddress, err)
	case local(host):
		return nil
	case c.Auth != authRequired:
		return fmt.Errorf("--mqtt %s is not a loopback address: whoever can connect could write readings. Set --auth required", m.MQTTAddress)
	case !m.MQTTTLS && !c.Proxied:
		return fmt.Errorf("--mqtt %s is not a loopback address: passwords would travel in the clear. Set --mqtt-tls, or --behind-proxy if a proxy in front speaks TLS", m.MQTTAddress)
	}
	return nil
}

// takeMQTT begins to take frames by MQTT.
func (s *Server) takeMQTT(c Config, frames *ingest.Service, engine *interaction.Engine, metrics *telemetry.Metrics, log *slog.Logger) error {
	if c.MQTTBroker != "" {
		client := &mqtt.Client{Ingest: frames, Broker: c.MQTTBroker, User: c.MQTTUser, Password: c.MQTTPassword, ID: c.MQTTClientID, Filter: c.MQTTFilter, Log: log}
		measureMQTT(metrics, "mqtt_broker", client.Totals)
		metrics.Gauge("mqtt_broker_connected", "1 while --mqtt-broker is there.", func() float64 { return float64(client.Totals().Connections) })
		client.Start()
		s.wires = append(s.wires, func(context.Context) error { client.Stop(); return nil })
	}
	if c.MQTTAddress == "" {
		return nil
	}
	l := &mqtt.Listener{Ingest: frames, Log: log, Authenticate: s.knock(frames, engine, log)}
	if c.MQTTTLS {
		own, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("--tls-cert: %w", err)
		}
		l.TLS = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	}
	socket, err := net.Listen("tcp", c.MQTTAddress)
	if err != nil {
		return fmt.Errorf("--mqtt: %w", err)
	}
	s.MQTT = socket.Addr().String()
	measureMQTT(metrics, "mqtt", l.Totals)
	metrics.Gauge("mqtt_denied", "MQTT connections of who did not prove to be somebody.", func() float64 { return float64(l.Totals().Denied) })
	metrics.Gauge("mqtt_turned_away", "MQTT connections closed as too many.", func() float64 { return float64(l.Totals().TurnedAway) })
	metrics.Gauge("mqtt_connections", "Open MQTT connections.", func() float64 { return float64(len(l.Connections())) })
	s.running.Go(func() {
		if err := l.Serve(socket); err != nil {
			log.Error("mqtt: the socket failed; no more frames are taken", "error", err)
		}
	})
	s.wires = append(s.wires, func(ctx context.Context) error { return errors.Join(l.Stop(ctx), socket.Close()) })
	return nil
}

// measureMQTT is the metrics that broker and client share.
func measureMQTT(metrics *telemetry.Metrics, prefix string, totals func() mqtt.Totals) {
	for name, of := range map[string]struct {
		help  string
		value func(mqtt.Totals) int64
	}{
		"frames":   {"Frames that came by MQTT.", func(t mqtt.Totals) int64 { return t.Frames }},
		"accepted": {"MQTT frames stored and acknowledged.", func(t mqtt.Totals) int64 { return t.Accepted }},
		"refused":  {"MQTT frames that could not be read; kept as refused.", func(t mqtt.Totals) int64 { return t.Refused }},
		"failed":   {"MQTT frames that could not be stored, and were not acknowledged.", func(t mqtt.Totals) int64 { return t.Failed }},
		"bytes":    {"Bytes that came by MQTT.", func(t mqtt.Totals) int64 { return t.Bytes }},
	} {
		metrics.Gauge(prefix+"_"+name, of.help, func() float64 { return float64(of.value(totals())) })
	}
}

// knock lets in, where there are no tokens: a device with its own secret (POST
// /ingest/devices), and a client with a secret whose scopes let it submit frames. With
// --auth off a sender may also name nobody.
func (s *Server) knock(frames *ingest.Service, engine *interaction.Engine, log *slog.Logger) func(ctx context.Context, user, password, address string) (string, bool) {
	return func(ctx context.Context, user, password, address string) (string, bool) {
		if device, ok, err := frames.Unlock(ctx, user, password); err != nil {
			log.Error("a device could not be let in", "error", err)
			return "", false
		} else if ok {
			return ingest.DevicePrefix + device, true
		}
		if s.auth == nil {
			return "", user == "" && password == ""
		}
		access, ok, err := s.auth.Knock(ctx, user, password, address)
		if err != nil {
			log.Error("a client could not be let in", "error", err)
		}
		if !ok || err != nil {
			return "", false
		}
		reach, err := engine.Reach(auth.With(ctx, access))
		return access.Client, err == nil && reach.Whole("Observation", auth.Create)
	}
}
