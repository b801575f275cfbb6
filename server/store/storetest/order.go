package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/server/store"
)

// effective are the values of Observation.date that the date parts use.
var effective = []string{
	"",
	",'effectiveDateTime':'2020'", ",'effectiveDateTime':'2020-03'", ",'effectiveDateTime':'2020-03-15'",
	",'effectiveDateTime':'2020-03-15T10:00:00Z'", ",'effectiveDateTime':'2020-03-15T10:00:00.500Z'",
	",'effectiveDateTime':'2020-03-15T12:00:00+02:00'", ",'effectiveDateTime':'2020-03-16'", ",'effectiveDateTime':'2021'",
	",'effectivePeriod':{'start':'2020-03-15','end':'2020-03-20'}", ",'effectivePeriod':{'start':'2020-03-15'}",
	",'effectivePeriod':{'end':'2020-03-15'}", ",'effectiveTiming':{'event':['2019-01-01','2020-03-15']}",
}

// testDates holds every prefix against the words of R4 search §3.1.1.4.5.
func testDates(t *testing.T, s *suite) {
	var writes []store.Write
	for i, e := range effective {
		writes = append(writes, put(observation(fmt.Sprint(i), e)))
	}
	s.must(writes...)
	ranges := make([]*search.Value, len(writes))
	for i := range writes {
		for _, v := range values(writes[i]) {
			if v.Param.Type == search.Date {
				ranges[i] = &v
			}
		}
	}
	prefixes := []search.Prefix{"", search.Eq, search.Ne, search.Gt, search.Lt, search.Ge, search.Le, search.Sa, search.Eb, search.Ap}
	for _, text := range []string{"2019", "2020", "2020-03", "2020-03-15", "2020-03-15T10:00", "2020-03-15T10:00:00Z", "2020-03-20", "2021"} {
		for _, prefix := range prefixes {
			q := "date=" + string(prefix) + text
			o := parse(t, "Observation", q).Filter[0].Operands[0]
			var want []string
			for i, v := range slices.Backward(ranges) {
				if v != nil && dateMatches(prefix, o.Low, o.High, v.Low, v.High) {
					want = append(want, fmt.Sprint(i))
				}
			}
			s.finds("Observation", q, strings.Join(want, " "))
			s.finds("Observation", q+"&status=final", strings.Join(want, " "))
		}
	}
	s.finds("Observation", "date=2020-03-16,2021&_sort=date", "7 8")
	s.finds("Observation", "date=ge2020-03-16&date=lt2020-04", "10 9 7 2 1")
	s.finds("Observation", "date=ne2020,2020-03-16", "12 11 10 8 7")
}

// dateMatches says it in sets, as the specification does.
func dateMatches(p search.Prefix, low, high, targetLow, targetHigh int64) bool {
	contains := low <= targetLow && targetHigh <= high
	aboveMeets := targetHigh > high // something of the target lies above
	belowMeets := targetLow < low
	overlap := targetLow < high && low < targetHigh
	switch p {
	case search.Ne:
		return !contains
	case search.Gt:
		return aboveMeets
	case search.Lt:
		return belowMeets
	case search.Ge:
		return aboveMeets || contains
	case search.Le:
		return belowMeets || contains
	case search.Sa:
		return !overlap && aboveMeets
	case search.Eb:
		return !overlap && belowMeets
	case search.Ap:
		return overlap
	}
	return contains
}

// sorts are the orders that the paging parts ask for.
var sorts = []string{"", "date", "-date", "_lastUpdated", "-_lastUpdated", "date,_lastUpdated", "-date,-_lastUpdated", "date,-date", "-date,date"}

// testSort compares every order, in pages of every size, with a sort in Go.
func testSort(t *testing.T, s *suite) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []store.Write
	for i := range 40 {
		all = append(all, put(observation(fmt.Sprint(i), effective[random.IntN(len(effective))]+code("urn:x", fmt.Sprint(i%3)))))
	}
	versions := s.must(all...)
	for _, order := range sorts {
		for _, filter := range []string{"", "code=1", "code=1,2", "date=ge2020-03-15", "_id=3,5,7,9,11"} {
			q := parse(t, "Observation", filter+"&_sort="+order)
			var want []string
			for _, i := range sortedIndexes(q.Sort, all, versions) {
				if s.matches(q, all[i]) {
					want = append(want, versions[i].Key.ID)
				}
			}
			for _, size := range []int{1, 3, 100} {
				q.Count, q.After = size, nil
				got := s.pages(q)
				equal(t, fmt.Sprintf("%s sorted by %s in pages of %d", filter, order, size), strings.Join(got, " "), strings.Join(want, " "))
			}
		}
	}
}

// pages follows a search to its end.
func (s *suite) pages(q *search.Query) []string {
	s.t.Helper()
	var ids []string
	for {
		var result store.Result
		s.view(func(r store.Reader) (err error) {
			result, err = r.Search(q)
			return err
		})
		if len(result.Matches) > q.Count {
			s.t.Fatalf("a page of %d has %d", q.Count, len(result.Matches))
		}
		for _, v := range result.Matches {
			ids = append(ids, v.Key.ID)
		}
		if result.Next == nil {
			return ids
		}
		if len(result.Matches) < q.Count {
			s.t.Fatal("a short page that is not the last")
		}
		next := *q
		next.After = result.Next
		q = &next
	}
}

