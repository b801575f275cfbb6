// Package adapters holds the contract of a device language: bytes in, facts
// out (adapters/acom), bytes back. An adapter is one folder; adapters/all
// lists them and holds each to the contract.
package adapters

import (
	"fmt"
	"io"
	"time"

	"vitalwire/adapters/acom"
)

// Adapter describes one device language.
type Adapter struct {
	// Name is the folder's name and the last part of POST /ingest/{adapter}.
	Name string
	// Standard names the document implemented, with its version.
	Standard string
	// New gives a Decoder for one connection. A Decoder may keep association
	// state; what must outlive the connection goes through memory.
	New func(memory Memory) Decoder
	// Split cuts a file that may be longer than a frame into frames that each say
	// all of themselves, in bounded memory; nil when every file is one frame. It stops
	// at the first error of r or emit, and an *Error tells where the file is none.
	Split func(r io.Reader, emit func(frame []byte) error) error
}

// Memory is what the adapter asked to be remembered earlier: a plain dictionary
// for the decoder, filled from Result.Remember of frames that were committed.
// Keys begin with the device, such as "00220922580803CC/config/4000".
type Memory interface {
	Recall(key string) (value []byte, ok bool)
}

// Memo is a fact for Memory. A nil Value forgets the key.
type Memo struct {
	Key   string
	Value []byte
}

// Frame is what arrived, with what the gateway knows of it.
type Frame struct {
	Bytes []byte
	// Device is the sensor as the gateway names it: EUI-64 as 16 or EUI-48 as 12
	// upper-case hex digits, or "" when only the bytes tell.
	Device string
	// Gateway is the EUI-64 of the gateway, 16 upper-case hex digits, or "".
	Gateway string
	// Received is when the gateway took the frame, with the gateway's own
	// offset; the zero Time when the gateway did not say. Adapters may use it for
	// nothing but acom.Clock.Gateway: the same frames give the same bytes for ever.
	Received time.Time
	// Characteristic is the Bluetooth UUID as 4 upper-case hex digits, or "".
	Characteristic string
	// Profile names the sender's dialect where the transport was told it, or "".
	Profile string
	// Clock pairs the device's clock with the gateway's if the gateway read both.
	Clock *acom.Clock
}

// Result is what a frame gave.
type Result struct {
	// Reports of facts, in the order sent; empty for a frame of pure dialogue.
	Reports []acom.Report
	// Reply is what the agent waits for, nil when it waits for nothing.
	Reply []byte
	// Remember is committed together with the reports.
	Remember []Memo
	// Alive are signs of life, of devices that may have nothing else to say.
	Alive []Alive
	// Skipped are records of a file that gave no reading although others did, each
	// with why; the frame itself is kept.
	Skipped []Skip
}

// Alive is a sign of life: the device says that it would tell if there were anything to tell.
type Alive struct {
	Device acom.Device `json:"device"`
	// Within is how many seconds may pass until the next one, decimal text; "" where the
	// device does not say.
	Within string `json:"within,omitempty"`
	// Ended is set for the last one.
	Ended bool `json:"ended,omitempty"`
}

// Skip is a record that gave no reading.
type Skip struct {
	// Offset of the record from the start of Frame.Bytes.
	Offset int `json:"offset"`
	// Reason in words an integrator can act on; it never holds patient data.
	Reason string `json:"reason"`
}

// Decoder reads the frames of one connection in order. Decode does no I/O, reads
// no clock and never panics; a frame it refuses gives an *Error and leaves the
// decoder as it was before the frame.
type Decoder interface {
	Decode(f Frame) (Result, error)
}

// Dialogue is a Decoder of a connection whose state outlives a frame. A frame may have
// to be decoded again before it is stored, so the state goes on in a copy.
type Dialogue interface {
	Decoder
	// Fork gives a decoder that goes on from here, with another memory, and leaves
	// this one as it is.
	Fork(memory Memory) Dialogue
}

// Error says where and why a frame was refused.
type Error struct {
	// Offset of the offending byte from the start of Frame.Bytes.
	Offset int
	// Reason in words an integrator can act on; it never holds patient data.
	Reason string
	// Unprocessable marks a frame that is well-formed but cannot be used (such as
	// a report for an unknown configuration): HTTP 422 instead of 400.
	Unprocessable bool
	// Reply is what the sender waits for although the frame was refused, nil when
	// nothing.
	Reply []byte
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }
