// Package phdtcp is the manager's end of IEEE 11073-20601 over TCP: APDUs follow each
// other without further framing, each with its choice and length (annex A.8). What an
// agent reports is confirmed (rors-cmip-confirmed-event-report) when it is in the store,
// and not before.
package phdtcp

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"vitalwire/server/ingest"
)

// Listener takes connections of agents. Its fields are set once, before Serve; zeros
// mean the defaults.
type Listener struct {
	Ingest *ingest.Service
	// Adapter speaks with agents.
	Adapter string
	// TLS is nil for plain TCP.
	TLS *tls.Config
	Log *slog.Logger

	// MaxConnections is how many agents may be connected, 256 by default; further ones
	// are closed at once.
	MaxConnections int
	// Idle is how long an agent may say nothing, 10 minutes by default, and Stall how
	// long within an APDU, in taking an answer, or until its first APDU, 30 seconds.
	Idle, Stall time.Duration

	once     sync.Once
	stopping atomic.Bool
	totals   counters

	mu    sync.Mutex
	open  map[net.Conn]*agent
	alive sync.WaitGroup
}

type counters struct{ connections, turnedAway, apdus, accepted, refused, failed, bytes atomic.Int64 }

// Totals are what a listener did since it began.
type Totals struct {
	Open        int64
	Connections int64 // that were taken
	TurnedAway  int64 // connections closed as too many
	APDUs       int64 // that were complete
	Accepted    int64
	Refused     int64 // APDUs that could not be read, kept as refused
	Failed      int64 // APDUs that could not be stored
	Bytes       int64
}

func (l *Listener) prepare() {
	l.once.Do(func() {
		if l.MaxConnections == 0 {
			l.MaxConnections = 256
		}
		if l.Idle == 0 {
			l.Idle = 10 * time.Minute
		}
		if l.Stall == 0 {
			l.Stall = 30 * time.Second
		}
		l.open = map[net.Conn]*agent{}
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
		if l.TLS != nil {
			raw = tls.Server(raw, l.TLS)
		}
		l.take(raw)
	}
}

// take begins a connection, or turns it away.
func (l *Listener) take(wire net.Conn) {
	a := &agent{listener: l, wire: wire}
	l.mu.Lock()
	full := len(l.open) >= l.MaxConnections || l.stopping.Load()
	if !full {
		l.open[wire] = a
		l.alive.Add(1)
	}
	l.mu.Unlock()
	if full {
		l.totals.turnedAway.Add(1)
		_ = wire.Close()
		return
	}
	l.totals.connections.Add(1)
	go func() {
		defer l.alive.Done()
		err := a.run()
		_ = wire.Close()
		l.Log.Info("phd-tcp: closed", "remote", wire.RemoteAddr(), "apdus", a.apdus, "reason", err)
		l.mu.Lock()
		delete(l.open, wire)
		l.mu.Unlock()
	}()
}

// Stop takes no more: connections that wait for an APDU are closed, those that store
// one answer it first. It returns when all are closed, or ctx ends.
func (l *Listener) Stop(ctx context.Context) error {
	l.prepare()
	l.mu.Lock()
	l.stopping.Store(true)
	for _, a := range l.open {
		a.interrupt()
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
	for wire := range l.open {
		_ = wire.Close()
	}
	l.mu.Unlock()
	<-done
	return ctx.Err()
}

// Totals counts since the start.
func (l *Listener) Totals() Totals {
	l.mu.Lock()
	open := len(l.open)
	l.mu.Unlock()
	t := &l.totals
	return Totals{Open: int64(open), Connections: t.connections.Load(), TurnedAway: t.turnedAway.Load(), APDUs: t.apdus.Load(),
		Accepted: t.accepted.Load(), Refused: t.refused.Load(), Failed: t.failed.Load(), Bytes: t.bytes.Load()}
}

// agent is one connection.
type agent struct {
	listener *Listener
	wire     net.Conn
	apdus    int64
	sub      ingest.Submission // what all its APDUs have in common

	mu      sync.Mutex
	waiting bool // for an APDU
}

// interrupt ends a connection that waits for an APDU.
func (a *agent) interrupt() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting {
		_ = a.wire.SetReadDeadline(time.Unix(1, 0))
	}
}

// abort is an ABRT with the reason "undefined" (A.8).
var abort = []byte{0xE6, 0, 0, 2, 0, 0}

var errStopping = errors.New("the server is stopping")

func (a *agent) run() error {
	l := a.listener
	host, _, _ := net.SplitHostPort(a.wire.RemoteAddr().String())
	a.sub.Source = "phd-tcp " + host
	_ = a.wire.SetDeadline(time.Now().Add(l.Stall))
	if secure, ok := a.wire.(*tls.Conn); ok {
		if err := secure.Handshake(); err != nil {
			return err
		}
		if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
			a.sub.Sender = peers[0].Subject.CommonName
		}
	}
	session, err := l.Ingest.Connect(l.Adapter)
	if err != nil {
		return err
	}
	for {
		apdu, err := a.next()
		if err != nil {
			return err
		}
		if err := a.serve(session, apdu); err != nil {
			return err
		}
	}
}

// next reads one APDU. Its bytes are taken as they come: a length that was only
// promised costs no memory.
func (a *agent) next() ([]byte, error) {
	l := a.listener
	patience := l.Idle
	if a.apdus == 0 {
		patience = l.Stall
	}
	a.mu.Lock()
	a.waiting = true
	_ = a.wire.SetReadDeadline(time.Now().Add(patience))
	a.mu.Unlock()
	if l.stopping.Load() {
		return nil, errStopping
	}
	apdu := make([]byte, 4, 512)
	if _, err := io.ReadFull(a.wire, apdu[:1]); err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.waiting = false
	_ = a.wire.SetReadDeadline(time.Now().Add(l.Stall))
	a.mu.Unlock()
	if _, err := io.ReadFull(a.wire, apdu[1:4]); err != nil {
		return nil, err
	}
	switch choice := binary.BigEndian.Uint16(apdu); choice {
	case 0xE200, 0xE300, 0xE400, 0xE500, 0xE600, 0xE700:
	default:
		_, _ = a.wire.Write(abort)
		return nil, fmt.Errorf("%04X is the choice of no APDU", choice)
	}
	for missing := int(binary.BigEndian.Uint16(apdu[2:])); missing > 0; {
		part := min(missing, 4096)
		at := len(apdu)
		apdu = append(apdu, make([]byte, part)...)
		if _, err := io.ReadFull(a.wire, apdu[at:]); err != nil {
			return nil, err
		}
		missing -= part
	}
	l.totals.bytes.Add(int64(len(apdu)))
	return apdu, nil
}

// serve stores one APDU and answers it. An APDU that cannot be read ends the
// association (8.4: abort), as does one that could not be stored: its agent gets no
// confirmation and sends the report again.
func (a *agent) serve(session *ingest.Session, apdu []byte) error {
	l := a.listener
	a.apdus++
	l.totals.apdus.Add(1)
	sub := a.sub
	sub.Bytes = apdu
	receipt, err := session.Submit(context.Background(), sub)
	_ = a.wire.SetWriteDeadline(time.Now().Add(l.Stall))
	if err == nil {
		l.totals.accepted.Add(1)
		if receipt.Reply != nil {
			_, err = a.wire.Write(receipt.Reply)
		}
		return err
	}
	var declined *ingest.DeclinedError
	if errors.As(err, &declined) {
		l.totals.refused.Add(1)
	} else {
		l.totals.failed.Add(1)
	}
	_, _ = a.wire.Write(abort)
	return err
}
