// Package storetest holds every store to the contract of server/store. A store
// may not skip a part: what it cannot do it must not be.
package storetest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/profiles"
	"vitalwire/server/store"
)

// Backend makes the stores under test.
type Backend struct {
	// New makes an empty database that is gone when the test ends, and gives what
	// Open opens it by.
	New func(t testing.TB) string
	// Open opens a database, perhaps again, perhaps one that a killed process left.
	Open func(ctx context.Context, database string, now func() time.Time) (store.Store, error)
	// Exec changes a closed database by SQL.
	Exec func(t testing.TB, database, sql string)
}

// Parameters are those of R4, by which the stores under test index.
func Parameters() *search.Registry { return parameters() }

var parameters = sync.OnceValue(func() *search.Registry { return search.NewRegistry(profiles.R4(), "http://here/fhir") })

// childVariable names the database in the environment of a child process that
// the crash test kills.
const childVariable = "VITALWIRE_STORETEST_CHILD"

// Run runs every part. It must be called by a test function that calls nothing
// else before it: the crash test runs that function again in a child process.
func Run(t *testing.T, b Backend) {
	if database := os.Getenv(childVariable); database != "" {
		child(b, database)
		return
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"versions", testVersions},
		{"kinds", testKinds},
		{"preconditions", testPreconditions},
		{"identifiers", testIdentifiers},
		{"creation races", testCreationRaces},
		{"rollback", testRollback},
		{"lost update", testLostUpdate},
		{"large unit", testLargeUnit},
		{"grouped units", testGroupedUnits},
		{"feed", testFeed},
		{"bodies", testBodies},
		{"records", testRecords},
		{"snapshot", testSnapshot},
		{"transaction", testTransaction},
		{"search", testSearch},
		{"parameters", testParameters},
		{"dates", testDates},
		{"sort", testSort},
		{"include", testInclude},
		{"sight", testSight},
		{"sight refused", testSightRefused},
		{"consented", testConsented},
		{"owned", testOwned},
		{"reindex", testReindex},
		{"large sort", testLargeSort},
		{"paging", testPaging},
		{"expunge", testExpunge},
		{"facts", testFacts},
		{"cancellation", testCancellation},
		{"close", testClose},
		{"schema", testSchema},
		{"older schema", testOlderSchema},
		{"tally", testTally},
		{"explain", testExplain},
		{"back pressure", testBackPressure},
		{"prune", testPrune},
		{"two servers", testTwoServers},
		{"crash", testCrash},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			database := b.New(t)
			part.run(t, &suite{t: t, b: b, database: database, Store: open(t, b, database)})
		})
	}
}

func open(t testing.TB, b Backend, database string) store.Store {
	t.Helper()
	s, err := b.Open(context.Background(), database, nil)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// suite is one part's store with helpers.
type suite struct {
	store.Store
	t        *testing.T
	b        Backend
	database string
}

// resource parses JSON with single quotes for double ones.
func resource(format string, args ...any) *fhir.Resource {
	text := []byte(fmt.Sprintf(format, args...))
	for i, c := range text {
		if c == '\'' {
			text[i] = '"'
		}
	}
	r, err := fhir.ParseResource(text)
	if err != nil {
		panic(fmt.Sprintf("%v in %s", err, text))
	}
	return r
}

// write makes a write of a resource with the production indexer.
func write(op store.Op, r *fhir.Resource) store.Write {
	r = r.WithIdentity(r.ID())
	return store.Write{Op: op, Key: r.Key(), Body: r.JSON(), Resource: r}
}

// values are the searchable facts of a write.
func values(w store.Write) []search.Value { return Parameters().Extract(w.Resource) }

func patient(id, more string) *fhir.Resource {
	return resource(`{'resourceType':'Patient','id':'%s'%s}`, id, more)
}

func put(r *fhir.Resource) store.Write { return write(store.Put, r) }

func remove(typ, id string) store.Write {
	return store.Write{Op: store.Delete, Key: fhir.Key{Type: typ, ID: id}}
}

func unit(writes ...store.Write) store.Unit { return store.Unit{Writes: writes} }

// must applies one unit that must succeed.
func (s *suite) must(writes ...store.Write) []store.Version {
	s.t.Helper()
	out := s.Apply(context.Background(), unit(writes...))
	if len(out) != 1 || out[0].Err != nil {
		s.t.Fatalf("apply: %+v", out)
	}
	if len(out[0].Versions) != len(writes) {
		s.t.Fatalf("%d versions for %d writes", len(out[0].Versions), len(writes))
	}
	return out[0].Versions
}

// fails applies one unit that must fail in a situation.
func (s *suite) fails(want fhir.Situation, writes ...store.Write) error {
	s.t.Helper()
	out := s.Apply(context.Background(), unit(writes...))
	if fhir.SituationOf(out[0].Err) != want || out[0].Err == nil {
		s.t.Fatalf("apply gave %v, want situation %d", out[0].Err, want)
	}
	return out[0].Err
}

func (s *suite) view(fn func(r store.Reader) error) {
	s.t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		s.t.Fatalf("view: %v", err)
	}
}

func (s *suite) read(key fhir.Key) (v store.Version, err error) {
	s.t.Helper()
	s.view(func(r store.Reader) error {
		v, err = r.Read(key)
		return nil
	})
	return v, err
}

// of names all versions of a resource.
func of(key fhir.Key) store.Selection { return store.Selection{Type: key.Type, ID: key.ID} }

// countVersions counts the versions of a resource that has no more than a test makes.
func countVersions(r store.Reader, key fhir.Key) (int64, error) {
	return r.CountVersions(of(key), 1<<40)
}

func key(typ, id string) fhir.Key { return fhir.Key{Type: typ, ID: id} }

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
