package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
	"vitalwire/server/store/postgres/pgtest"
)

func TestMain(m *testing.M) {
	spawn.Serve()
	os.Exit(m.Run())
}

// TestBench runs every measure: small, to see that it works, or in full with
// VITALWIRE_BENCH=1 (make bench), when it prints the table.
// VITALWIRE_BENCH_PATIENTS, _LARGEST, _STORES and _ONLY change what is done.
func TestBench(t *testing.T) {
	scale := Scale{Creates: 200, Clients: 64, For: 200 * time.Millisecond, Patients: 3, Largest: 200, Newest: 200, Frames: 30, Agreeing: 10}
	rounds := 100
	full := os.Getenv("VITALWIRE_BENCH") != ""
	if full {
		scale = Scale{Creates: 30_000, Clients: 64, For: 10 * time.Second, Patients: 100, Largest: 300, Newest: 100_000, Agreeing: 1000, Profiles: os.Getenv("VITALWIRE_BENCH_PROFILES")}
		rounds = 20_000
		scale.Patients = number(t, "VITALWIRE_BENCH_PATIENTS", scale.Patients)
		scale.Largest = number(t, "VITALWIRE_BENCH_LARGEST", scale.Largest)
	}
	stores := map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "bench.db") },
		"postgres": func(t testing.TB) string { return pgtest.Start(t) },
	}
	table := &Table{}
	if full {
		defer table.Print(os.Stdout)
	}
	m := newMaker(t)
	chosen := func(variable, name string) bool {
		list := os.Getenv(variable)
		return !full || list == "" || strings.Contains(","+list+",", ","+name+",")
	}
	if chosen("VITALWIRE_BENCH_ONLY", "parse") {
		parsing(t, table, m, rounds)
	}
	if chosen("VITALWIRE_BENCH_ONLY", "ingest") || chosen("VITALWIRE_BENCH_ONLY", "decode") { // ingest is shown beside it
		for _, w := range wires {
			w.decoding(t, table, scale.For)
		}
	}
	for _, kind := range []string{"sqlite", "postgres"} {
		open := stores[kind]
		for _, part := range []struct {
			name string
			run  func(t *testing.T)
		}{
			{"create", func(t *testing.T) { scale.creates(t, table, kind, open) }},
			{"apply", func(t *testing.T) { scale.applies(t, table, kind, open, m) }},
			{"ingest", func(t *testing.T) {
				for _, w := range wires {
					scale.frames(t, table, kind, open, w)
				}
			}},
			{"newest", func(t *testing.T) { scale.newest(t, table, kind, open, m) }},
			{"bytes", func(t *testing.T) { scale.observations(t, table, kind, open, m) }},
			{"search", func(t *testing.T) { scale.searches(t, table, kind, open) }},
			{"consent", func(t *testing.T) { scale.consents(t, table, kind, open) }},
		} {
			if chosen("VITALWIRE_BENCH_STORES", kind) && chosen("VITALWIRE_BENCH_ONLY", part.name) {
				t.Run(kind+" "+part.name, part.run)
			}
		}
	}
	if len(table.rows) == 0 {
		t.Error("nothing was measured")
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
