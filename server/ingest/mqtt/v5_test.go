package mqtt_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"vitalwire/internal/ward"
)

// wire5 is a connection that speaks MQTT 5, packet by packet.
type wire5 struct {
	net.Conn
	in *bufio.Reader
}

func dial5(t *testing.T, address string, change func(*packets.Packet)) *wire5 {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	w := &wire5{c, bufio.NewReader(c)}
	connect := packets.Packet{ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Connect},
		Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), ClientIdentifier: "five", Keepalive: 60, Clean: true}}
	if change != nil {
		change(&connect)
	}
	var b bytes.Buffer
	if err := connect.ConnectEncode(&b); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(b.Bytes())
	if p := w.read(t); p.FixedHeader.Type != packets.Connack || p.ReasonCode != 0 {
		t.Fatalf("%+v", p)
	}
	return w
}

func (w *wire5) read(t *testing.T) packets.Packet {
	t.Helper()
	first, err := w.in.ReadByte()
	if err != nil {
		t.Fatal(err)
	}
	p := packets.Packet{ProtocolVersion: 5}
	if err := p.FixedHeader.Decode(first); err != nil {
		t.Fatal(err)
	}
	if p.FixedHeader.Remaining, _, err = packets.DecodeLength(w.in); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, p.FixedHeader.Remaining)
	if _, err := io.ReadFull(w.in, rest); err != nil {
		t.Fatal(err)
	}
	switch p.FixedHeader.Type {
	case packets.Connack:
		err = p.ConnackDecode(rest)
	case packets.Puback:
		err = p.PubackDecode(rest)
	case packets.Disconnect:
		err = p.DisconnectDecode(rest)
	default:
		t.Fatalf("packet of type %d", p.FixedHeader.Type)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *wire5) publish(t *testing.T, id uint16, topic string, payload []byte, user ...packets.UserProperty) packets.Packet {
	t.Helper()
	p := packets.Packet{ProtocolVersion: 5, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: 1}, PacketID: id, TopicName: topic, Payload: payload}
	p.Properties.User = user
	var b bytes.Buffer
	if err := p.PublishEncode(&b); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(b.Bytes())
	return w.read(t)
}

// TestMQTT5_ReasonsAndProperties: what is refused is told so (MQTT 5 §3.4.2.1), and a
// raw frame may say in user properties what an envelope would.
func TestMQTT5_ReasonsAndProperties(t *testing.T) {
	address, _, s := begin(t, nil)
	w := dial5(t, address, func(p *packets.Packet) { // a session and a will are given up without harm
		p.Connect.Clean = false
		p.Properties.SessionExpiryInterval, p.Properties.SessionExpiryIntervalFlag = 86400, true
	})
	received := packets.UserProperty{Key: "receivedAt", Val: "2026-11-20T08:00:00+01:00"}
	for n := range 2 {
		if p := w.publish(t, uint16(n+1), pulses, []byte{0, 66}, received); p.FixedHeader.Type != packets.Puback || p.ReasonCode != 0 || p.PacketID != uint16(n+1) {
			t.Errorf("%d %d %d", p.FixedHeader.Type, p.ReasonCode, p.PacketID)
		}
	}
	if got := ward.Values(t, s, "8867-4"); len(got) != 1 || got["66"] != 1 {
		t.Error(got)
	}
	if p := w.publish(t, 3, pulses, []byte{1}); p.ReasonCode != packets.ErrPayloadFormatInvalid.Code {
		t.Errorf("%x", p.ReasonCode)
	}
	if kept, err := s.Refusals(t.Context(), "", 10); len(kept) != 1 || err != nil {
		t.Error(kept, err)
	}
	if p := w.publish(t, 4, "elsewhere", []byte{1}); p.ReasonCode != packets.ErrNotAuthorized.Code {
		t.Errorf("%x", p.ReasonCode)
	}
}
