package server

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// matrix says of some requesters what of some data Consents let them see: the rule that
// is enforced is asked, not what the choices meant.
type matrix struct {
	who, what []string
	sees      [][]bool // by who, then what
	// silent: no measurement may be collected.
	silent bool
}

// requester is somebody who might ask.
type requester struct {
	name string
	consent.Requester
}

func (p privacy) codes() consent.Codes {
	if book := p.engine.Consents; book != nil {
		return book.Codes
	}
	return noCodes{}
}

// noCodes knows no hierarchy: where Consents bind nobody, nothing depends on it.
type noCodes struct{}

// Below is the code alone.
func (noCodes) Below(_, code string) ([]string, bool) { return []string{code}, false }

// requesters are those who are told of, and each who is named by the Consents.
func requesters(named []fhir.Key, names map[fhir.Key]string) []requester {
	one := func(name string, treating bool, purposes ...string) requester {
		by := consent.Requester{Now: time.Now(), Treating: treating, Actions: []string{"access", "disclose"}}
		for _, code := range purposes {
			by.Purposes = append(by.Purposes, consent.Coding{System: consent.ActReason, Code: code})
		}
		return requester{name, by}
	}
	list := []requester{one("Those who treat you", true, "TREAT")}
	for _, key := range named {
		if names[key] == "" {
			continue // of another kind than people and organizations, or not there
		}
		r := one(names[key], true, "TREAT")
		r.Actors = []fhir.Key{key}
		list = append(list, r)
	}
	return append(list, one("Those who break the glass in an emergency", true, "TREAT", auth.BreakGlass), one("People who act for you", false, "PATRQT"),
		one("Payment and the running of the house", false, "HPAYMT", "HOPERAT"), one("Research", false, "HRESCH"))
}

// matrix asks for all.
func (p privacy) matrix(policies []*consent.Policy, names map[fhir.Key]string) (*matrix, error) {
	return p.matrixOf(policies, actorsOf(policies), names)
}

func (p privacy) matrixOf(policies []*consent.Policy, named []fhir.Key, names map[fhir.Key]string) (*matrix, error) {
	o, _ := p.options()
	slices.SortFunc(named, func(x, y fhir.Key) int { return cmp.Compare(names[x]+x.String(), names[y]+y.String()) })
	m := &matrix{}
	compiler := consent.Compiler{Search: p.engine.Search, Codes: p.codes(), Refers: func(fhir.Key) ([]fhir.Key, bool) { return nil, true }}
	var data []*search.Subject
	add := func(name string, labels ...consent.Coding) {
		m.what, data = append(m.what, name), append(data, p.sample(labels))
	}
	add("what is not especially confidential")
	for _, k := range p.kinds() {
		add("what is about "+strings.TrimPrefix(k.String(), "what is "), k.Coding, consent.Coding{System: consent.Confidentiality, Code: k.Confidentiality})
	}
	add("what is especially confidential for another reason", consent.Coding{System: consent.Confidentiality, Code: "R"})
	for _, by := range requesters(named, names) {
		view := compiler.View(consent.Decide(policies, by.Requester, p.codes(), o).Formula, "Observation")
		row := make([]bool, len(data))
		for i, s := range data {
			var err error
			if row[i], err = view.Sees(s); err != nil {
				return nil, err
			}
		}
		m.who, m.sees = append(m.who, by.name), append(m.sees, row)
	}
	refused := consent.Uncollected(policies, requesters(nil, nil)[0].Requester, p.codes(), o)
	var err error
	m.silent, err = compiler.View(refused, "Observation").Sees(data[0])
	return m, err
}

// sample is a measurement of today with labels.
func (p privacy) sample(labels []consent.Coding) *search.Subject {
	r := fhir.NewResource("Observation")
	security := fhir.NewArray()
	for _, l := range labels {
		security.Append(fhir.NewObject(fhir.S("system", l.System), fhir.S("code", l.Code)))
	}
	r.Root().Set("meta", fhir.NewObject(fhir.M("security", security)))
	r.Root().Set("status", fhir.NewString("final"))
	r.Root().Set("effectiveDateTime", fhir.NewString(fhir.FormatInstant(time.Now())))
	return &search.Subject{Type: "Observation", ID: "sample", Position: time.Now().UnixMicro(), Values: p.engine.Search.Extract(r)}
}

// sights are the rows in words.
func (m *matrix) sights() (list []auth.OthersSight) {
	for i, who := range m.who {
		one := auth.OthersSight{Who: who}
		for j, what := range m.what {
			if m.sees[i][j] {
				one.Sees = append(one.Sees, what)
			} else {
				one.Hidden = append(one.Hidden, what)
			}
		}
		if len(one.Hidden) == 0 {
			one.Sees = []string{"everything"}
		}
		list = append(list, one)
	}
	return list
}

// differences are what the rows gain and lose, of all who are named before or after.
func (p privacy) differences(before, after []*consent.Policy, names map[fhir.Key]string) (list []auth.Difference, err error) {
	named := actorsOf(slices.Concat(before, after))
	was, err := p.matrixOf(before, named, names)
	if err != nil {
		return nil, err
	}
	is, err := p.matrixOf(after, named, names)
	if err != nil {
		return nil, err
	}
	for i, who := range was.who {
		d := auth.Difference{Who: who}
		for j, what := range was.what {
			switch {
			case is.sees[i][j] && !was.sees[i][j]:
				d.Gains = append(d.Gains, what)
			case was.sees[i][j] && !is.sees[i][j]:
				d.Losses = append(d.Losses, what)
			}
		}
		if d.Gains != nil || d.Losses != nil {
			list = append(list, d)
		}
	}
	return list, nil
}
