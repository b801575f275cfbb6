package mqtt_test

import (
	"log/slog"
	"net"
	"testing"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// everybody lets everybody do everything.
type everybody struct{ broker.HookBase }

func (*everybody) ID() string { return "everybody" }

func (*everybody) Provides(b byte) bool {
	return b == broker.OnConnectAuthenticate || b == broker.OnACLCheck
}
func (*everybody) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }
func (*everybody) OnACLCheck(*broker.Client, string, bool) bool              { return true }

// outside runs a plain broker.
func outside(t *testing.T) string {
	t.Helper()
	b := broker.New(&broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(&everybody{}, nil); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(listeners.NewNet("x", socket)); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return socket.Addr().String()
}
