// Package mqtt takes device frames by MQTT 3.1.1 and 5 (OASIS): as a broker that
// devices and gateways connect to, and as a client of a broker outside. A PUBLISH is
// acknowledged when what it says is in the store, and not before.
//
// Frames are published to ingest/{adapter}/{device}, or with the Bluetooth
// characteristic as a fourth level; ingest/{adapter}/{device}/envelope takes the JSON
// envelope of HTTP. A device that only its bytes name is "-". What a device waits for
// comes to replies/{user}/{device}.
package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	broker "github.com/mochi-mqtt/server/v2"

	"vitalwire/server/ingest"
)

// Listener is a broker for senders of frames. It keeps nothing for subscribers beyond
// their connection: what is published goes to the store. Its fields are set once,
// before Serve; zeros mean the defaults.
type Listener struct {
	Ingest *ingest.Service
	// Authenticate says who a user with a password is, as Submission.Sender, "" when
	// nobody is asked; ok is false for one who is not let in. nil lets everybody in.
	Authenticate func(ctx context.Context, user, password, address string) (sender string, ok bool)
	// TLS is nil for plain TCP.
	TLS *tls.Config
	Log *slog.Logger

	// MaxConnections is how many may be connected, 1024 by default; further ones are
	// closed at once.
	MaxConnections int
	// Idle is the longest that a connection may say nothing, whatever keep-alive its
	// CONNECT asks for, 30 minutes by default; Stall how long CONNECT may take, 10
	// seconds.
	Idle, Stall time.Duration
	// Again is how long a proof is good, 1 minute by default: then Authenticate is asked
	// again before a frame is taken, so that who was removed does not stay in.
	Again time.Duration

	once     sync.Once
	closed   sync.Once
	broker   *broker.Server
	stopping atomic.Bool
	totals   counters

	mu      sync.Mutex
	open    map[*connection]struct{}
	alive   sync.WaitGroup
	storing sync.WaitGroup
}

// counters of frames and bytes.
type counters struct {
	connections, turnedAway, denied, frames, accepted, refused, failed, bytes atomic.Int64
}

// Totals are what a listener did since it began.
type Totals struct {
	Connections int64 // that were taken
	TurnedAway  int64 // connections closed as too many
	Denied      int64 // connections of who did not prove to be somebody
	Frames      int64 // that were published
	Accepted    int64
	Refused     int64 // frames that could not be read, kept as refused, or not addressed well
	Failed      int64 // frames that could not be stored
	Bytes       int64
}

// Connection is what one open connection did.
type Connection struct {
	Remote   string    `json:"remote"`
	Since    time.Time `json:"since"`
	Client   string    `json:"client,omitempty"`
	Name     string    `json:"name,omitempty"` // who it proved to be
	Frames   int64     `json:"frames"`
	Accepted int64     `json:"accepted"`
	Refused  int64     `json:"refused"`
	Bytes    int64     `json:"bytes"`
}

// connection is a wire with bounds that the broker cannot lift: it always has a
// deadline.
type connection struct {
	net.Conn
	listener *Listener
	since    time.Time
	client   atomic.Value // string
	name     atomic.Value // string
	entered  atomic.Bool  // CONNECT was accepted
	// What it proved to be somebody with, and when; of whoever reads.
	user, password string
	proved         time.Time
	counts         counters

	mu    sync.Mutex // of the deadline
	ended bool
}

// SetDeadline is called by the broker before each packet, with what the keep-alive
// allows.
func (c *connection) SetDeadline(t time.Time) error {
	most := c.listener.Idle
	if !c.entered.Load() {
		most = c.listener.Stall
	}
	if latest := time.Now().Add(most); t.IsZero() || t.After(latest) {
		t = latest
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	return c.Conn.SetDeadline(t)
}

// end has whoever reads stop; an acknowledgement under way is still written.
func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// Read implements io.Reader.
func (c *connection) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.counts.bytes.Add(int64(n))
	c.listener.totals.bytes.Add(int64(n))
	return n, err
}

