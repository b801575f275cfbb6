package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"vitalwire/internal/spawn"
)

// clients of the races: more than a store has connections.
const racers = 64

// together runs fn for every client at once.
func together(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			fn(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// TestInstances runs two server processes on one database and holds them to what
// one must do.
func TestInstances(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := open(t)
			both := [2]*spawn.Process{spawn.Start(t, database), spawn.Start(t, database)}
			t.Run("conditional create races, HTTP 3.1.0.8.1", func(t *testing.T) { createRaces(t, both) })
			t.Run("no update is lost, HTTP 3.1.0.5", func(t *testing.T) { countUp(t, both) })
			t.Run("a write is seen by the other at once", func(t *testing.T) { seenByOther(t, both) })
			t.Run("a search parameter is known to both", func(t *testing.T) { parameterOfOther(t, both) })
			t.Run("terminology of the other", func(t *testing.T) { termsOfOther(t, both) })
			t.Run("pages while others write", func(t *testing.T) { pageAmongWrites(t, both) })
		})
	}
}

// createRaces: of 64 that create one thing exactly one does, and all learn which.
func createRaces(t *testing.T, both [2]*spawn.Process) {
	for round := range 5 {
		var mu sync.Mutex
		statuses, ids := map[int]int{}, map[string]bool{}
		together(racers, func(i int) {
			status, header, answer := exchange("POST", both[i%2].Base+"/Device",
				fmt.Sprintf(`{"resourceType":"Device","identifier":[{"system":"urn:race","value":"%d"}]}`, round),
				"If-None-Exist", fmt.Sprintf("identifier=urn:race|%d", round))
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
			_, path, _ := strings.Cut(header.Get("Location"), "/Device/")
			id, _, _ := strings.Cut(path, "/")
			ids[id] = true
			if status != 200 && status != 201 {
				t.Errorf("%d %s", status, answer)
			}
		})
		if statuses[201] != 1 || len(ids) != 1 {
			t.Errorf("round %d: statuses %v, ids %v", round, statuses, ids)
		}
	}
	statuses := map[int]int{}
	var mu sync.Mutex
	together(racers, func(i int) {
		status, _, _ := exchange("PUT", both[i%2].Base+"/Device/only", `{"resourceType":"Device","id":"only"}`, "If-None-Match", "*")
		mu.Lock()
		defer mu.Unlock()
		statuses[status]++
	})
	if statuses[201] != 1 || statuses[412] != racers-1 {
		t.Errorf("If-None-Match: statuses %v", statuses)
	}
}

// countUp: every client adds one by read and If-Match, trying again when it lost.
func countUp(t *testing.T, both [2]*spawn.Process) {
	const each = 4
	counter := func(n int) string {
		return fmt.Sprintf(`{"resourceType":"Patient","id":"counter","multipleBirthInteger":%d}`, n)
	}
	if status, _, answer := exchange("PUT", both[0].Base+"/Patient/counter", counter(0)); status != 201 {
		t.Fatal(answer)
	}
	read := func(base string) (n int, etag string) {
		status, header, answer := exchange("GET", base+"/Patient/counter", "")
		var p struct{ MultipleBirthInteger int }
		if err := json.Unmarshal([]byte(answer), &p); status != 200 || err != nil {
			t.Errorf("%d %v", status, err)
		}
		return p.MultipleBirthInteger, header.Get("ETag")
	}
	together(racers/4, func(i int) {
		base := both[i%2].Base
		for done := 0; done < each; {
			n, etag := read(base)
			switch status, _, answer := exchange("PUT", base+"/Patient/counter", counter(n+1), "If-Match", etag); status {
			case 200:
				done++
			case 412:
			default:
				t.Errorf("%d %s", status, answer)
				return
			}
		}
	})
	n, etag := read(both[1].Base)
	if n != racers/4*each || etag != fmt.Sprintf(`W/"%d"`, n+1) {
		t.Errorf("%d clients counted %d each, to %d, %s", racers/4, each, n, etag)
	}
}

