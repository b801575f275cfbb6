package mqtt_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
	"vitalwire/server/ingest/mqtt"
)

// begin serves a broker on a store of its own, with the Cuff on Patient/a.
func begin(t *testing.T, change func(*mqtt.Listener)) (address string, l *mqtt.Listener, s *ingest.Service) {
	t.Helper()
	s = ward.Open(t)
	ward.Wear(t, s, ward.Cuff, "a")
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = &mqtt.Listener{Ingest: s, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(l)
	}
	done := make(chan error, 1)
	go func() { done <- l.Serve(socket) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = l.Stop(ctx)
		_ = socket.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return socket.Addr().String(), l, s
}

// options are those of a client that gives up at once.
func options(address, user, password string) *paho.ClientOptions {
	return paho.NewClientOptions().AddBroker("tcp://" + address).SetClientID("c").SetUsername(user).SetPassword(password).
		SetAutoReconnect(false).SetConnectTimeout(10 * time.Second)
}

func connect(t *testing.T, o *paho.ClientOptions) paho.Client {
	t.Helper()
	c := paho.NewClient(o)
	if token := c.Connect(); !token.WaitTimeout(20*time.Second) || token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// publish reports whether a frame was acknowledged.
func publish(c paho.Client, topic string, qos byte, payload []byte) bool {
	token := c.Publish(topic, qos, false, payload)
	return token.WaitTimeout(5*time.Second) && token.Error() == nil
}

const (
	pulses = "ingest/blegatt/" + ward.Cuff + "/2A37"
	inside = "ingest/blegatt/" + ward.Cuff + "/envelope"
)

func enveloped(n, at int) []byte {
	return fmt.Appendf(nil, `{"receivedAt":"2026-11-20T00:%02d:%02dZ","characteristic":"2A37","hex":"00%02X"}`, at/60, at%60, n)
}

// TestMQTT_AcknowledgedIsStored publishes with each quality of service, each frame
// twice: what was acknowledged is stored, once.
func TestMQTT_AcknowledgedIsStored(t *testing.T) {
	address, l, s := begin(t, nil)
	c := connect(t, options(address, "", ""))
	for n := 1; n <= 40; n++ {
		for range 2 {
			if !publish(c, inside, byte(1+n%2), enveloped(n, n)) {
				t.Fatal("not acknowledged:", n)
			}
			if got := ward.Values(t, s, "8867-4")[fmt.Sprint(n)]; got != 1 {
				t.Fatalf("frame %d is stored %d times when it is acknowledged", n, got)
			}
		}
	}
	if !publish(c, pulses, 1, []byte{0, 99}) || ward.Values(t, s, "8867-4")["99"] != 1 {
		t.Error("a raw frame with its characteristic in the topic")
	}
	if n := l.Totals(); n.Accepted != 81 || n.Frames != 81 || n.Failed != 0 || len(l.Connections()) != 1 {
		t.Errorf("%+v %+v", n, l.Connections())
	}
}

// TestMQTT_RefusedIsKept publishes what cannot be read: it is acknowledged, since it
// would be refused again, and an operator finds it.
func TestMQTT_RefusedIsKept(t *testing.T) {
	address, _, s := begin(t, nil)
	c := connect(t, options(address, "", ""))
	bad := []struct {
		topic   string
		payload []byte
	}{
		{pulses, []byte{1}},                               // cut short
		{"ingest/nonsense/" + ward.Cuff, []byte{1}},       // no such language
		{"ingest/blegatt/not-an-eui/2A37", []byte{0, 60}}, // no such device
		{"ingest/blegatt", []byte{0, 60}},                 // no device
		{"ingest/a/b/c/d", []byte{0, 60}},                 // no such form
		{inside, []byte(`{"hex":"0060"`)},                 // no JSON
		{pulses, nil},                                     // nothing
		{"ingest/blegatt/" + ward.Scale + "/envelope", []byte(`{"deviceId":"` + ward.Cuff + `","hex":"003C","characteristic":"2A37"}`)},
	}
	for _, b := range bad {
		if !publish(c, b.topic, 1, b.payload) {
			t.Errorf("%s %q is not acknowledged", b.topic, b.payload)
		}
	}
	kept, err := s.Refusals(t.Context(), "", 100)
	if err != nil || len(kept) != len(bad) {
		t.Errorf("%d of %d kept, %v", len(kept), len(bad), err)
	}
	if !publish(c, inside, 1, enveloped(61, 1)) || ward.Values(t, s, "8867-4")["61"] != 1 {
		t.Error("a good frame after bad ones")
	}
}

// TestMQTT_OnlyOnesOwn has users that may publish frames and read their own replies.
func TestMQTT_OnlyOnesOwn(t *testing.T) {
	address, l, s := begin(t, func(l *mqtt.Listener) {
		l.Authenticate = func(_ context.Context, user, password, _ string) (string, bool) {
			return map[string]string{"gw": "gw", ward.Cuff: "device/" + ward.Cuff, ward.Scale: "device/" + ward.Scale}[user], password == "right"
		}
	})
	for _, password := range []string{"wrong", ""} {
		if token := paho.NewClient(options(address, "gw", password)).Connect(); !token.WaitTimeout(10*time.Second) || token.Error() == nil {
			t.Error("let in with", password)
		}
	}
	if l.Totals().Denied != 2 {
		t.Errorf("%+v", l.Totals())
	}
	gateway := connect(t, options(address, "gw", "right").SetWill("replies/"+ward.Cuff+"/x", "forged", 1, false))
	cuff := connect(t, options(address, ward.Cuff, "right")) // of the same client id: nobody is thrown out
	scale := connect(t, options(address, ward.Scale, "right"))
	got := make(chan string, 10)
	for filter, want := range map[string]byte{"#": 0x80, "replies/#": 0x80, "replies/gw/#": 0x80, "ingest/#": 0x80, "$SYS/#": 0x80, "$share/x/replies/gw/#": 0x80, "replies/+/x": 0x80, "replies/" + ward.Cuff + "/#": 1} {
		token := cuff.Subscribe(filter, 1, func(_ paho.Client, m paho.Message) { got <- string(m.Payload()) }).(*paho.SubscribeToken)
		if !token.WaitTimeout(10 * time.Second) {
			t.Fatal(filter)
		}
		for name, code := range token.Result() { // of a shared one without $share
			if code != want {
				t.Errorf("%s (%s): %x %v", filter, name, code, token.Error())
			}
		}
	}
	if !publish(cuff, pulses, 1, []byte{0, 71}) || ward.Values(t, s, "8867-4")["71"] != 1 {
		t.Error("its own frame")
	}
	if !publish(scale, pulses, 1, []byte{0, 72}) || len(ward.Values(t, s, "8867-4")) != 1 {
		t.Error("a device spoke for another", ward.Values(t, s, "8867-4"))
	}
	publish(gateway, "replies/"+ward.Cuff+"/x", 1, []byte("forged"))
	for until := time.Now().Add(10 * time.Second); gateway.IsConnectionOpen() && time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	if gateway.IsConnectionOpen() {
		t.Error("who publishes elsewhere stays connected (MQTT 3.1.1 knows no other refusal)")
	}
	// What a device waits for comes to it: an association request is answered.
	request := []byte{0xE2, 0x00, 0x00, 0x32, 0x80, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x2A, 0x50, 0x79, 0x00, 0x26, 0x80, 0x00, 0x00, 0x00, 0xA0, 0x00, 0x80, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x08, 0x00, 0xA1, 0xC9, 0x00, 0x00, 0x00, 0x02, 0x01, 0x05, 0xDC, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00}
	if !publish(cuff, "ingest/phd20601/"+ward.Cuff, 1, request) {
		t.Error("an association request")
	}
	select {
	case reply := <-got:
		if len(reply) < 4 || reply[0] != 0xE3 {
			t.Errorf("% X", reply)
		}
	case <-time.After(10 * time.Second):
		t.Error("no answer")
	}
}

// TestMQTT_HostileConnections sends what is no MQTT, and too many connections.
func TestMQTT_HostileConnections(t *testing.T) {
	address, l, s := begin(t, func(l *mqtt.Listener) { l.MaxConnections, l.Stall = 20, 200*time.Millisecond })
	var all sync.WaitGroup
	for _, bytes := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x10", "\x10\xff\xff\xff\x7f", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00\x30\xff\xff\xff\x7f",
		"\x10\x0c\x00\x04MQTT\x05\x02\x00\x00\x00\x00", "\x30\x05\x00\x01a\x00\x00", "\x10\x0c\x00\x04MQTT\x04\xfe\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff"} {
		all.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte(bytes))
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			buffer := make([]byte, 256)
			for err == nil {
				_, err = c.Read(buffer)
			}
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%q is not closed", bytes)
			}
		})
	}
	good := connect(t, options(address, "", ""))
	if !publish(good, inside, 1, enveloped(81, 1)) || ward.Values(t, s, "8867-4")["81"] != 1 {
		t.Error("others are held up")
	}
	all.Wait()
	for range 20 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for until := time.Now().Add(10 * time.Second); l.Totals().TurnedAway == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%+v", l.Totals())
		}
	}
}

