package mqtt

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"vitalwire/server/ingest"
)

// hook is what the broker asks and tells.
type hook struct {
	broker.HookBase
	listener *Listener
}

// ID implements broker.Hook.
func (h *hook) ID() string { return "vitalwire" }

// Provides implements broker.Hook.
func (h *hook) Provides(b byte) bool {
	switch b {
	case broker.OnConnectAuthenticate, broker.OnACLCheck, broker.OnPublish, broker.OnSubscribe, broker.OnSessionEstablished, broker.OnPacketEncode:
		return true
	}
	return false
}

// OnConnectAuthenticate lets a client in. Its id is made distinct among users, so that
// nobody can take over another's session by its name; it has no will, and no session
// that outlives the connection.
func (h *hook) OnConnectAuthenticate(cl *broker.Client, pk packets.Packet) bool {
	c, ok := cl.Net.Conn.(*connection)
	if !ok {
		return false
	}
	user, address := string(pk.Connect.Username), addressOf(c)
	sender := ""
	if h.listener.Authenticate != nil {
		if sender, ok = h.listener.Authenticate(context.Background(), user, string(pk.Connect.Password), address); !ok {
			h.listener.totals.denied.Add(1)
			h.listener.Log.Warn("mqtt: a client did not prove to be who it says", "remote", c.RemoteAddr())
			return false
		}
	}
	c.user, c.password, c.proved = user, string(pk.Connect.Password), time.Now()
	c.client.Store(cl.ID)
	c.name.Store(sender)
	if sender != "" {
		user = strings.TrimPrefix(sender, ingest.DevicePrefix)
	}
	cl.Properties.Username = []byte(user)
	cl.ID = user + "\x00" + cl.ID
	cl.Properties.Will = broker.Will{}
	cl.Properties.Clean = true
	c.entered.Store(true)
	h.listener.Log.Info("mqtt: connected", "remote", c.RemoteAddr(), "name", sender)
	return true
}

// OnSessionEstablished gives the connection the deadline of its keep-alive, which the
// broker sets with the next packet only.
func (h *hook) OnSessionEstablished(cl *broker.Client, _ packets.Packet) {
	if c, ok := cl.Net.Conn.(*connection); ok {
		_ = c.SetDeadline(noDeadline)
	}
}

// OnACLCheck lets clients publish frames and read their own replies, and nothing else.
func (h *hook) OnACLCheck(cl *broker.Client, topic string, write bool) bool {
	if write {
		return strings.HasPrefix(topic, framesRoot)
	}
	user := string(cl.Properties.Username)
	return user != "" && !strings.ContainsAny(user, "+#/") && strings.HasPrefix(topic, repliesRoot+user+"/")
}

// OnPacketEncode mends the reason of an acknowledgement, for which mochi writes the
// quality of service (MQTT 5 §3.4.2.1 knows no 0x01).
func (h *hook) OnPacketEncode(_ *broker.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Puback && pk.ReasonCode < packets.CodeNoMatchingSubscribers.Code {
		pk.ReasonCode = packets.CodeSuccess.Code
	}
	return pk
}

// mostFilters bounds the subscriptions of one connection: each is of a device.
const mostFilters = 256

// OnSubscribe drops what is beyond the bound, by making it a filter that is refused.
func (h *hook) OnSubscribe(cl *broker.Client, pk packets.Packet) packets.Packet {
	room := mostFilters - cl.State.Subscriptions.Len()
	for i := range pk.Filters {
		if i >= room {
			pk.Filters[i].Filter = "beyond-the-bound"
		}
	}
	return pk
}

// OnPublish stores a frame; the broker acknowledges when it returns (MQTT 5 §4.3.2).
// One that is kept as refused is acknowledged as well, since it would be refused again:
// with reason 0x99 where the protocol has reasons. One that could not be stored ends
// the connection without an acknowledgement, so that its sender sends it again.
func (h *hook) OnPublish(cl *broker.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil
	}
	l := h.listener
	c, ok := cl.Net.Conn.(*connection)
	l.mu.Lock()
	if ok = ok && !l.stopping.Load(); ok {
		l.storing.Add(1)
	}
	l.mu.Unlock()
	if !ok {
		return pk, h.again(cl, packets.ErrServerShuttingDown)
	}
	defer l.storing.Done()
	c.counts.frames.Add(1)
	l.totals.frames.Add(1)
	name, _ := c.name.Load().(string)
	if !c.still(name) {
		l.totals.denied.Add(1)
		l.Log.Warn("mqtt: a client may no longer send", "remote", c.RemoteAddr(), "name", name)
		return pk, h.again(cl, packets.ErrNotAuthorized)
	}
	sub, err := submission(pk)
	if err == nil {
		sub.Sender = name
		sub.Source = "mqtt " + name
		if name == "" {
			sub.Source += addressOf(c)
		}
		var receipt *ingest.Receipt
		if receipt, err = l.Ingest.Submit(context.Background(), sub); err == nil {
			c.counts.accepted.Add(1)
			l.totals.accepted.Add(1)
			h.reply(cl, sub, receipt.Reply)
			return pk, packets.CodeSuccessIgnore
		}
	}
	var declined *ingest.DeclinedError
	if !errors.As(err, &declined) && !hopeless(err) {
		l.totals.failed.Add(1)
		l.Log.Error("mqtt: a frame could not be stored", "remote", c.RemoteAddr(), "error", err)
		return pk, h.again(cl, packets.ErrServerBusy)
	}
	c.counts.refused.Add(1)
	l.totals.refused.Add(1)
	l.Log.Warn("mqtt: a frame was refused", "remote", c.RemoteAddr(), "error", err)
	if declined != nil {
		h.reply(cl, sub, declined.Reply)
	} else if err := l.Ingest.Refuse(context.Background(), sub, err); err != nil {
		l.totals.failed.Add(1)
		return pk, h.again(cl, packets.ErrServerBusy)
	}
	if pk.FixedHeader.Qos == 1 && cl.Properties.ProtocolVersion == 5 {
		return pk, packets.ErrPayloadFormatInvalid
	}
	return pk, packets.CodeSuccessIgnore
}

// still reports whether a connection is yet of who it proved to be.
func (c *connection) still(name string) bool {
	l := c.listener
	if l.Authenticate == nil || time.Since(c.proved) < l.Again {
		return true
	}
	now, ok := l.Authenticate(context.Background(), c.user, c.password, addressOf(c))
	c.proved = time.Now()
	return ok && now == name
}

// again ends a connection whose frame was not stored.
func (h *hook) again(cl *broker.Client, why packets.Code) error {
	_ = h.listener.broker.DisconnectClient(cl, why)
	return packets.ErrRejectPacket
}

// reply publishes what a device waits for.
func (h *hook) reply(cl *broker.Client, sub ingest.Submission, reply []byte) {
	if len(reply) == 0 {
		return
	}
	device := sub.Device
	if device == "" {
		device = noDevice
	}
	if err := h.listener.broker.Publish(repliesRoot+string(cl.Properties.Username)+"/"+device, reply, false, 1); err != nil {
		h.listener.Log.Warn("mqtt: a reply could not be published", "error", err)
	}
}

func addressOf(c *connection) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}