// seenByOther: what one server acknowledged the other reads and finds, and
// what it has deleted is gone there.
func seenByOther(t *testing.T, both [2]*spawn.Process) {
	for n := range 30 {
		here, there := both[n%2].Base, both[1-n%2].Base
		id := fmt.Sprintf("s%d", n%3)
		body := fmt.Sprintf(`{"resourceType":"Patient","id":"%s","identifier":[{"system":"urn:seen","value":"%d"}]}`, id, n)
		if status, _, answer := exchange("PUT", here+"/Patient/"+id, body); status >= 300 {
			t.Fatal(answer)
		}
		if _, _, answer := exchange("GET", there+"/Patient/"+id, ""); !strings.Contains(answer, fmt.Sprintf(`"value":"%d"`, n)) {
			t.Fatalf("write %d is not seen: %s", n, answer)
		}
		if _, _, answer := exchange("GET", fmt.Sprintf("%s/Patient?identifier=urn:seen|%d&_total=accurate", there, n), ""); !strings.Contains(answer, `"total":1`) {
			t.Fatalf("write %d is not found: %s", n, answer)
		}
		if n%3 == 2 {
			if status, _, _ := exchange("DELETE", here+"/Patient/"+id, ""); status >= 300 {
				t.Fatal(status)
			}
			if status, _, _ := exchange("GET", there+"/Patient/"+id, ""); status != 410 {
				t.Fatalf("a deletion is not seen: %d", status)
			}
		}
	}
}

// page is what a test reads of a searchset.
type page struct {
	Total *int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Resource struct{ ResourceType, ID string }
		Search   struct{ Mode string }
	}
}

// pageAmongWrites walks through pages, each asked of the other server, while
// clients create, change and delete what is searched. What nobody touches is
// there exactly once, nothing is twice, the total stays, and as many come as it says.
func pageAmongWrites(t *testing.T, both [2]*spawn.Process) {
	const stable, moving = 60, 40
	put := func(base, id, code string, n int) {
		body := fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"coding":[{"system":"urn:paging","code":"%s"}]},`+
			`"subject":{"reference":"Patient/walker"},"effectiveDateTime":"2026-01-%02dT10:%02d:00Z","valueQuantity":{"value":%d}}`, id, code, 1+n%28, n%60, n)
		if status, _, answer := exchange("PUT", base+"/Observation/"+id, body); status >= 300 {
			t.Errorf("%d %s", status, answer)
		}
	}
	exchange("PUT", both[0].Base+"/Patient/walker", `{"resourceType":"Patient","id":"walker"}`)
	for n := range stable {
		put(both[n%2].Base, fmt.Sprintf("stable%d", n), "a", n)
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 7))
			for {
				select {
				case <-stop:
					return
				default:
				}
				id, base := fmt.Sprintf("moving%d-%d", w, random.IntN(moving/4)), both[random.IntN(2)].Base
				switch random.IntN(4) {
				case 0:
					exchange("DELETE", base+"/Observation/"+id, "")
				case 1:
					put(base, id, "b", random.IntN(1000)) // no longer matches
				default:
					put(base, id, "a", random.IntN(1000)) // moves to another place in the order
				}
			}
		})
	}
	moved := 0
	for _, sort := range []string{"", "&_sort=date", "&_sort=-date", "&_sort=-value-quantity,date", "&_sort=_lastUpdated", "&_sort=-date,value-quantity"} {
		for size := range 3 {
			query := fmt.Sprintf("/Observation?code=urn:paging|a&_total=accurate&_include=Observation:subject&_count=%d%s", 7+size*6, sort)
			seen, total := walk(t, both, query)
			if len(seen) != total {
				t.Errorf("%s: %d came, the total is %d", query, len(seen), total)
			}
			for n := range stable {
				if !slices.Contains(seen, "stable"+strconv.Itoa(n)) {
					t.Errorf("%s: stable%d is lost", query, n)
				}
			}
			moved += total - stable
		}
	}
	close(stop)
	writers.Wait()
	if moved == 0 {
		t.Error("nothing moved: nothing was tried")
	}
}

// walk follows the next links and gives the ids of the matches.
func walk(t *testing.T, both [2]*spawn.Process, query string) (seen []string, total int) {
	t.Helper()
	where := query
	for n := 0; where != ""; n++ {
		_, _, answer := exchange("GET", both[n%2].Base+where, "")
		var p page
		if err := json.Unmarshal([]byte(answer), &p); err != nil || p.Total == nil {
			t.Fatalf("%s: %v %.300s", where, err, answer)
		}
		if n == 0 {
			total = *p.Total
		}
		if *p.Total != total {
			t.Errorf("%s: the total was %d and is %d", query, total, *p.Total)
		}
		included := 0
		for _, e := range p.Entry {
			switch {
			case e.Search.Mode == "include":
				included++
			case slices.Contains(seen, e.Resource.ID):
				t.Errorf("%s: %s comes twice", query, e.Resource.ID)
			default:
				seen = append(seen, e.Resource.ID)
			}
		}
		if included != min(1, len(p.Entry)) {
			t.Errorf("%s: %d patients are included", query, included)
		}
		where = ""
		for _, l := range p.Link {
			if l.Relation == "next" {
				_, where, _ = strings.Cut(l.URL, "/fhir")
			}
		}
	}
	return seen, total
}
