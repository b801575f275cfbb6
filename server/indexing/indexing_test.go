package indexing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/server/store"
	"vitalwire/server/store/postgres"
	"vitalwire/server/store/postgres/pgtest"
	"vitalwire/server/store/sqlite"
)

// process is one life of a server on a database.
type process struct {
	*Service
	t    *testing.T
	kill context.CancelFunc
}

// onStores runs a test that may open its database several times, one after the other.
func onStores(t *testing.T, test func(t *testing.T, open func() *process)) {
	run := func(t *testing.T, open func(g *search.Registry) (store.Store, error)) {
		test(t, func() *process {
			g := search.NewRegistry(profiles.R4(), "http://x/fhir")
			s, err := open(g)
			if err != nil {
				t.Fatal(err)
			}
			life, cancel := context.WithCancel(context.Background())
			x, err := Open(t.Context(), life, s, g, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return &process{x, t, func() {
				cancel()
				x.Wait()
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}}
		})
	}
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		run(t, func(g *search.Registry) (store.Store, error) {
			return sqlite.Open(context.Background(), path, sqlite.Options{Search: g})
		})
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.Start(t)
		run(t, func(g *search.Registry) (store.Store, error) {
			return postgres.Open(context.Background(), url, postgres.Options{Search: g})
		})
	})
}

