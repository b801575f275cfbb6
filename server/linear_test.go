package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"vitalwire/internal/spawn"
)

// call is what a client asks of one resource (R4 http §3.1.0): GET, PUT, DELETE,
// a PUT with If-Match (match) or with If-None-Match: * (create).
type call struct {
	id, method, value string
	match             int64
	create            bool
}

// reply is what came back; status 0 when the server was killed meanwhile, so
// nobody knows whether it was done.
type reply struct {
	status  int
	version int64
	value   string
}

// resourceState is what a resource is: its newest version, 0 before the first.
type resourceState struct {
	version int64
	value   string
	deleted bool
}

// versioned is the sequential server that the real one must look like: one copy
// of one resource, one request after the other.
func versioned() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return resourceState{} },
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byID := map[string][]porcupine.Operation{}
			for _, o := range history {
				id := o.Input.(call).id
				byID[id] = append(byID[id], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range byID {
				parts = append(parts, part)
			}
			return parts
		},
		Step: func(state, input, output any) (bool, any) {
			return step(state.(resourceState), input.(call), output.(reply))
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			return fmt.Sprintf("%+v -> %+v", input, output)
		},
	}
}

// step is one request on one resource. Of what was not answered every effect is
// legal: it may take place as late as after everything else, which is never.
func step(s resourceState, c call, r reply) (bool, resourceState) {
	exists := s.version > 0 && !s.deleted
	next := s
	want := reply{}
	switch c.method {
	case http.MethodGet:
		switch {
		case exists:
			want = reply{200, s.version, s.value}
		case s.deleted:
			want = reply{status: 410}
		default:
			want = reply{status: 404}
		}
	case http.MethodDelete:
		want = reply{status: 204}
		if exists {
			next = resourceState{s.version + 1, "", true}
		}
	case http.MethodPut:
		if c.match != 0 && (c.match != s.version || s.deleted) || c.create && exists {
			want = reply{status: 412}
			break
		}
		next = resourceState{s.version + 1, c.value, false}
		want = reply{200, next.version, ""}
		if !exists {
			want.status = 201
		}
	}
	return r.status == 0 || r == want, next
}

// TestVersioned_SeesWhatIsWrong: the model must refuse a lost update, a stale
// read and a write that was acknowledged and is gone.
func TestVersioned_SeesWhatIsWrong(t *testing.T) {
	put := func(at int64, value string, version int64) porcupine.Operation {
		status := 200
		if version == 1 {
			status = 201
		}
		return porcupine.Operation{Input: call{method: "PUT", value: value}, Call: at, Output: reply{status, version, ""}, Return: at + 1}
	}
	read := func(at int64, value string, version int64) porcupine.Operation {
		return porcupine.Operation{Input: call{method: "GET"}, Call: at, Output: reply{200, version, value}, Return: at + 1}
	}
	matching := func(at, match, version int64) porcupine.Operation {
		o := put(at, "m", version)
		o.Input = call{method: "PUT", value: "m", match: match}
		return o
	}
	for name, c := range map[string]struct {
		good    bool
		history []porcupine.Operation
	}{
		"good":        {true, []porcupine.Operation{put(1, "a", 1), put(3, "b", 2), read(5, "b", 2)}},
		"lost update": {false, []porcupine.Operation{put(1, "a", 1), matching(3, 1, 2), matching(4, 1, 3)}},
		"stale read":  {false, []porcupine.Operation{put(1, "a", 1), put(3, "b", 2), read(5, "a", 1)}},
		"lost write":  {false, []porcupine.Operation{put(1, "a", 1), {Input: call{method: "GET"}, Call: 3, Output: reply{status: 404}, Return: 4}}},
		"twice":       {false, []porcupine.Operation{put(1, "a", 1), put(3, "a", 1)}},
	} {
		if porcupine.CheckOperations(versioned(), c.history) != c.good {
			t.Errorf("%s: judged wrongly", name)
		}
	}
}

