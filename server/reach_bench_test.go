package server_test

import (
	"io"
	"net/http"
	"sort"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server"
)

// BenchmarkRead_Authenticated reads one Observation from a server that asks for no
// token and, in turns, from one that does: by a backend's token, by a patient's and by a
// narrowed one. The control is the open server asked with a token, too. x-open is what of the time of an open read each takes.
func BenchmarkRead_Authenticated(b *testing.B) {
	body := resource("Observation/a1", observed("a", "vital-signs", "hr", "final", "2020-01-10"))
	open, guarded := start(b, stores["sqlite"](b)), start(b, stores["sqlite"](b), required)
	token := func(s *server.Server, scope string) string {
		text, err := s.Mint(b.Context(), scoped(scope))
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	type reader struct {
		name string
		ask  func() time.Duration
		took []time.Duration
	}
	from := func(name string, s *server.Server, token string) *reader {
		return &reader{name: name, ask: func() time.Duration {
			began := time.Now()
			if status := request(b, http.MethodGet, s.Base+"/Observation/a1", token, nil); status != 200 {
				b.Fatal(name, status)
			}
			return time.Since(began)
		}}
	}
	root := token(guarded, "system/*.cruds")
	for base, token := range map[string]string{open.Base: "", guarded.Base: root} {
		if status := request(b, http.MethodPut, base+"/Observation/a1", token, &body); status != 201 {
			b.Fatal(status)
		}
	}
	readers := []*reader{from("open", open, ""), from("control", open, root), from("backend", guarded, root), from("patient", guarded, token(guarded, every)),
		from("narrowed", guarded, token(guarded, "patient/Observation.rs?category=vital-signs @a"))}
	for range 300 {
		for _, r := range readers {
			r.ask()
		}
	}
	for b.Loop() {
		for _, r := range readers {
			r.took = append(r.took, r.ask())
		}
	}
	median := func(r *reader) float64 {
		sort.Slice(r.took, func(i, j int) bool { return r.took[i] < r.took[j] })
		return float64(r.took[len(r.took)/2])
	}
	for _, r := range readers[1:] {
		b.ReportMetric(median(r)/median(readers[0]), r.name+"-x-open")
	}
	b.ReportMetric(median(readers[0])/1000, "us-open")
}

// BenchmarkDecide makes the Reach of an access, and asks it what it shows of a type.
func BenchmarkDecide(b *testing.B) {
	rules := &auth.Rules{Base: "https://h/fhir", Search: search.NewRegistry(profiles.R4(), "https://h/fhir")}
	for _, scope := range []string{"system/*.rs", every, lab} {
		access := scoped(scope)
		b.Run(scope, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				reach, err := rules.Decide(access, nil)
				if err != nil {
					b.Fatal(err)
				}
				reach.View("Observation", auth.Read)
			}
		})
	}
}

func request(b *testing.B, method, url, token string, body *string) int {
	b.Helper()
	var content io.Reader
	if body != nil {
		content = strings.NewReader(*body)
	}
	r, err := http.NewRequestWithContext(b.Context(), method, url, content)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		b.Fatal(err)
	}
	return response.StatusCode
}