func (p *process) status() (Job, bool) {
	p.t.Helper()
	job, ok, err := p.Status(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	return job, ok
}

func (p *process) resource(text string) store.Write {
	p.t.Helper()
	r, err := fhir.ParseResource([]byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	r = r.WithIdentity(r.ID())
	return store.Write{Op: store.Put, Key: r.Key(), Body: r.JSON(), Resource: r}
}

func (p *process) put(writes ...store.Write) {
	p.t.Helper()
	for _, out := range p.store.Apply(context.Background(), store.Unit{Writes: writes}) {
		if out.Err != nil {
			p.t.Fatal(out.Err)
		}
	}
	for _, w := range writes {
		p.Wrote(w.Key)
	}
}

func (p *process) patient(n int, color string) store.Write {
	return p.resource(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","extension":[{"url":"http://x/color","valueCode":"%s"}]}`, n, color))
}

const colorParameter = `{"resourceType":"SearchParameter","id":"color","url":"http://x/color","status":"active","code":"color","base":["Patient"],"type":"token","expression":"Patient.extension('http://x/color').value.ofType(code)"}`

// count is how many patients are found; the error is why none can be. Like the
// engine it understands a search again when the parameters have changed.
func (p *process) count(query string) (int64, error) {
	p.t.Helper()
	for {
		epoch := p.search.Epoch()
		total, err := p.countOnce(query)
		if err == nil {
			return total, nil
		}
		if err := p.store.View(context.Background(), func(r store.Reader) error {
			_, err := r.Marks()
			return err
		}); err != nil {
			p.t.Fatal(err)
		}
		if p.search.Epoch() == epoch && !errors.Is(err, store.ErrStale) {
			return total, err
		}
	}
}

func (p *process) countOnce(query string) (int64, error) {
	parsed, err := p.search.Parse("Patient", query+"&_count=0", search.Options{Zone: time.UTC, DefaultCount: 10, MaxCount: 10})
	if err != nil {
		return 0, err
	}
	parsed.Query.Sight = search.Everything
	var total int64
	err = p.store.View(context.Background(), func(r store.Reader) error {
		found, err := r.Search(parsed.Query)
		total = found.Total
		return err
	})
	return total, err
}

func (p *process) finds(query string, want int64) {
	p.t.Helper()
	if got, err := p.count(query); err != nil || got != want {
		p.t.Errorf("%s finds %d (%v), want %d", query, got, err, want)
	}
}

func (p *process) await(state JobState) Job {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if job, ok := p.status(); ok && job.State == state {
			return job
		}
	}
	job, _ := p.status()
	p.t.Fatalf("the job is not %s in time: %+v", state, job)
	return job
}

// TestJob_SurvivesAndServes: resources written before, while and after the job are
// found, also when the server ends in its middle; the parameter is refused until it
// is done and everything else is served.
func TestJob_SurvivesAndServes(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		const earlier = 900
		var batch []store.Write
		for n := range earlier {
			batch = append(batch, p.patient(n, []string{"red", "blue"}[n%2]))
		}
		p.put(batch...)
		late := p.patient(earlier, "red") // extracted before the parameter is known, written after
		p.put(p.resource(colorParameter))
		p.put(late)
		if _, err := p.count("color=red"); err == nil {
			t.Error("a parameter that is not indexed is served")
		}
		p.pace = 20 * time.Millisecond
		job, err := p.Start(t.Context(), "SearchParameter/color")
		if err != nil || job.Total != earlier+1 {
			t.Fatalf("%+v, %v", job, err)
		}
		if _, err := p.Start(t.Context(), ""); fhir.SituationOf(err) != fhir.SituationConflict {
			t.Errorf("a second job: %v", err)
		}
		for {
			if job, _ := p.status(); job.Resources > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := p.count("color=red"); err == nil {
			t.Error("the parameter is served while it is indexed")
		}
		p.finds("_id=p7", 1)
		p.kill()

		p = open()
		p.pace = 5 * time.Millisecond
		if job, _ := p.status(); job.State != Running && job.State != Done || job.Resources == 0 {
			t.Errorf("after the restart the job is %+v", job)
		}
		var writers sync.WaitGroup
		var written atomic.Int64
		for w := range 4 {
			writers.Go(func() {
				for n := range 40 {
					p.put(p.patient(10_000+100*w+n, "red")) // new ones
					p.put(p.patient(2*(40*w+n), "green"))   // changed from red
					written.Add(1)
				}
			})
		}
		writers.Wait()
		p.await(Done)
		p.finds("color=red", earlier/2+1+written.Load()-160)
		p.finds("color=green", 160)
		p.finds("color=blue", earlier/2)
		p.finds("color:missing=true", 0)
		p.put(p.patient(1, "red"), p.resource(`{"resourceType":"Patient","id":"p3"}`))
		p.finds("color=blue", earlier/2-2)
		p.finds("color:missing=true", 1)
		p.kill()

		p = open() // served at once, and what is written is found
		defer func() { p.kill() }()
		p.put(p.patient(99_999, "violet"))
		p.finds("color=violet", 1)
		p.finds("color=blue", earlier/2-2)
		p.put(store.Write{Op: store.Delete, Key: fhir.Key{Type: "SearchParameter", ID: "color"}})
		if _, err := p.count("color=blue"); err == nil {
			t.Error("a deleted parameter is served")
		}
		if _, err := p.Start(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		p.await(Done)
		p.put(p.resource(colorParameter))
		if _, err := p.count("color=blue"); err == nil {
			t.Error("the parameter is back without its index")
		}
		if _, err := p.Start(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		p.await(Done)
		p.finds("color=blue", earlier/2-2)
	})
}

// TestJob_OfTwoServers: a server that starts while another runs the job takes part,
// resources are counted once, and both find the same.
func TestJob_OfTwoServers(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		defer func() { p.kill() }()
		const resources = 1500
		var batch []store.Write
		for n := range resources {
			batch = append(batch, p.patient(n, []string{"red", "blue"}[n%2]))
		}
		p.put(batch...)
		p.put(p.resource(colorParameter))
		p.pace = 10 * time.Millisecond
		if _, err := p.Start(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		other := open()
		defer func() { other.kill() }()
		other.put(other.patient(0, "green"))
		if job := other.await(Done); job.Resources > resources+1 {
			t.Errorf("%d resources were counted", job.Resources)
		}
		for _, server := range []*process{p, other} {
			server.finds("color=red", resources/2-1)
			server.finds("color=blue", resources/2)
			server.finds("color=green", 1)
		}
		late := p.patient(1, "violet") // by the rules of before
		other.put(store.Write{Op: store.Delete, Key: fhir.Key{Type: "SearchParameter", ID: "color"}})
		p.put(late)
		if _, err := p.count("color=violet"); err == nil {
			t.Error("a parameter that another server's client deleted is served")
		}
	})
}

func TestJob_IsSteered(t *testing.T) {
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		var batch []store.Write
		for n := range 1000 {
			batch = append(batch, p.patient(n, "red"))
		}
		p.put(batch...)
		p.put(p.resource(colorParameter))
		p.pace = 50 * time.Millisecond
		steer := func(to JobState) {
			t.Helper()
			if _, err := p.Steer(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Steer(t.Context(), Paused); fhir.SituationOf(err) != fhir.SituationConflict {
			t.Errorf("steering no job: %v", err)
		}
		if _, err := p.Start(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		steer(Paused)
		p.kill()
		p = open() // still paused
		defer func() { p.kill() }()
		time.Sleep(200 * time.Millisecond)
		if job := p.await(Paused); job.Percent() == 100 {
			t.Error("a paused job is at its end")
		}
		_, err := p.count("color=red")
		if err == nil {
			t.Error("served before its job is done")
		}
		steer(Cancelled)
		if _, err := p.Steer(t.Context(), Running); fhir.SituationOf(err) != fhir.SituationConflict {
			t.Errorf("resuming a cancelled job: %v", err)
		}
		if _, err := p.Start(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		steer(Paused)
		steer(Running)
		if job := p.await(Done); job.Percent() != 100 || job.Ended.IsZero() {
			t.Errorf("done: %+v", job)
		}
		p.finds("color=red", 1000)
	})
}

// TestPackages_BringSearchParameters: those of US Core that R4 does not have are
// indexed by as soon as the package is there, and known after a restart without it.
func TestPackages_BringSearchParameters(t *testing.T) {
	archive := shared.Path(t, "data", "igs", "hl7.fhir.us.core-6.1.0.tgz")
	onStores(t, func(t *testing.T, open func() *process) {
		p := open()
		p.put(p.resource(`{"resourceType":"Patient","id":"r","extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
			"extension":[{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}}]}]}`))
		library := profiles.NewLibrary(profiles.R4(), profiles.DefaultLimits(), profiles.DefaultMemory)
		f, err := os.Open(archive)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := library.Load(t.Context(), f, ""); err != nil {
			t.Fatal(err)
		}
		p.Packages(library.Set())
		job := p.await(Done)
		if !slices.Contains(job.Parameters, "http://hl7.org/fhir/us/core/SearchParameter/us-core-race") {
			t.Errorf("indexed by %v", job.Parameters)
		}
		p.finds("race=2106-3", 1)
		p.kill()
		p = open()
		p.finds("race=2106-3", 1)
		p.Packages(library.Set())
		if again, _ := p.status(); again.ID != job.ID {
			t.Error("a package that was there before is indexed by again")
		}
		p.kill()
	})
}
