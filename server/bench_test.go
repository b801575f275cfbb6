package server_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vitalwire/server"
)

// frames of the benchmark: what a ward of cuffs sends, each reading once.
const (
	benchFrames  = 10_000
	benchDevices = 100
	benchClients = 16
)

// BenchmarkIngest sends 10,000 blood pressure frames over HTTP and, in the same
// run, inserts the rows that this made into a database of the same schema, in
// batches and with nothing else: the limit that ingest is held to. It prints
// frames/s of both and their ratio.
func BenchmarkIngest(b *testing.B) {
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				store := open(b)
				s := start(b, store)
				associate(b, s)
				took := sendAll(b, s)
				raw := rawInserts(b, name, store, open(b))
				b.ReportMetric(benchFrames/took.Seconds(), "frames/s")
				b.ReportMetric(benchFrames/raw.Seconds(), "raw-frames/s")
				b.ReportMetric(raw.Seconds()/took.Seconds(), "of-raw")
			}
		})
	}
}

func device(i int) string { return fmt.Sprintf("00A1C9000001%04X", i) }

func post(b testing.TB, url, body string) (int, string) {
	return postAs(b, url, "application/json", body)
}

func postAs(b testing.TB, url, media, body string) (int, string) {
	response, err := http.Post(url, media, strings.NewReader(body))
	if err != nil {
		b.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.Error(err)
	}
	return response.StatusCode, string(data)
}

func associate(b testing.TB, s *server.Server) {
	for i := range benchDevices {
		patient := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i)
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, s.Base+"/Patient/p"+strconv.Itoa(i), strings.NewReader(patient))
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/fhir+json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		response.Body.Close()
		body := fmt.Sprintf(`{"device":"%s","patient":"Patient/p%d","start":"2020-01-01T00:00:00Z"}`, device(i), i)
		if status, answer := post(b, "http://"+s.Addr+"/ingest/associations", body); status != http.StatusCreated {
			b.Fatal(answer)
		}
	}
}

func sendAll(b testing.TB, s *server.Server) time.Duration {
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = benchClients
	began := time.Now()
	var clients sync.WaitGroup
	for c := range benchClients {
		clients.Go(func() {
			for i := c; i < benchFrames; i += benchClients {
				at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i/benchDevices) * time.Minute)
				frame := []byte{0x02, byte(100 + i%60), 0, byte(60 + i%40), 0, 80, 0,
					byte(at.Year() & 0xFF), byte(at.Year() >> 8), byte(at.Month()), byte(at.Day()), byte(at.Hour()), byte(at.Minute()), 0}
				body := fmt.Sprintf(`{"deviceId":"%s","receivedAt":"%s","characteristic":"2A35","hex":"%s"}`,
					device(i%benchDevices), at.Add(time.Second).Format(time.RFC3339), hex.EncodeToString(frame))
				if status, answer := post(b, "http://"+s.Addr+"/ingest/blegatt", body); status != http.StatusCreated {
					b.Errorf("frame %d: %d %s", i, status, answer)
					return
				}
			}
		})
	}
	clients.Wait()
	return time.Since(began)
}

// rawInserts copies all rows of one store into another, empty one, in batches.
func rawInserts(b testing.TB, kind, from, to string) time.Duration {
	// Starting a server on the target makes its schema.
	s, err := server.Start(b.Context(), server.Config{Listen: "127.0.0.1:0", Store: to, Zone: "UTC", MaxBody: 1 << 20}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Stop(time.Second); err != nil {
		b.Fatal(err)
	}
	source, target := database(b, from), database(b, to)
	var took time.Duration
	for _, table := range tables(b, kind, source) {
		if _, err := target.Exec("DELETE FROM " + table); err != nil {
			b.Fatal(err)
		}
		columns, rows := readAll(b, source, table)
		if len(rows) == 0 {
			continue
		}
		began := time.Now()
		insertAll(b, target, insertion(kind, table, columns, batchRows), insertion(kind, table, columns, 1), rows)
		took += time.Since(began)
	}
	return took
}

func database(b testing.TB, store string) *sql.DB {
	driver, name := "postgres", store
	if path, ok := strings.CutPrefix(store, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

func tables(b testing.TB, kind string, db *sql.DB) []string {
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
	if kind == "sqlite" {
		query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
	}
	_, rows := readQuery(b, db, query)
	var names []string
	for _, row := range rows {
		switch name := row[0].(type) {
		case string:
			names = append(names, name)
		case []byte:
			names = append(names, string(name))
		}
	}
	return names
}

func readAll(b testing.TB, db *sql.DB, table string) ([]string, [][]any) {
	return readQuery(b, db, "SELECT * FROM "+table)
}

func readQuery(b testing.TB, db *sql.DB, query string) ([]string, [][]any) {
	rows, err := db.Query(query)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	var all [][]any
	for rows.Next() {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return columns, all
}

// Rows of one statement, and statements of one commit.
const (
	batchRows   = 50
	batchCommit = 20
)

// insertion is the text of a statement that inserts so many rows.
func insertion(kind, table string, columns []string, rows int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for i := range rows * len(columns) {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%len(columns) == 0:
			text.WriteString("),(")
		default:
			text.WriteString(",")
		}
		if kind == "sqlite" {
			text.WriteString("?")
		} else {
			fmt.Fprintf(&text, "$%d", i+1)
		}
	}
	return text.String() + ")"
}

// insertAll inserts rows with prepared statements, many to a commit.
func insertAll(b testing.TB, db *sql.DB, many, one string, rows [][]any) {
	for len(rows) > 0 {
		tx, err := db.BeginTx(b.Context(), nil)
		if err != nil {
			b.Fatal(err)
		}
		insertMany, err1 := tx.Prepare(many)
		insertOne, err2 := tx.Prepare(one)
		if err1 != nil || err2 != nil {
			b.Fatal(err1, err2)
		}
		for range batchCommit {
			statement, n := insertMany, batchRows
			if len(rows) < batchRows {
				statement, n = insertOne, min(1, len(rows))
			}
			if _, err := statement.Exec(slices.Concat(rows[:n]...)...); n > 0 && err != nil {
				b.Fatal(err)
			}
			if rows = rows[n:]; len(rows) == 0 {
				break
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart measures from nothing to the first answer, and what the process
// holds then.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s := start(b, stores["sqlite"](b))
		response, err := http.Get(s.Base + "/metadata")
		if err != nil {
			b.Fatal(err)
		}
		response.Body.Close()
	}
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
				b.ReportMetric(n/1024, "MB-resident")
			}
		}
	}
}