// TestMQTT_GracefulStop stops while clients publish: what was acknowledged is stored.
func TestMQTT_GracefulStop(t *testing.T) {
	address, l, s := begin(t, nil)
	acknowledged := make([]int, 5)
	var all sync.WaitGroup
	for w := range acknowledged {
		c := connect(t, options(address, "", "").SetClientID(fmt.Sprint(w)))
		all.Go(func() {
			for n := w * 40; n < w*40+40 && publish(c, inside, 1, enveloped(n, n)); n++ {
				acknowledged[w]++
			}
		})
	}
	for l.Totals().Accepted < 20 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
	all.Wait()
	values := ward.Values(t, s, "8867-4")
	for w, many := range acknowledged {
		for n := w * 40; n < w*40+many; n++ {
			if values[fmt.Sprint(n)] != 1 {
				t.Errorf("frame %d is there %d times", n, values[fmt.Sprint(n)])
			}
		}
	}
}

// TestMQTT_BrokerOutside takes frames from a broker that does not know us: here
// a plain one that lets everybody do everything.
func TestMQTT_BrokerOutside(t *testing.T) {
	address := outside(t)
	s := ward.Open(t)
	ward.Wear(t, s, ward.Cuff, "a")
	start := func() *mqtt.Client {
		c := &mqtt.Client{Ingest: s, Broker: "tcp://" + address, ID: "vitalwire", Log: slog.New(slog.DiscardHandler)}
		c.Start()
		return c
	}
	c := start()
	until(t, func() bool { return c.Totals().Connections == 1 })
	device := connect(t, options(address, "", "").SetClientID("device"))
	for n := 1; n <= 30; n++ {
		publish(device, inside, 1, enveloped(n, n))
	}
	publish(device, "ingest/nonsense/x", 1, []byte("y"))
	until(t, func() bool { return c.Totals().Accepted == 30 && c.Totals().Refused == 1 })
	c.Stop()
	// While nobody takes them the broker keeps them.
	for n := 31; n <= 40; n++ {
		publish(device, inside, 1, enveloped(n, n))
	}
	c = start()
	defer c.Stop()
	until(t, func() bool { return len(ward.Values(t, s, "8867-4")) == 40 })
	for n, times := range ward.Values(t, s, "8867-4") {
		if times != 1 {
			t.Errorf("%s is there %d times", n, times)
		}
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to it")
		}
	}
}

// TestMQTT_WhoIsRemovedDoesNotStay takes a client's right away while it is connected.
func TestMQTT_WhoIsRemovedDoesNotStay(t *testing.T) {
	var removed atomic.Bool
	address, _, s := begin(t, func(l *mqtt.Listener) {
		l.Again = time.Nanosecond
		l.Authenticate = func(context.Context, string, string, string) (string, bool) { return "gw", !removed.Load() }
	})
	c := connect(t, options(address, "gw", "right"))
	if !publish(c, inside, 1, enveloped(31, 1)) {
		t.Fatal("not taken")
	}
	removed.Store(true)
	_ = publish(c, inside, 1, enveloped(32, 2))
	until(t, func() bool { return !c.IsConnectionOpen() })
	if got := ward.Values(t, s, "8867-4"); len(got) != 1 || got["31"] != 1 {
		t.Error(got)
	}
}
