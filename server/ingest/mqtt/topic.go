package mqtt

import (
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"vitalwire/fhir"
	"vitalwire/server/ingest"
)

// The topics.
const (
	framesRoot  = "ingest/"
	repliesRoot = "replies/"
	noDevice    = "-"
	enveloped   = "envelope"
)

// maxPacket is the most bytes of one packet: a frame of ingest.MaxFrame as hex in its
// envelope, and the topic.
const maxPacket = 2*ingest.MaxFrame + 64<<10

var noDeadline time.Time

// submission is the frame that a PUBLISH carries. With MQTT 5 a raw frame may have
// user properties gatewayId, receivedAt and profile. Errors: Malformed, BadSearch for
// a topic of another form, TooLong.
func submission(pk packets.Packet) (ingest.Submission, error) {
	sub, err := FromTopic(pk.TopicName, pk.Payload)
	if err != nil {
		return sub, err
	}
	for _, p := range pk.Properties.User {
		switch p.Key {
		case "gatewayId":
			sub.Gateway = p.Val
		case "receivedAt":
			sub.Received = p.Val
		case "profile":
			sub.Profile = p.Val
		}
	}
	return sub, nil
}

// FromTopic is the frame of a payload that came to a topic (see the package).
// Errors: as of submission.
func FromTopic(topic string, payload []byte) (ingest.Submission, error) {
	parts := strings.Split(topic, "/")
	sub := ingest.Submission{Topic: topic, Bytes: payload}
	if len(parts) < 3 || len(parts) > 4 || parts[0]+"/" != framesRoot {
		return sub, fhir.BadSearch("frames are published to ingest/{adapter}/{device} or ingest/{adapter}/{device}/{characteristic or envelope}")
	}
	device := parts[2]
	if device == noDevice {
		device = ""
	}
	sub.Adapter, sub.Device = parts[1], device
	if len(parts) == 4 && parts[3] != enveloped {
		sub.Characteristic = parts[3]
	} else if len(parts) == 4 {
		inside, err := ingest.ReadEnvelope(parts[1], payload)
		if err != nil {
			return sub, err
		}
		sub, sub.Topic = inside, topic
		if sub.Device == "" {
			sub.Device = device
		}
		if !strings.EqualFold(plain(sub.Device), plain(device)) && device != "" {
			return sub, fhir.Malformed("", "the envelope names another device than its topic").WithCode(fhir.CodeValue)
		}
	}
	switch {
	case len(sub.Bytes) == 0:
		return sub, fhir.Malformed("", "the frame is empty").WithCode(fhir.CodeRequired)
	case len(sub.Bytes) > ingest.MaxFrame:
		return sub, fhir.TooLong("a frame is at most %d bytes", ingest.MaxFrame)
	}
	return sub, nil
}

func plain(eui string) string { return strings.NewReplacer("-", "", ":", "", ".", "").Replace(eui) }

// hopeless reports whether sending the same again would fail again: the sender is
// wrong, not the server.
func hopeless(err error) bool {
	switch fhir.SituationOf(err) {
	case fhir.SituationMalformed, fhir.SituationBadSearch, fhir.SituationUnknownType, fhir.SituationTooLong, fhir.SituationUnprocessable:
		return true
	}
	return false
}
