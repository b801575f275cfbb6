package relational

import (
	"hash/maphash"
	"sync"
	"time"
)

// sizes remembers for a while what was counted to choose a driver. It only ever decides
// how a search is answered, so it may be a little old.
type sizes struct {
	mu    sync.Mutex
	seed  maphash.Seed
	found map[uint64]counted
}

// counted are the sizes of drivers, counted to a limit.
type counted struct {
	sizes []int64
	limit int64
	until time.Time
}

// sizesKept bounds what is remembered, and for how long: a search asked again within
// that time is not counted again.
const (
	sizesKept = 4096
	sizesLife = 10 * time.Second
)

func newSizes() *sizes { return &sizes{seed: maphash.MakeSeed(), found: map[uint64]counted{}} }

// key is that of a statement with its parameters.
func (s *sizes) key(text string, args []any) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(text)
	for _, arg := range args {
		maphash.WriteComparable(&h, arg)
	}
	return h.Sum64()
}

// get gives sizes that were counted at least to a limit.
func (s *sizes) get(key uint64, limit int64) ([]int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.found[key]
	if !ok || c.limit < limit || time.Now().After(c.until) {
		return nil, false
	}
	return c.sizes, true
}

func (s *sizes) put(key uint64, limit int64, counts []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.found) >= sizesKept {
		clear(s.found)
	}
	s.found[key] = counted{counts, limit, time.Now().Add(sizesLife)}
}
