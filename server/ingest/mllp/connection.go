package mllp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"vitalwire/adapters/hl7v2"
	"vitalwire/server/ingest"
)

// connection is one sender. Its messages are read, stored and answered one after
// the other, so that answers stand in the order of messages; a sender that does not
// wait for them fills its own socket.
type connection struct {
	listener *Listener
	wire     net.Conn
	remote   string
	since    time.Time
	name     atomic.Value // string
	counts   counters
	peer     Peer
	// waiting is set while no message is being read or stored.
	waiting atomic.Bool
}

// source is whose turn a message takes: of who proved a name, else of the address.
func (c *connection) source(name string) string {
	if name == "" {
		name, _, _ = net.SplitHostPort(c.remote)
	}
	return "mllp " + name
}

// interrupt ends a connection that waits for a message.
func (c *connection) interrupt() {
	if c.waiting.Load() {
		_ = c.wire.SetReadDeadline(time.Unix(1, 0))
	}
}

func (c *connection) run() {
	l := c.listener
	defer func() { _ = c.wire.Close() }()
	c.peer.Address, _, _ = net.SplitHostPort(c.remote)
	if secure, ok := c.wire.(*tls.Conn); ok {
		_ = secure.SetDeadline(time.Now().Add(l.Stall))
		if err := secure.Handshake(); err != nil {
			l.Log.Warn("mllp: no TLS connection", "remote", c.remote, "error", err)
			return
		}
		_ = secure.SetDeadline(time.Time{})
		if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
			c.name.Store(peers[0].Subject.CommonName)
			if len(secure.ConnectionState().VerifiedChains) > 0 {
				c.peer.Names = peers[0].DNSNames
			}
		}
	}
	l.Log.Info("mllp: connected", "remote", c.remote)
	frames := newFrames(&timed{c}, l.MaxMessage)
	for {
		message, err := frames.next()
		if err == nil {
			err = c.serve(message)
		}
		switch {
		case err == nil:
			continue
		case l.stopping.Load(), errors.Is(err, io.EOF):
			l.Log.Info("mllp: closed", "remote", c.remote, "messages", c.counts.messages.Load())
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.Log.Info("mllp: silent for too long", "remote", c.remote, "messages", c.counts.messages.Load())
		default:
			l.Log.Warn("mllp: broken off", "remote", c.remote, "error", err)
		}
		return
	}
}

// errStopping ends a connection between messages.
var errStopping = errors.New("the server is stopping")

// timed reads the wire with the deadline of where the reader is.
type timed struct{ *connection }

// Read implements io.Reader.
func (t *timed) Read(into []byte) (int, error) {
	n, err := t.wire.Read(into)
	t.counts.bytes.Add(int64(n))
	t.listener.totals.bytes.Add(int64(n))
	return n, err
}

// between is called by frames before the first byte of a message is awaited,
// within when it has come.
func (t *timed) between() error {
	t.waiting.Store(true)
	_ = t.wire.SetReadDeadline(time.Now().Add(t.listener.Idle))
	if t.listener.stopping.Load() {
		return errStopping
	}
	return nil
}

func (t *timed) within() {
	t.waiting.Store(false)
	_ = t.wire.SetReadDeadline(time.Now().Add(t.listener.Stall))
}

// serve stores one message and answers it. The answer is written after the commit;
// a connection that breaks before makes its sender send again, which stores nothing
// twice.
func (c *connection) serve(message []byte) error {
	l := c.listener
	c.counts.messages.Add(1)
	l.totals.messages.Add(1)
	name, _ := c.name.Load().(string)
	if l.Answer != nil {
		if answer, ok := l.Answer(context.Background(), c.peer, message); ok {
			c.counts.answered.Add(1)
			l.totals.answered.Add(1)
			return c.answer(answer)
		}
	}
	receipt, err := l.Ingest.Submit(context.Background(), ingest.Submission{Adapter: l.Adapter, Profile: l.Profile, Bytes: message, Sender: name, Source: c.source(name)})
	var answer []byte
	var declined *ingest.DeclinedError
	switch {
	case err == nil:
		answer = receipt.Reply
		c.counts.accepted.Add(1)
		l.totals.accepted.Add(1)
	case errors.As(err, &declined):
		c.counts.refused.Add(1)
		l.totals.refused.Add(1)
		l.Log.Warn("mllp: a message was refused", "remote", c.remote, "error", declined.Err)
		if answer = declined.Reply; answer == nil {
			answer = hl7v2.Acknowledge(message, hl7v2.Faulty, &hl7v2.Fault{Code: hl7v2.InternalError, Text: "the message is kept as refused"})
		}
	default:
		// Not kept: HL7's word for "send it again" is rejection for reasons that are not
		// the message's.
		l.totals.failed.Add(1)
		l.Log.Error("mllp: a message could not be stored", "remote", c.remote, "error", err)
		answer = hl7v2.Acknowledge(message, hl7v2.Rejected, &hl7v2.Fault{Code: hl7v2.InternalError, Text: "the message was not stored; send it again"})
	}
	return c.answer(answer)
}

// answer sends an answer; nil is none.
func (c *connection) answer(message []byte) error {
	if message == nil {
		return nil
	}
	_ = c.wire.SetWriteDeadline(time.Now().Add(c.listener.Stall))
	_, err := c.wire.Write(enframe(message))
	return err
}