func (l *Listener) prepare() (err error) {
	l.once.Do(func() {
		if l.MaxConnections == 0 {
			l.MaxConnections = 1024
		}
		if l.Idle == 0 {
			l.Idle = 30 * time.Minute
		}
		if l.Stall == 0 {
			l.Stall = 10 * time.Second
		}
		if l.Again == 0 {
			l.Again = time.Minute
		}
		l.open = map[*connection]struct{}{}
		able := broker.NewDefaultServerCapabilities()
		able.MaximumPacketSize = maxPacket
		able.MaximumSessionExpiryInterval = 0 // a session ends with its connection
		able.MaximumClientWritesPending = 64
		able.TopicAliasMaximum = 0
		able.RetainAvailable = 0
		able.SharedSubAvailable = 0
		able.MinimumProtocolVersion = 4 // 3.1.1
		able.Compatibilities.NoInheritedPropertiesOnAck = true
		l.broker = broker.New(&broker.Options{Capabilities: able, InlineClient: true, SysTopicResendInterval: 3600, Logger: slog.New(slog.DiscardHandler)})
		if err = l.broker.AddHook(&hook{listener: l}, nil); err == nil {
			err = l.broker.Serve()
		}
	})
	return err
}

// Serve takes connections until Stop. It returns nil after Stop, otherwise why the
// socket failed.
func (l *Listener) Serve(socket net.Listener) error {
	if err := l.prepare(); err != nil {
		return err
	}
	pause := 5 * time.Millisecond
	for {
		raw, err := socket.Accept()
		if err != nil {
			switch {
			case l.stopping.Load():
				return nil
			case !errors.Is(err, net.ErrClosed) && pause < time.Second:
				time.Sleep(pause) // out of file descriptors, most likely
				pause *= 2
				continue
			}
			return err
		}
		pause = 5 * time.Millisecond
		l.take(raw)
	}
}

// take begins a connection, or turns it away.
func (l *Listener) take(raw net.Conn) {
	c := &connection{listener: l, since: time.Now(), Conn: raw}
	if l.TLS != nil {
		c.Conn = tls.Server(raw, l.TLS)
	}
	l.mu.Lock()
	full := len(l.open) >= l.MaxConnections || l.stopping.Load()
	if !full {
		l.open[c] = struct{}{}
		l.alive.Add(1)
	}
	l.mu.Unlock()
	if full {
		l.totals.turnedAway.Add(1)
		l.Log.Warn("mqtt: too many connections", "remote", raw.RemoteAddr())
		_ = raw.Close()
		return
	}
	l.totals.connections.Add(1)
	go func() {
		defer l.alive.Done()
		defer func() {
			if fault := recover(); fault != nil { // whatever bytes did that, others go on
				l.Log.Error("mqtt: a connection failed", "remote", raw.RemoteAddr(), "error", fault)
				_ = raw.Close()
			}
			l.mu.Lock()
			delete(l.open, c)
			l.mu.Unlock()
		}()
		_ = c.SetDeadline(time.Time{})
		err := l.broker.EstablishConnection("mqtt", c)
		l.Log.Info("mqtt: closed", "remote", raw.RemoteAddr(), "frames", c.counts.frames.Load(), "reason", err)
	}()
}

// Stop takes no more frames: those that are being stored are acknowledged, then all
// connections are closed. It returns when all are, or ctx ends.
func (l *Listener) Stop(ctx context.Context) error {
	if err := l.prepare(); err != nil {
		return err
	}
	l.mu.Lock()
	l.stopping.Store(true)
	l.mu.Unlock()
	done := make(chan struct{})
	go func() { l.storing.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	for c := range l.open {
		c.end()
	}
	l.mu.Unlock()
	ended := make(chan struct{})
	go func() { l.alive.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		l.mu.Lock()
		for c := range l.open {
			_ = c.Close()
		}
		l.mu.Unlock()
		<-ended
	}
	l.closed.Do(func() { err = errors.Join(err, l.broker.Close()) })
	return err
}

// Totals counts since the start.
func (l *Listener) Totals() Totals {
	t := &l.totals
	return Totals{Connections: t.connections.Load(), TurnedAway: t.turnedAway.Load(), Denied: t.denied.Load(), Frames: t.frames.Load(),
		Accepted: t.accepted.Load(), Refused: t.refused.Load(), Failed: t.failed.Load(), Bytes: t.bytes.Load()}
}

// Connections lists the open ones.
func (l *Listener) Connections() []Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []Connection{}
	for c := range l.open {
		client, _ := c.client.Load().(string)
		name, _ := c.name.Load().(string)
		list = append(list, Connection{Remote: c.RemoteAddr().String(), Since: c.since, Client: client, Name: name,
			Frames: c.counts.frames.Load(), Accepted: c.counts.accepted.Load(), Refused: c.counts.refused.Load(), Bytes: c.counts.bytes.Load()})
	}
	return list
}