// TestLinearizable_HTTP_3_1_0 has clients read, update, update with If-Match,
// create and delete few resources at random while the server process is killed
// and started again, and asks porcupine whether one server that does one request
// at a time could have answered like this.
func TestLinearizable_HTTP_3_1_0(t *testing.T) {
	const clients, resources, kills = 8, 5, 3
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := spawn.Start(t, open(t))
			began := time.Now()
			recorded := make([][]porcupine.Operation, clients)
			stop := make(chan struct{})
			var work sync.WaitGroup
			var answered atomic.Int64
			base := p.Base // a server that is started again has the same
			for c := range clients {
				work.Go(func() {
					random := rand.New(rand.NewPCG(uint64(c), rand.Uint64()))
					seen := map[string]int64{}
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						in := randomCall(random, resources, seen, fmt.Sprintf("%d-%d", c, n))
						o := porcupine.Operation{ClientId: c, Input: in, Call: int64(time.Since(began))}
						out, sent := in.perform(base)
						o.Output, o.Return = out, int64(time.Since(began))
						if !sent || out.status == 0 && in.method == http.MethodGet {
							time.Sleep(5 * time.Millisecond) // says nothing of the server
							continue
						}
						if out.status == 0 {
							o.Return = 1 << 62
						} else if out.status >= 500 {
							t.Errorf("%+v -> %+v", in, out)
						}
						if out.version > 0 {
							seen[in.id] = out.version
						}
						recorded[c] = append(recorded[c], o)
						answered.Add(1)
					}
				})
			}
			for k := range kills {
				await(t, func() bool { return answered.Load() >= int64(150*(k+1)) })
				p.Kill(t) // with eight requests on their way
				p.Restart(t)
			}
			await(t, func() bool { return answered.Load() >= 150*(kills+1) })
			close(stop)
			work.Wait()
			history := slices.Concat(recorded...)
			statuses := map[int]int{}
			for _, o := range history {
				statuses[o.Output.(reply).status]++
			}
			t.Logf("%d requests, by status: %v", len(history), statuses)
			for _, status := range []int{200, 201, 204, 410, 412} {
				if statuses[status] == 0 {
					t.Errorf("no request was answered %d: too little was tried", status)
				}
			}
			// Minutes, for a machine under load; it takes a second.
			if result := porcupine.CheckOperationsTimeout(versioned(), history, 3*time.Minute); result != porcupine.Ok {
				t.Errorf("the history is not linearizable: %s", result)
				slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
				for _, o := range history[:min(len(history), 400)] {
					t.Logf("%d-%d client %d: %+v -> %+v", o.Call, o.Return, o.ClientId, o.Input, o.Output)
				}
			}
		})
	}
}

func randomCall(random *rand.Rand, resources int, seen map[string]int64, value string) call {
	c := call{id: "r" + strconv.Itoa(random.IntN(resources)), value: value}
	switch n := random.IntN(10); {
	case n < 4:
		c.method = http.MethodGet
		c.value = ""
	case n < 5:
		c.method = http.MethodDelete
		c.value = ""
	default:
		c.method = http.MethodPut
		c.create = n == 5
		if n >= 7 {
			c.match = seen[c.id]
		}
	}
	return c
}

var textValue = regexp.MustCompile(`"text":"([^"]*)"`)

// perform sends the request; sent is false when it surely did not arrive.
func (c call) perform(base string) (r reply, sent bool) {
	var headers []string
	if c.match != 0 {
		headers = append(headers, "If-Match", fmt.Sprintf(`W/"%d"`, c.match))
	}
	if c.create {
		headers = append(headers, "If-None-Match", "*")
	}
	body := ""
	if c.method == http.MethodPut {
		body = fmt.Sprintf(`{"resourceType":"Basic","id":"%s","code":{"text":"%s"}}`, c.id, c.value)
	}
	status, header, answer := exchange(c.method, base+"/Basic/"+c.id, body, headers...)
	if status == 0 {
		return reply{}, answer != notSent
	}
	r.status = status
	switch {
	case status == 200 && c.method == http.MethodDelete:
		r.status = 204
	case status == 200 || status == 201:
		r.version, _ = strconv.ParseInt(strings.Trim(header.Get("ETag"), `W/"`), 10, 64)
	}
	if found := textValue.FindStringSubmatch(answer); status == 200 && c.method == http.MethodGet && found != nil {
		r.value = found[1]
	}
	return r, true
}
