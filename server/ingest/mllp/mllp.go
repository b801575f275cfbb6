// Package mllp receives HL7 v2 messages over TCP in the Minimal Lower Layer Protocol
// (HL7 Transport Specification: MLLP, release 1 and 2): 0x0B, the message, 0x1C 0x0D.
// A message is acknowledged when what it says is in the store, and not before.
package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/server/ingest"
)

// Listener takes connections of senders. Its fields are set once, before Serve;
// zeros mean the defaults.
type Listener struct {
	Ingest *ingest.Service
	// Adapter reads the messages.
	Adapter string
	// Profile is the dialect of all senders, or "" for what their messages tell.
	Profile string
	// Answer answers a message that asks instead of telling; ok is false for one that is
	// no query, or not of a sender that may ask: that is taken like any other. nil answers
	// none.
	Answer func(ctx context.Context, from Peer, message []byte) (reply []byte, ok bool)
	// TLS is nil for plain TCP.
	TLS *tls.Config
	Log *slog.Logger

	// MaxMessage is the most bytes of one message, 1 MiB by default.
	MaxMessage int
	// MaxConnections is how many senders may be connected, 256 by default; further
	// ones are closed at once.
	MaxConnections int
	// Idle is how long a sender may say nothing between messages, 10 minutes by
	// default, and Stall how long within one or in taking an answer, 30 seconds.
	Idle, Stall time.Duration

	once     sync.Once
	stopping atomic.Bool
	totals   counters

	mu    sync.Mutex
	open  map[*connection]struct{}
	alive sync.WaitGroup
}

// Peer is who a connection is of.
type Peer struct {
	// Names are the DNS names in his certificate, where that was verified.
	Names []string
	// Address is his IP address.
	Address string
}

// counters of messages and bytes.
type counters struct {
	connections, turnedAway, messages, accepted, refused, failed, answered, bytes atomic.Int64
}

// Totals are what a listener did since it began.
type Totals struct {
	Connections int64 // that were taken
	TurnedAway  int64 // connections closed as too many
	Messages    int64 // that were complete
	Accepted    int64
	Refused     int64 // messages that could not be read, kept as refused
	Failed      int64 // messages that could not be stored
	Answered    int64 // queries
	Bytes       int64
}

// Connection is what one open connection did.
type Connection struct {
	Remote string    `json:"remote"`
	Since  time.Time `json:"since"`
	// Name is the common name of the sender's certificate, "" without one.
	Name     string `json:"name,omitempty"`
	Messages int64  `json:"messages"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
	Bytes    int64  `json:"bytes"`
}

func (l *Listener) prepare() {
	l.once.Do(func() {
		set := func(n *int, to int) {
			if *n == 0 {
				*n = to
			}
		}
		set(&l.MaxMessage, 1<<20)
		set(&l.MaxConnections, 256)
		if l.Idle == 0 {
			l.Idle = 10 * time.Minute
		}
		if l.Stall == 0 {
			l.Stall = 30 * time.Second
		}
		l.open = map[*connection]struct{}{}
	})
}

// Serve takes connections until Stop. It returns nil after Stop, otherwise why the
// socket failed.
func (l *Listener) Serve(socket net.Listener) error {
	l.prepare()
	pause := 5 * time.Millisecond
	for {
		raw, err := socket.Accept()
		if err != nil {
			var passing net.Error
			switch {
			case l.stopping.Load():
				return nil
			case errors.As(err, &passing) && passing.Timeout(), !errors.Is(err, net.ErrClosed) && pause < time.Second:
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
	c := &connection{listener: l, since: time.Now(), remote: raw.RemoteAddr().String(), wire: raw}
	if l.TLS != nil {
		c.wire = tls.Server(raw, l.TLS)
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
		l.Log.Warn("mllp: too many connections", "remote", c.remote)
		_ = raw.Close()
		return
	}
	l.totals.connections.Add(1)
	go func() {
		defer l.alive.Done()
		c.run()
		l.mu.Lock()
		delete(l.open, c)
		l.mu.Unlock()
	}()
}

// Stop takes no more messages: connections that wait for one are closed, those that
// store one answer it first. It returns when all are closed, or ctx ends.
func (l *Listener) Stop(ctx context.Context) error {
	l.prepare()
	l.stopping.Store(true)
	l.mu.Lock()
	for c := range l.open {
		c.interrupt()
	}
	l.mu.Unlock()
	done := make(chan struct{})
	go func() { l.alive.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	for c := range l.open {
		_ = c.wire.Close()
	}
	l.mu.Unlock()
	<-done
	return ctx.Err()
}

// Totals counts since the start.
func (l *Listener) Totals() Totals {
	t := &l.totals
	return Totals{Connections: t.connections.Load(), TurnedAway: t.turnedAway.Load(), Messages: t.messages.Load(),
		Accepted: t.accepted.Load(), Refused: t.refused.Load(), Failed: t.failed.Load(), Answered: t.answered.Load(), Bytes: t.bytes.Load()}
}

// Connections lists the open ones.
func (l *Listener) Connections() []Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []Connection{}
	for c := range l.open {
		name, _ := c.name.Load().(string)
		list = append(list, Connection{Remote: c.remote, Since: c.since, Name: name,
			Messages: c.counts.messages.Load(), Accepted: c.counts.accepted.Load(), Refused: c.counts.refused.Load(), Bytes: c.counts.bytes.Load()})
	}
	return list
}
