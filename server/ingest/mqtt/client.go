package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// Client takes frames from a broker outside, with the topics of this package. It
// acknowledges a message when its frame is in the store, or kept as refused; until then
// the broker keeps it. What a device waits for is published to replies/{device}. Its fields are set once, before Start.
type Client struct {
	Ingest *ingest.Service
	// Broker is its URL: tcp://, tls:// or ws(s)://; User and Password may be "".
	Broker, User, Password string
	// ID is the client id; the broker keeps messages for it while nobody is connected.
	ID string
	// Filter is what is subscribed to, with quality of service 1; "" is ingest/#.
	Filter string
	// TLS is for tls:// and wss://; nil is the default.
	TLS *tls.Config
	Log *slog.Logger

	client paho.Client
	lanes  [16]chan paho.Message
	life   context.Context
	stop   context.CancelFunc
	alive  sync.WaitGroup
	counts counters
	up     atomic.Bool
}

// laneLength is how many messages of a lane wait; beyond it nothing is read from the
// broker, which then holds them.
const laneLength = 64

// Start connects, and goes on trying until Stop when the broker is away.
func (c *Client) Start() {
	if c.Filter == "" {
		c.Filter = framesRoot + "#"
	}
	c.life, c.stop = context.WithCancel(context.Background())
	for i := range c.lanes {
		c.lanes[i] = make(chan paho.Message, laneLength)
		c.alive.Go(func() { c.work(c.lanes[i]) })
	}
	o := paho.NewClientOptions().AddBroker(c.Broker).SetClientID(c.ID).SetUsername(c.User).SetPassword(c.Password)
	o.SetCleanSession(false).SetAutoAckDisabled(true).SetOrderMatters(true)
	o.SetConnectRetry(true).SetConnectRetryInterval(2 * time.Second).SetMaxReconnectInterval(30 * time.Second)
	o.SetKeepAlive(30 * time.Second).SetTLSConfig(c.TLS)
	o.SetDefaultPublishHandler(c.take)
	o.SetOnConnectHandler(func(client paho.Client) {
		c.up.Store(true)
		c.Log.Info("mqtt: connected to the broker", "broker", c.Broker)
		if token := client.Subscribe(c.Filter, 1, c.take); token.WaitTimeout(30*time.Second) && token.Error() != nil {
			c.Log.Error("mqtt: the broker refused the subscription", "filter", c.Filter, "error", token.Error())
		}
	})
	o.SetConnectionLostHandler(func(_ paho.Client, err error) {
		c.up.Store(false)
		c.Log.Warn("mqtt: the broker is away", "broker", c.Broker, "error", err)
	})
	c.client = paho.NewClient(o)
	c.client.Connect() // in the background
}

// Stop takes no more messages; those not acknowledged come again.
func (c *Client) Stop() {
	c.stop()
	c.client.Disconnect(250)
	c.alive.Wait()
}

// Totals counts since the start; Connections is 1 while the broker is there.
func (c *Client) Totals() Totals {
	t := Totals{Frames: c.counts.frames.Load(), Accepted: c.counts.accepted.Load(), Refused: c.counts.refused.Load(), Failed: c.counts.failed.Load(), Bytes: c.counts.bytes.Load()}
	if c.up.Load() {
		t.Connections = 1
	}
	return t
}

// take puts a message into the lane of its topic, so that those of a device stay in
// order and one that is slow holds up few others.
func (c *Client) take(_ paho.Client, m paho.Message) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.Topic()))
	select {
	case c.lanes[h.Sum32()%uint32(len(c.lanes))] <- m:
	case <-c.life.Done():
	}
}

func (c *Client) work(lane chan paho.Message) {
	for {
		select {
		case m := <-lane:
			c.store(m)
		case <-c.life.Done():
			return
		}
	}
}

// store keeps trying: a message that is not acknowledged would come again only after
// the connection broke.
func (c *Client) store(m paho.Message) {
	c.counts.frames.Add(1)
	c.counts.bytes.Add(int64(len(m.Payload())))
	for pause := 50 * time.Millisecond; c.life.Err() == nil; pause = min(2*pause, 10*time.Second) {
		sub, err := FromTopic(m.Topic(), m.Payload())
		if err == nil {
			sub.Source = "broker " + m.Topic()
			var receipt *ingest.Receipt
			if receipt, err = c.Ingest.Submit(c.life, sub); err == nil && receipt.Reply != nil && sub.Device != "" {
				c.client.Publish(repliesRoot+sub.Device, 1, false, receipt.Reply)
			}
		}
		var declined *ingest.DeclinedError
		switch {
		case err == nil:
			c.counts.accepted.Add(1)
		case errors.As(err, &declined):
			c.counts.refused.Add(1)
		case hopeless(err):
			if err = c.Ingest.Refuse(c.life, sub, err); err == nil {
				c.counts.refused.Add(1)
			}
		}
		if err == nil || declined != nil {
			m.Ack()
			return
		}
		if fhir.SituationOf(err) != fhir.SituationThrottled && c.life.Err() == nil {
			c.counts.failed.Add(1)
			c.Log.Error("mqtt: a frame could not be stored; it is tried again", "topic", m.Topic(), "error", err)
		}
		select {
		case <-time.After(pause):
		case <-c.life.Done():
		}
	}
}
