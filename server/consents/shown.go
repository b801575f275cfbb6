package consents

import "sync/atomic"

// shown remembers which versions of resources rulings let be seen. A version does not
// change, and what is agreed to is another Ruling when it does, so what was judged once
// need not be judged again.
type shown struct {
	sets [mostShown / ways][ways]atomic.Pointer[verdict]
}

const (
	// mostShown is how many are remembered, about 2 MB: one takes the place of another.
	mostShown = 1 << 16
	// ways is how many places there are for one: two that fall together would else
	// drive each other out for ever.
	ways = 4
)

// verdict says that a Ruling, by its table, shows the version at a position.
type verdict struct{ table, position int64 }

func (s *shown) set(v verdict) *[ways]atomic.Pointer[verdict] {
	const odd = 0x9E3779B97F4A7C15 // spreads what is counted up
	return &s.sets[(uint64(v.position)*odd^uint64(v.table)*odd>>7)>>32%(mostShown/ways)]
}

// Shown reports whether a version is known to be seen by the Ruling: false when that
// must be judged.
func (l *Ruling) Shown(position int64) bool {
	if l.volatile {
		return false
	}
	v := verdict{l.table.ID, position}
	set := l.book.shown.set(v)
	for i := range set {
		if known := set[i].Load(); known != nil && *known == v {
			return true
		}
	}
	return false
}

// Show remembers that a version was judged to be seen.
func (l *Ruling) Show(position int64) {
	if l.volatile {
		return
	}
	v := verdict{l.table.ID, position}
	set := l.book.shown.set(v)
	place := int(uint64(position) % ways)
	for i := range set {
		if set[i].Load() == nil {
			place = i
			break
		}
	}
	set[place].Store(&v)
}
