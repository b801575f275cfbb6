package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/internal/spawn"
)

// parameterOfOther: a SearchParameter that one server takes counts for what the other
// writes from that moment on, and both find all of it once one has reindexed; what
// it means now counts when it changed, and it is gone for both when it is deleted.
func parameterOfOther(t *testing.T, both [2]*spawn.Process) {
	must := func(method, url, body string, want int) string {
		t.Helper()
		status, _, answer := exchange(method, url, body)
		if status != want {
			t.Fatalf("%s %s: %d %.500s", method, url, status, answer)
		}
		return answer
	}
	device := func(server, n int, values string) {
		t.Helper()
		id := fmt.Sprintf("shade%d", n)
		body := fmt.Sprintf(`{"resourceType":"Device","id":"%s","extension":[%s]}`, id, values)
		if status, _, answer := exchange("PUT", both[server].Base+"/Device/"+id, body); status != 200 && status != 201 {
			t.Errorf("%d %s", status, answer)
		}
	}
	shade := func(code, tint string) string {
		return fmt.Sprintf(`{"url":"http://x/shade","valueCode":"%s"},{"url":"http://x/tint","valueCode":"%s"}`, code, tint)
	}
	finds := func(when, query string, want int) {
		t.Helper()
		for n, server := range both {
			answer := must("GET", server.Base+"/Device?_summary=count&"+query, "", 200)
			if !strings.Contains(answer, fmt.Sprintf(`"total":%d,`, want)) {
				t.Errorf("%s: %s finds at server %d not %d: %s", when, query, n, want, answer)
			}
		}
	}
	refused := func(when string) {
		t.Helper()
		for _, server := range both {
			must("GET", server.Base+"/Device?shade=dark", "", 400)
		}
	}
	parameter := func(name string) string {
		return fmt.Sprintf(`{"resourceType":"SearchParameter","id":"shade","url":"http://x/shade","name":"Shade","description":"x","status":"active","code":"shade","base":["Device"],`+
			`"type":"token","expression":"Device.extension('http://x/%s').value.ofType(code)"}`, name)
	}
	reindexed := func(by int) {
		t.Helper()
		must("POST", both[by].Base+"/$reindex", `{"resourceType":"Parameters"}`, 200)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if answer := must("GET", both[1-by].Base+"/$reindex-status", "", 200); strings.Contains(answer, `"valueCode":"done"`) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("the job does not end")
			}
		}
	}
	for n := range 20 {
		device(n%2, n, shade("dark", "light"))
	}
	must("PUT", both[0].Base+"/SearchParameter/shade", parameter("shade"), 201)
	device(1, 20, shade("dark", "light")) // the other server's first write
	refused("before it is indexed")
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := range 15 {
				device(w%2, 100+20*w+n, shade("dark", "light"))
			}
		})
	}
	reindexed(0)
	writers.Wait()
	for _, server := range both {
		if !strings.Contains(must("GET", server.Base+"/metadata", "", 200), `"name":"shade"`) {
			t.Error("a server does not say that it serves the parameter")
		}
	}
	finds("when it is indexed", "shade=dark", 81)
	device(1, 20, shade("pale", "light"))
	device(0, 0, shade("pale", "light"))
	finds("after changes", "shade=dark", 79)
	finds("after changes", "shade:missing=false", 81)

	must("PUT", both[1].Base+"/SearchParameter/shade", parameter("tint"), 200)
	device(0, 21, shade("dark", "light"))
	refused("when it means something else")
	reindexed(1)
	finds("with its new meaning", "shade=light", 82)
	finds("with its new meaning", "shade=dark", 0)
	device(0, 22, shade("dark", "light"))
	device(1, 23, shade("dark", "light"))
	finds("with its new meaning", "shade=light", 84)

	// Both change it, in turns and at once: they agree.
	together(2, func(i int) {
		for n := range 6 {
			exchange("PUT", both[i].Base+"/SearchParameter/shade", parameter([]string{"shade", "tint"}[(n+i)%2]))
		}
	})
	must("PUT", both[0].Base+"/SearchParameter/shade", parameter("shade"), 200)
	reindexed(1)
	finds("after many changes", "shade=dark", 82)
	if status, _, answer := exchange("DELETE", both[1].Base+"/SearchParameter/shade", ""); status >= 300 {
		t.Fatal(answer)
	}
	refused("when it is deleted")
}

// termsOfOther: what one server changes of stored terminology the other answers by.
func termsOfOther(t *testing.T, both [2]*spawn.Process) {
	list := func(codes []string) string {
		var all []string
		for _, code := range codes {
			all = append(all, `{"code":"`+code+`"}`)
		}
		return strings.Join(all, ",")
	}
	put := func(base, place, body string) {
		t.Helper()
		if status, _, answer := exchange("PUT", base+place, body); status >= 300 {
			t.Fatal(answer)
		}
	}
	system := `{"resourceType":"CodeSystem","id":"cs","url":"http://x/cs","status":"active","content":"complete","concept":[%s]}`
	set := `{"resourceType":"ValueSet","id":"vs","url":"http://x/vs","status":"active","compose":{"include":[{"system":"http://x/cs"%s}]}}`
	put(both[0].Base, "/ValueSet/vs", fmt.Sprintf(set, ""))
	for version, codes := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}, {"b"}, {"c"}} {
		here, there := both[version%2], both[1-version%2]
		if version < 3 { // first the code system changes, then the value set
			put(here.Base, "/CodeSystem/cs", fmt.Sprintf(system, list(codes)))
		} else {
			put(here.Base, "/ValueSet/vs", fmt.Sprintf(set, `,"concept":[`+list(codes)+`]`))
		}
		for _, server := range []*spawn.Process{here, there} {
			// Terminology may be a second old.
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
				_, _, answer := exchange("GET", server.Base+"/ValueSet/$expand?url=http://x/vs", "")
				if strings.Count(answer, `"code":`) == len(codes) && strings.Contains(answer, `"code":"`+codes[len(codes)-1]+`"`) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("version %d is not known: %s", version, answer)
				}
			}
		}
	}
}
