package pack

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"

	"vitalwire/fhir"
)

const magic = "vitalwire pack 1\n"

// blockSize is where a block ends: larger compresses hardly better, since
// deflate looks back 32 KiB, and costs more to look into.
const blockSize = 64 << 10

// Builder collects definitions into a pack. It writes the same bytes for the
// same definitions in the same order. Use New; a Builder is not safe for
// concurrent use.
type Builder struct {
	level   int
	entries []Entry
	blocks  []block
	data    []byte // deflated blocks
	open    []byte // the block being filled
	out     bytes.Buffer
	writer  *flate.Writer
}

type block struct{ start, packed, size int }

// New starts a pack that is compressed at a level of compress/flate.
func New(level int) *Builder { return &Builder{level: level} }

// Add appends a definition; pkg is the name#version of its package.
func (b *Builder) Add(r *fhir.Resource, pkg string) error {
	e := Describe(r)
	e.Package = pkg
	start := len(b.open)
	b.open = r.Root().AppendJSON(b.open)
	e.block, e.offset, e.length = len(b.blocks), start, len(b.open)-start
	b.entries = append(b.entries, e)
	if len(b.open) >= blockSize {
		return b.flush()
	}
	return nil
}

// Len is the number of definitions so far.
func (b *Builder) Len() int { return len(b.entries) }

// Packed is the number of compressed bytes so far.
func (b *Builder) Packed() int { return len(b.data) }

func (b *Builder) flush() error {
	if len(b.open) == 0 {
		return nil
	}
	packed, err := b.deflate(b.open)
	if err != nil {
		return err
	}
	b.blocks = append(b.blocks, block{start: len(b.data), packed: len(packed), size: len(b.open)})
	b.data = append(b.data, packed...)
	b.open = b.open[:0]
	return nil
}

// deflate gives compressed bytes that are valid until the next call.
func (b *Builder) deflate(plain []byte) ([]byte, error) {
	b.out.Reset()
	if b.writer == nil {
		w, err := flate.NewWriter(&b.out, b.level)
		if err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		b.writer = w
	} else {
		b.writer.Reset(&b.out)
	}
	if _, err := b.writer.Write(plain); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := b.writer.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.out.Bytes(), nil
}

// Pack ends the building and gives the pack, held in memory.
func (b *Builder) Pack() (*Pack, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	data := bytes.Clone(b.data) // without the slack of append
	return &Pack{Entries: b.entries, blocks: b.blocks, data: data, slots: make([]slot, len(b.entries))}, nil
}

// Bytes ends the building and gives the pack as Open reads it.
func (b *Builder) Bytes() ([]byte, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	var index []byte
	number := func(n int) { index = binary.AppendUvarint(index, uint64(n)) }
	text := func(s string) { number(len(s)); index = append(index, s...) }
	number(len(b.blocks))
	for _, blk := range b.blocks {
		number(blk.packed)
		number(blk.size)
	}
	number(len(b.entries))
	for i := range b.entries {
		e := &b.entries[i]
		for _, s := range e.texts() {
			text(*s)
		}
		number(len(e.On))
		for _, s := range e.On {
			text(s)
		}
		number(e.block)
		number(e.offset)
		number(e.length)
	}
	packed, err := b.deflate(index)
	if err != nil {
		return nil, err
	}
	out := []byte(magic)
	out = binary.AppendUvarint(out, uint64(len(packed)))
	out = binary.AppendUvarint(out, uint64(len(index)))
	out = append(out, packed...)
	return append(out, b.data...), nil
}
