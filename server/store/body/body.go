// Package body packs resource bodies for a store: zstd with a trained dictionary,
// by which a body of 850 bytes takes 270. A stored body names its codec for ever.
package body

import (
	_ "embed" // the dictionary
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The codecs.
const (
	Plain = 0 // as it is
	// Zstd1 is one zstd frame (RFC 8878) without a checksum, with dictionary 1.
	Zstd1 = 1
)

// Limit bounds what a stored body may unpack to: the store's rows are trusted, but a
// damaged one must not take the memory of all.
const Limit = 256 << 20

// least is the size below which packing does not pay.
const least = 128

//go:embed 1.dict
var dictionary1 []byte

// encoders are reused; each packs one body at a time.
var encoders = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithEncoderDict(dictionary1))
	if err != nil {
		panic("body: the dictionary is broken: " + err.Error()) // it is ours
	}
	return e
}}

var decoder = sync.OnceValue(func() *zstd.Decoder {
	// Concurrency 0 is as many as there are processors; more calls wait.
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderDicts(dictionary1), zstd.WithDecoderMaxMemory(Limit))
	if err != nil {
		panic("body: the dictionary is broken: " + err.Error())
	}
	return d
})

// Pack gives a body in the form that takes less, and its codec. The plain form is
// the body itself, not a copy.
func Pack(plain []byte) (codec int, packed []byte) {
	if len(plain) < least {
		return Plain, plain
	}
	e := encoders.Get().(*zstd.Encoder)
	defer encoders.Put(e)
	packed = e.EncodeAll(plain, make([]byte, 0, len(plain)/2))
	if len(packed) >= len(plain) {
		return Plain, plain
	}
	return Zstd1, packed
}

// Unpack gives the body. An error says that it is damaged, or of a newer program.
func Unpack(codec int, packed []byte) ([]byte, error) {
	switch codec {
	case Plain:
		return packed, nil
	case Zstd1:
		plain, err := decoder().DecodeAll(packed, nil)
		if err != nil {
			return nil, fmt.Errorf("body: damaged: %w", err)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("body: codec %d is not known to this program", codec)
}
