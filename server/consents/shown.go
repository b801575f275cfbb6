package consents

import "sync/atomic"

// shown remembers which versions of resources rulings let be seen. A version does not
// change, and what is agreed to is another Ruling when it does, so what was judged once
// need not be judged again.
type shown struct {
	slots [mostShown]atomic.Pointer[verdict]
}

// mostShown is how many are remembered, about 2 MB: one takes the place of another.
const mostShown = 1 << 16

// verdict says that a Ruling, by its table, shows the version at a position.
type verdict struct{ table, position int64 }

func (s *shown) slot(v verdict) *atomic.Pointer[verdict] {
	const odd = 0x9E3779B97F4A7C15 // spreads what is counted up
	return &s.slots[(uint64(v.position)*odd^uint64(v.table)*odd>>7)>>32%mostShown]
}

// Shown reports whether a version is known to be seen by the Ruling: false when that
// must be judged.
func (l *Ruling) Shown(position int64) bool {
	v := verdict{l.table.ID, position}
	known := l.book.shown.slot(v).Load()
	return known != nil && *known == v && !l.volatile
}

// Show remembers that a version was judged to be seen.
func (l *Ruling) Show(position int64) {
	if !l.volatile {
		v := verdict{l.table.ID, position}
		l.book.shown.slot(v).Store(&v)
	}
}
