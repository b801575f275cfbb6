package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// testExplain: a search tells what it walked and what each step took, and one that
// has no time left says what it was doing.
func testExplain(t *testing.T, s *suite) {
	for i := range 30 {
		s.must(put(patient(string(rune('a'+i%26))+"x", ",'gender':'female','name':[{'family':'Ex'}]")))
	}
	parsed, err := Parameters().Parse("Patient", "gender=female&family=ex&_sort=-birthdate&_total=accurate", search.Options{Zone: time.UTC, DefaultCount: 5, MaxCount: 10})
	if err != nil {
		t.Fatal(err)
	}
	parsed.Query.Sight = search.Everything
	if err := s.View(context.Background(), func(r store.Reader) error {
		result, plan, err := r.(store.Explainer).Explain(parsed.Query)
		if err != nil {
			return err
		}
		equal(t, "matches", len(result.Matches), 5)
		equal(t, "total", result.Total, 26)
		var names []string
		for _, step := range plan.Steps {
			if step.Took <= 0 {
				t.Errorf("%q took no time", step.Name)
			}
			names = append(names, step.Name)
		}
		all := strings.Join(names, "; ")
		if plan.Driver == "" || !strings.Contains(all, "the exact total") || !strings.Contains(all, "by gender, family in the order of -birthdate") {
			t.Errorf("walks %q; steps %s", plan.Driver, all)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// testBackPressure: a store that has as many writes waiting as it takes refuses
// more at once, keeps nothing of them, and does all it has taken.
func testBackPressure(t *testing.T, s *suite) {
	release := make(chan struct{})
	held := make(chan struct{})
	go func() {
		_ = s.Update(context.Background(), func(store.Tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	const calls = 5000 // more than the queue has places
	outcomes := make(chan error, calls)
	for i := range calls {
		go func() {
			outcomes <- s.Apply(context.Background(), unit(put(patient("p"+string(rune('a'+i%26)), ""))))[0].Err
		}()
	}
	// Those that are refused are answered while the writer's place is still held.
	refused := 0
	for range 400 {
		if err := <-outcomes; fhir.SituationOf(err) != fhir.SituationThrottled {
			t.Fatalf("a full store answers %v", err)
		}
		refused++
	}
	close(release)
	kept := int64(0)
	for range calls - refused {
		switch err := <-outcomes; {
		case err == nil:
			kept++
		case fhir.SituationOf(err) != fhir.SituationThrottled:
			t.Fatal(err)
		}
	}
	var versions int64
	if err := s.View(context.Background(), func(r store.Reader) error {
		for i := range 26 {
			n, err := countVersions(r, key("Patient", "p"+string(rune('a'+i))))
			if err != nil {
				return err
			}
			versions += n
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	equal(t, "versions kept", versions, kept)
}

// testPrune: what was superseded is found by the searches that began before, until
// they are too old: then its index rows go, and such a search is told so. What is
// current and every version stay.
func testPrune(t *testing.T, s *suite) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	database := s.b.New(t)
	opened, err := s.b.Open(context.Background(), database, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	s = &suite{Store: opened, t: t, b: s.b, database: database}
	body := func(i int) string {
		return fmt.Sprintf(",'subject':{'reference':'Patient/1'},'code':{'coding':[{'system':'u:a','code':'x%d'},{'system':'u:b','code':'y'}]},'identifier':[{'system':'u:i','value':'%d'}],"+
			"'effectiveDateTime':'2020-01-01','valueQuantity':{'value':%d,'unit':'kg'},'note':[{'text':'n'}]", i%3, i%3, i)
	}
	for round := range 3 {
		for i := range 10 {
			s.must(put(observation(fmt.Sprint(i), body(i+round))))
		}
	}
	parsed, err := Parameters().Parse("Observation", "code=y&_sort=-date", search.Options{Zone: time.UTC, DefaultCount: 4, MaxCount: 10})
	if err != nil {
		t.Fatal(err)
	}
	parsed.Query.Sight = search.Everything
	find := func() (result store.Result, err error) {
		err = s.View(context.Background(), func(r store.Reader) (err error) {
			result, err = r.Search(parsed.Query)
			return err
		})
		return result, err
	}
	first, err := find()
	if err != nil {
		t.Fatal(err)
	}
	parsed.Query.After = first.Next
	clock = clock.Add(time.Minute)
	s.must(remove("Observation", "0"), put(resource(`{'resourceType':'Observation','id':'1','status':'amended'}`)))
	second, err := find()
	if err != nil {
		t.Fatal(err)
	}
	prune := func(want int) {
		t.Helper()
		n, err := opened.(interface {
			Prune(context.Context) (int, error)
		}).Prune(context.Background())
		if err != nil || n != want {
			t.Fatalf("%d versions are pruned, not %d: %v", n, want, err)
		}
	}
	clock = clock.Add(59*time.Minute + 30*time.Second) // an hour after the first 20, not after the last two
	prune(20)
	again, err := find()
	if err != nil || len(again.Matches) != len(second.Matches) {
		t.Fatalf("a search of an hour ago gives %d matches, not %d: %v", len(again.Matches), len(second.Matches), err)
	}
	clock = clock.Add(time.Hour)
	prune(2)
	prune(0)
	if _, err := find(); fhir.SituationOf(err) != fhir.SituationBadSearch || !strings.Contains(err.Error(), "search again") {
		t.Fatalf("a search that is too old gives %v", err)
	}
	s.finds("Observation", "code=y", "9 8 7 6 5 4 3 2")
	s.finds("Observation", "identifier=u:i|1", "8 5 2")
	s.finds("Observation", "status=amended", "1")
	if err := s.View(context.Background(), func(r store.Reader) error {
		n, err := countVersions(r, key("Observation", "1"))
		equal(t, "versions", n, 4)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// Nothing is left but the rows of what is current.
	for _, table := range []string{"ix", "ix_quantity", "item_code"} {
		s.b.Exec(t, database, "CREATE TABLE left_"+table+" (n bigint CHECK (n = 0))")
		s.b.Exec(t, database, "INSERT INTO left_"+table+" SELECT count(*) FROM "+table+" e WHERE NOT EXISTS (SELECT 1 FROM item d WHERE d.pos = e.pos)")
	}
}
