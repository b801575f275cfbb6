package indexing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"vitalwire/auth/consent"
	"vitalwire/auth/label"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// alone are codes without a hierarchy.
type alone struct{}

func (alone) Below(_, code string) ([]string, bool) { return []string{code}, true }

// normal is what of patients may be seen where nothing above normal may: the implicit policy
// Policy-all-normal of IHE PCF.
func (p *process) normal() search.Sight {
	residual := consent.Decide(nil, consent.Requester{Now: time.Now()}, alone{}, consent.Options{Implicit: consent.AllNormal})
	c := &consent.Compiler{Search: p.search, Codes: alone{}, Refers: func(fhir.Key) ([]fhir.Key, bool) { return nil, false }}
	view := c.View(residual.Formula, "Patient")
	return func(string) search.View { return view }
}

// seen counts the patients that a search finds, and tries each in memory.
func (p *process) seen() (n int64) {
	p.t.Helper()
	for {
		sight := p.normal()
		var judged int64
		err := p.store.View(context.Background(), func(r store.Reader) error {
			found, err := r.Search(&search.Query{Type: "Patient", Sight: sight, Total: true})
			if err != nil {
				return err
			}
			n, judged = found.Total, 0
			all, err := r.Search(&search.Query{Type: "Patient", Sight: search.Everything, Count: 10_000})
			for _, v := range all.Matches {
				one, err1 := fhir.ParseResource(v.Body)
				ok, err2 := sight("Patient").Sees(&search.Subject{Type: "Patient", ID: v.Key.ID, Position: v.Position, Values: p.search.Extract(one)})
				if err := errors.Join(err, err1, err2); err != nil {
					return err
				}
				if ok {
					judged++
				}
			}
			return err
		})
		if fhir.SituationOf(err) == fhir.SituationUnavailable { // the labels have just changed
			continue
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if n != judged {
			p.t.Errorf("the store finds %d, in memory %d are seen", n, judged)
		}
		return n
	}
}

func rules(t *testing.T, code string) *label.Rules {
	t.Helper()
	r, err := label.Read(fmt.Appendf(nil, `{"sensitivities":[{"code":"X","confidentiality":"R","codes":[{"systems":["s"],"codes":[%q]}]}]}`, code), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (p *process) coded(n int, code string) store.Write {
	return p.resource(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","maritalStatus":{"coding":[{"system":"s","code":%q}]}}`, n, code))
}

func (p *process) labelled(r *label.Rules) {
	p.t.Helper()
	if err := p.Label(context.Background(), r); err != nil {
		p.t.Fatal(err)
	}
}

// Rules label what is written; other rules label what is stored in the background. All
// the while nothing is shown that the rules of now hide, also while others write and
// when the server ends in the middle. PCF, D.5: at ingest and on rule change.
func TestLabel_RulesChange(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		p.labelled(rules(t, "a")) // nothing is stored: no job, and nothing is hidden for want of labels
		const half = 300
		var batch []store.Write
		for n := range 2 * half {
			batch = append(batch, p.coded(n, []string{"a", "b"}[n%2]))
		}
		p.put(batch...)
		if n := p.seen(); n != half {
			t.Fatalf("by the first rules %d are seen, want %d", n, half)
		}

		p.pace = 20 * time.Millisecond
		p.labelled(rules(t, "b"))
		if n := p.seen(); n != 0 {
			t.Errorf("%d are seen that may lack the new labels", n)
		}
		p.put(p.coded(9_000, "a"), p.coded(9_001, "b")) // labelled at once
		if n := p.seen(); n != 1 {
			t.Errorf("%d are seen, want the one that was written since", n)
		}
		p.kill()

		p = open()
		p.pace = 5 * time.Millisecond
		p.labelled(rules(t, "b")) // the same are no others
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for n := range 25 {
					p.put(p.coded(10_000+100*w+n, "b"))
					p.put(p.coded(2*(25*w+n), "b")) // was a
				}
			})
		}
		for range 20 {
			if n := p.seen(); n > half+1 {
				t.Errorf("%d are seen, which is more than there are", n)
			}
		}
		writers.Wait()
		p.await(Done)
		if n := p.seen(); n != half-100+1 {
			t.Errorf("by the new rules %d are seen, want %d", n, half-100+1)
		}

		p.labelled(nil)
		if n := p.seen(); n != 2*half+2+100 {
			t.Errorf("without rules %d are seen, want all", n)
		}
		p.await(Done)
		p.kill()

		p = open()
		defer func() { p.kill() }()
		if param, _ := p.search.Label("Patient"); param != nil {
			t.Error("there are labels although nobody labels")
		}
	})
}

// A Sight that was made before the rules changed finds nothing out: it is refused.
func TestLabel_OldSightIsStale(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		defer func() { p.kill() }()
		p.labelled(rules(t, "a"))
		p.put(p.coded(1, "a"))
		before := p.normal()
		p.labelled(rules(t, "b"))
		p.put(p.coded(2, "b"))
		err := p.store.View(context.Background(), func(r store.Reader) error {
			_, err := r.Search(&search.Query{Type: "Patient", Sight: before, Total: true})
			return err
		})
		if !errors.Is(err, store.ErrStale) {
			t.Errorf("an old Sight is used: %v", err)
		}
		p.await(Done)
	})
}

// The rules of the store are those of every server on it.
func TestLabel_KeptInTheStore(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		p.labelled(rules(t, "a"))
		p.put(p.coded(1, "a"))
		p.kill()
		p = open() // is given no rules
		defer func() { p.kill() }()
		p.put(p.coded(2, "a"), p.coded(3, "b"))
		if n := p.seen(); n != 1 {
			t.Errorf("%d are seen, want 1", n)
		}
	})
}
