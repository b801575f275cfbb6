package biceps

import (
	"strconv"
)

func formatNumber(n uint64) string { return strconv.FormatUint(n, 10) }

// sequenced looks at the number of a report (SDPi, ReportSequence): where one is missing
// before it, that is said.
func (t *turn) sequenced(header *element) {
	numbered := header.child(sdpi, "ReportSequence")
	if numbered == nil || t.owner == "" {
		return
	}
	n, err := strconv.ParseUint(numbered.get("MessageNumber"), 10, 64)
	if err != nil {
		t.skip(numbered, "the number of the report is none")
		return
	}
	var last struct {
		Sequence string `json:"sequence"`
		Number   uint64 `json:"number"`
	}
	known := t.book.load(t.key("reports"), &last) && last.Sequence == t.head.name()
	switch {
	case known && n <= last.Number:
		return // again, or late
	case known && n > last.Number+1:
		t.skip(numbered, "reports "+formatNumber(last.Number+1)+" to "+formatNumber(n-1)+" of the sequence did not come before this one")
	}
	last.Sequence, last.Number = t.head.name(), n
	t.book.store(t.key("reports"), last)
}
