package pack

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"weak"

	"vitalwire/fhir"
)

// Pack answers for the definitions in it. It is safe for concurrent use.
type Pack struct {
	// Entries is the index, in the order the definitions were added. It must
	// not be changed.
	Entries []Entry

	blocks []block
	data   []byte
	slots  []slot // decoded definitions, by entry

	mu     sync.Mutex
	recent [4]inflated // the blocks last used, newest first
}

type inflated struct {
	block int
	text  string
}

// slot holds a decoded definition for as long as someone uses it; then the
// garbage collector may take it, and the next use decodes it again.
type slot struct {
	mu       sync.Mutex
	resource weak.Pointer[fhir.Resource]
}

// maxIndex bounds the index against a damaged length.
const maxIndex = 64 << 20

// Open reads the index of a pack made by Builder.Bytes. The pack keeps data.
func Open(data []byte) (*Pack, error) {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return nil, errors.New("pack: not a pack")
	}
	packed, n := binary.Uvarint(rest)
	rest = rest[max(n, 0):]
	size, m := binary.Uvarint(rest)
	rest = rest[max(m, 0):]
	if n <= 0 || m <= 0 || packed > uint64(len(rest)) || size > maxIndex {
		return nil, errors.New("pack: damaged header")
	}
	index, err := inflate(rest[:packed], int(size))
	if err != nil {
		return nil, fmt.Errorf("pack: index: %w", err)
	}
	p := &Pack{data: rest[packed:]}
	if err := p.readIndex(index); err != nil {
		return nil, err
	}
	p.slots = make([]slot, len(p.Entries))
	return p, nil
}

// inflate gives the text of deflated bytes, which must be size bytes long.
func inflate(packed []byte, size int) (string, error) {
	r := flate.NewReader(bytes.NewReader(packed))
	var b strings.Builder
	b.Grow(size)
	if _, err := io.CopyN(&b, r, int64(size)); err != nil {
		return "", err
	}
	return b.String(), nil
}

func (p *Pack) readIndex(index string) error {
	in := reader{rest: index}
	blocks := in.number()
	if blocks > len(index) {
		return errors.New("pack: damaged index")
	}
	start := 0
	p.blocks = make([]block, blocks)
	for i := range p.blocks {
		packed, size := in.number(), in.number()
		p.blocks[i] = block{start: start, packed: packed, size: size}
		start += packed
	}
	entries := in.number()
	if entries > len(index) {
		return errors.New("pack: damaged index")
	}
	p.Entries = make([]Entry, entries)
	for i := range p.Entries {
		e := &p.Entries[i]
		for _, s := range e.texts() {
			*s = in.text()
		}
		if n := in.number(); n > 0 && n <= len(in.rest) {
			e.On = make([]string, n)
			for j := range e.On {
				e.On[j] = in.text()
			}
		}
		e.block, e.offset, e.length = in.number(), in.number(), in.number()
		if in.bad || e.block >= len(p.blocks) || e.offset+e.length > p.blocks[e.block].size {
			return fmt.Errorf("pack: damaged index at entry %d", i)
		}
	}
	if start != len(p.data) {
		return fmt.Errorf("pack: %d bytes of blocks, the index says %d", len(p.data), start)
	}
	return nil
}

// reader reads the index; bad turns true at the first misfit.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) number() int {
	var v uint64
	for i := 0; i < len(r.rest) && i < 5; i++ {
		c := r.rest[i]
		v |= uint64(c&0x7F) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return int(v)
		}
	}
	r.bad = true
	return 0
}

func (r *reader) text() string {
	n := r.number()
	if n > len(r.rest) {
		r.bad = true
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// JSON is the definition of entry i as compact JSON.
func (p *Pack) JSON(i int) (string, error) {
	e := &p.Entries[i]
	text, err := p.block(e.block)
	if err != nil {
		return "", fmt.Errorf("pack: %s: %w", e.Canonical(), err)
	}
	return text[e.offset : e.offset+e.length], nil
}

func (p *Pack) block(n int) (string, error) {
	p.mu.Lock()
	for i := range p.recent {
		if hit := p.recent[i]; hit.text != "" && hit.block == n {
			copy(p.recent[1:i+1], p.recent[:i])
			p.recent[0] = hit
			p.mu.Unlock()
			return hit.text, nil
		}
	}
	p.mu.Unlock()
	b := p.blocks[n]
	text, err := inflate(p.data[b.start:b.start+b.packed], b.size)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	copy(p.recent[1:], p.recent[:])
	p.recent[0] = inflated{block: n, text: text}
	p.mu.Unlock()
	return text, nil
}

// Resource is the definition of entry i, decoded. It is shared and must not be
// changed.
func (p *Pack) Resource(i int) (*fhir.Resource, error) {
	s := &p.slots[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.resource.Value(); r != nil {
		return r, nil
	}
	text, err := p.JSON(i)
	if err != nil {
		return nil, err
	}
	// The parser keeps pieces of its input; a copy frees it from the block.
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("pack: %s: %w", p.Entries[i].Canonical(), err)
	}
	s.resource = weak.Make(r)
	return r, nil
}

// Memory is about how many bytes the pack keeps while nothing is in use.
func (p *Pack) Memory() int {
	const perEntry = 400 // Entry, slot, and the texts of the index
	return len(p.data) + len(p.Entries)*perEntry + len(p.blocks)*24
}
