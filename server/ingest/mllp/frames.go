package mllp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The bytes of the frame: <SB> message <EB><CR>.
const (
	startBlock = 0x0B
	endBlock   = 0x1C
	carriage   = 0x0D
)

// source is what frames are read from; between and within tell it where they are.
type source interface {
	io.Reader
	between() error
	within()
}

// frames takes messages out of a stream: several in one segment of TCP or one in
// many. Line ends and NULs between frames are passed over, and the CR after the end
// block may be missing, as senders do both; anything else between frames means that
// the stream is out of step, and ends it.
type frames struct {
	from source
	read *bufio.Reader
	most int
}

func newFrames(from source, most int) *frames {
	return &frames{from: from, read: bufio.NewReaderSize(from, 16<<10), most: most}
}

// errFrame is a stream that is no MLLP.
var errFrame = errors.New("bytes that are no MLLP frame")

// next is the next message. Errors: io.EOF when the stream ended between messages,
// io.ErrUnexpectedEOF within one, errFrame, or what the source gave.
func (f *frames) next() ([]byte, error) {
	if err := f.from.between(); err != nil {
		return nil, err
	}
	for passed := 0; ; passed++ {
		b, err := f.read.ReadByte()
		switch {
		case err != nil:
			return nil, err
		case b == startBlock:
			return f.message()
		case b != '\r' && b != '\n' && b != 0 && b != ' ' || passed > 1024:
			return nil, fmt.Errorf("%w: 0x%02X in place of 0x0B", errFrame, b)
		}
	}
}

// message reads up to the end block. A new start block within a message means that
// the sender gave it up: what came before was never complete and is dropped.
func (f *frames) message() ([]byte, error) {
	f.from.within()
	var message []byte
	for {
		part, err := f.read.ReadSlice(endBlock)
		if len(message)+len(part) > f.most+1 {
			return nil, fmt.Errorf("%w: a message of more than %d bytes", errFrame, f.most)
		}
		message = append(message, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		message = message[:len(message)-1]
		if at := bytes.LastIndexByte(message, startBlock); at >= 0 {
			message = message[at+1:]
		}
		return message, nil
	}
}

// enframe puts a message into its frame.
func enframe(message []byte) []byte {
	framed := make([]byte, 0, len(message)+3)
	framed = append(framed, startBlock)
	framed = append(framed, message...)
	return append(framed, endBlock, carriage)
}