// sortedIndexes sorts as the contract says: ascending by the lowest low,
// descending by the highest high, without a value last, newest first among equals.
func sortedIndexes(keys []search.Sort, writes []store.Write, versions []store.Version) []int {
	indexes, facts := make([]int, len(writes)), make([][]search.Value, len(writes))
	for i := range indexes {
		indexes[i], facts[i] = i, values(writes[i])
	}
	value := func(key search.Sort, i int) *int64 {
		if key.Param.Type == search.LastUpdated {
			return &versions[i].Position
		}
		var best *int64
		for _, v := range facts[i] {
			if v.Param == key.Param {
				switch {
				case key.Descending && (best == nil || v.High > *best):
					best = &v.High
				case !key.Descending && (best == nil || v.Low < *best):
					best = &v.Low
				}
			}
		}
		return best
	}
	slices.SortFunc(indexes, func(a, b int) int {
		for _, key := range keys {
			x, y := value(key, a), value(key, b)
			order := 0
			switch {
			case x == nil && y == nil:
			case x == nil:
				return 1
			case y == nil:
				return -1
			case key.Descending:
				order = cmp.Compare(*y, *x)
			default:
				order = cmp.Compare(*x, *y)
			}
			if order != 0 {
				return order
			}
		}
		return cmp.Compare(versions[b].Position, versions[a].Position)
	})
	return indexes
}

// matches applies the filters that the sort part uses.
func (s *suite) matches(q *search.Query, w store.Write) bool {
	for _, clause := range q.Filter {
		any := false
		for _, o := range clause.Operands {
			if clause.Param.Type == search.ID {
				any = any || w.Key.ID == *o.Code
			}
			for _, v := range values(w) {
				if v.Param == clause.Param {
					any = any || v.Param.Type == search.Date && dateMatches(o.Prefix, o.Low, o.High, v.Low, v.High) ||
						v.Param.Type == search.Token && *o.Code == v.Code
				}
			}
		}
		if !any {
			return false
		}
	}
	return true
}

// testLargeSort has more matches than a store may care to gather.
func testLargeSort(t *testing.T, s *suite) {
	const n, each = 12_000, 1000
	random := rand.New(rand.NewPCG(3, 4))
	var all []store.Write
	var versions []store.Version
	for i := range n {
		when := time.Unix(1_600_000_000+random.Int64N(5000), 0).UTC().Format(time.RFC3339)
		more := ",'effectiveDateTime':'" + when + "'"
		if i%1000 == 7 {
			more = ""
		}
		all = append(all, put(observation(fmt.Sprint(i), more+code("urn:x", fmt.Sprint(i%2)))))
	}
	for chunk := range slices.Chunk(all, each) {
		versions = append(versions, s.must(chunk...)...)
	}
	for _, order := range []string{"date", "-date", "", "_lastUpdated"} {
		for _, filter := range []string{"", "code=1", "status=final&code=0,1", "date=ge2000"} {
			q := parse(t, "Observation", filter+"&_sort="+order)
			var want []string
			for _, i := range sortedIndexes(q.Sort, all, versions) {
				if s.matches(q, all[i]) || strings.HasPrefix(filter, "status") {
					want = append(want, versions[i].Key.ID)
				}
			}
			q.Count = 4999
			equal(t, filter+" sorted by "+order, strings.Join(s.pages(q), " "), strings.Join(want, " "))
			q.Count, q.Total = 0, true
			s.view(func(r store.Reader) error {
				result, err := r.Search(q)
				equal(t, "total of "+filter, result.Total, int64(len(want)))
				return err
			})
		}
	}
}

// testPaging pages while others write: what matched at the first page comes
// exactly once, as it was, and nothing else does.
func testPaging(t *testing.T, s *suite) {
	ctx := context.Background()
	var writes []store.Write
	for i := range 60 {
		writes = append(writes, put(observation(fmt.Sprint(i), effective[i%len(effective)]+code("urn:x", "a"))))
	}
	s.must(writes...)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 5))
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprint(random.IntN(80))
				var one store.Write
				switch random.IntN(4) {
				case 0:
					one = remove("Observation", id)
				case 1:
					one = put(observation(id, effective[random.IntN(len(effective))]+code("urn:x", "b")))
				default:
					one = put(observation(id, effective[random.IntN(len(effective))]+code("urn:x", "a")))
				}
				if err := s.Apply(ctx, unit(one))[0].Err; err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 3 * len(sorts) {
		q := parse(t, "Observation", "code=a&_sort="+sorts[round%len(sorts)])
		q.Count = 1000
		s.comparePages(q)
	}
	close(stop)
	writers.Wait()
}

// comparePages reads the whole at one moment and then pages of 7, later and
// later, that must give the same.
func (s *suite) comparePages(q *search.Query) {
	s.t.Helper()
	var whole, paged []store.Version
	var cursor *search.Cursor
	s.view(func(r store.Reader) error {
		all, err := r.Search(q)
		if err != nil {
			return err
		}
		whole = all.Matches
		small := *q
		small.Count = 7
		first, err := r.Search(&small)
		paged, cursor = first.Matches, first.Next
		return err
	})
	for cursor != nil {
		page := *q
		page.Count, page.After, page.Total = 7, cursor, true
		s.view(func(r store.Reader) error {
			result, err := r.Search(&page)
			paged, cursor = append(paged, result.Matches...), result.Next
			equal(s.t, "total on a later page", result.Total, int64(len(whole)))
			return err
		})
	}
	equal(s.t, "matches over all pages", len(paged), len(whole))
	seen := map[fhir.Key]bool{}
	for i := range paged {
		same(s.t, paged[i], whole[i])
		equal(s.t, "seen before", seen[paged[i].Key], false)
		seen[paged[i].Key] = true
	}
}
