package ingest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
)

// UnknownCode is a code that readings came with and nobody knows but its sender: of none
// of the codes of the reading more is known than that. It is stored as it was sent.
type UnknownCode struct {
	Adapter string `json:"adapter"`
	System  string `json:"system,omitempty"`
	Code    string `json:"code,omitempty"`
	// Display is what the sender calls it.
	Display string `json:"display,omitempty"`
	// Count is of readings and their components since the server started.
	Count int64 `json:"count"`
}

// Code systems whose codes are known: what an adapter makes of them comes from tables,
// and what a sender says in them anybody can look up. Of MDC those are known that the
// table has.
const (
	loincSystem  = "http://loinc.org"
	snomedSystem = "http://snomed.info/sct"
	mdcSystem    = "urn:iso:std:iso:11073:10101"
)

// mostUnknown bounds the codes that are told apart; further ones count under their
// adapter alone.
const mostUnknown = 1000

// unknownCodes counts them.
type unknownCodes struct {
	mu   sync.Mutex
	seen map[UnknownCode]int64 // Count is 0 in a key
}

// count looks at what a reading and its components are of.
func (s *Service) count(adapter string, r *fhir.Resource) {
	s.countOne(adapter, r.Root())
	for _, component := range itemsOf(r.Get("component")) {
		s.countOne(adapter, component)
	}
}

func itemsOf(e *fhir.Element) []*fhir.Element {
	if e == nil {
		return nil
	}
	return e.Items()
}

func (s *Service) countOne(adapter string, of *fhir.Element) {
	code := of.Get("code")
	if code == nil {
		return
	}
	codings := itemsOf(code.Get("coding"))
	if slices.ContainsFunc(codings, isKnown) {
		return
	}
	one := UnknownCode{Adapter: adapter, Display: code.Get("text").Text()}
	if len(codings) > 0 {
		first := codings[0]
		one.System, one.Code, one.Display = first.Get("system").Text(), first.Get("code").Text(), cmp.Or(first.Get("display").Text(), one.Display)
	}
	s.unknown.add(one)
	if s.Unknown != nil {
		s.Unknown(adapter)
	}
}

func isKnown(coding *fhir.Element) bool {
	code := coding.Get("code").Text()
	switch coding.Get("system").Text() {
	case loincSystem, snomedSystem:
		return code != ""
	case mdcSystem:
		return isKnownMDC(code)
	}
	return false
}

func isKnownMDC(code string) bool {
	n, err := strconv.ParseUint(code, 10, 32)
	_, known := term.LookupMDC(uint32(n))
	return err == nil && known
}

func (u *unknownCodes) add(one UnknownCode) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen = map[UnknownCode]int64{}
	}
	if _, known := u.seen[one]; !known && len(u.seen) >= mostUnknown {
		one = UnknownCode{Adapter: one.Adapter}
	}
	u.seen[one]++
}

// UnknownCodes lists the codes that readings came with since the server started and that
// are not known, those of most readings first.
func (s *Service) UnknownCodes() []UnknownCode {
	s.unknown.mu.Lock()
	defer s.unknown.mu.Unlock()
	list := []UnknownCode{}
	for one, n := range s.unknown.seen {
		if one.System == mdcSystem && isKnownMDC(one.Code) {
			continue // since an operator's nomenclature is in force
		}
		one.Count = n
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b UnknownCode) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Adapter, b.Adapter), strings.Compare(a.System, b.System), strings.Compare(a.Code, b.Code),
			strings.Compare(a.Display, b.Display))
	})
	return list
}
