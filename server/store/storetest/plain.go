package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// testBodies: what was written comes back byte for byte.
func testBodies(t *testing.T, s *suite) {
	bodies := map[string]string{
		"long":  `,'valueQuantity':{'value':1.50}`,
		"short": `,'valueQuantity':{'value':1.5}`,
		"tiny":  `,'valueQuantity':{'value':0.000000000000000000123450}`,
		"exp":   `,'valueQuantity':{'value':1E-22}`,
		"text":  `,'valueString':'äöü € 𝄞 \u0001 \\ \' <b>&amp;</b>'`,
		"leap":  `,'effectiveDateTime':'2016-12-31T23:59:60Z'`,
		"part":  `,'effectiveDateTime':'2016-12'`,
		"zone":  `,'effectiveDateTime':'2016-12-31T23:59:59.1200-00:00'`,
		"null":  `,'extension':[{'url':'x','_valueString':{'extension':[]}}]`,
		"big":   `,'valueString':'` + strings.Repeat("0123456789", 300_000) + `'`,
	}
	for id, more := range bodies {
		w := put(resource(`{'resourceType':'Observation','id':'%s','meta':{'tag':[{'code':'t'}]}%s}`, id, more))
		v := s.must(w)[0]
		got := s.mustRead("Observation", id)
		same(t, got, v)
		if !bytes.Equal(got.Body, w.Body) {
			t.Fatalf("%s: got %.200s, want %.200s", id, got.Body, w.Body)
		}
		served := string(got.AppendJSON(nil))
		want := fmt.Sprintf(`,"meta":{"versionId":"1","lastUpdated":"%s","tag":[{"code":"t"}]}`, fhir.FormatInstant(got.LastUpdated()))
		if !strings.Contains(served[:min(300, len(served))], want) {
			t.Fatalf("%s is served as %.300s", id, served)
		}
	}
}

func testRecords(t *testing.T, s *suite) {
	ctx := context.Background()
	set := func(w ...store.RecordWrite) error { return s.Apply(ctx, store.Unit{Records: w})[0].Err }
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	conflict := func(err error) {
		t.Helper()
		if err == nil || fhir.SituationOf(err) != fhir.SituationConflict {
			t.Fatalf("got %v, want a conflict", err)
		}
	}
	// Byte order, not the order of any language; zero bytes and broken UTF-8 too.
	keys := []string{"", "A", "Z", "a", "a\x00", "a\x00b", "a!", "aB", "aa", "ab", "a\xff", "a\xff\xff", "b", "ä", "\xff", "\xff\xff"}
	for i := range keys {
		ok(set(store.RecordWrite{Collection: "c", Key: keys[(i*7)%len(keys)], Value: []byte(keys[(i*7)%len(keys)])}))
	}
	ok(set(store.RecordWrite{Collection: "d", Key: "a", Value: []byte{}}))
	list := func(prefix, after string, limit int) string {
		var got []string
		s.view(func(r store.Reader) error {
			records, err := r.Records("c", prefix, after, limit)
			for _, rec := range records {
				equal(t, "value", string(rec.Value), rec.Key)
				got = append(got, fmt.Sprintf("%q", rec.Key))
			}
			return err
		})
		return strings.Join(got, " ")
	}
	quoted := func(keys ...string) string {
		for i := range keys {
			keys[i] = fmt.Sprintf("%q", keys[i])
		}
		return strings.Join(keys, " ")
	}
	// With no `after` the first key is the prefix itself, but never the key "".
	equal(t, "all", list("", "", 100), quoted("A", "Z", "a", "a\x00", "a\x00b", "a!", "aB", "aa", "ab", "a\xff", "a\xff\xff", "b", "ä", "\xff", "\xff\xff"))
	equal(t, "prefix", list("a", "", 100), quoted("a", "a\x00", "a\x00b", "a!", "aB", "aa", "ab", "a\xff", "a\xff\xff"))
	equal(t, "after", list("a", "aB", 2), quoted("aa", "ab"))
	equal(t, "after the prefix", list("a", "a", 1), quoted("a\x00"))
	equal(t, "after all", list("a", "b", 10), "")
	equal(t, "high prefix", list("a\xff", "", 10), quoted("a\xff", "a\xff\xff"))
	equal(t, "highest prefix", list("\xff", "", 10), quoted("\xff", "\xff\xff"))
	equal(t, "no limit", list("", "", 0), "")

	last := func(prefix, atMost string) string {
		var got string
		s.view(func(r store.Reader) error {
			rec, found, err := r.LastRecord("c", prefix, atMost)
			if found {
				got = fmt.Sprintf("%q", rec.Key)
			}
			return err
		})
		return got
	}
	equal(t, "last", last("a", "aC"), quoted("aB"))
	equal(t, "last itself", last("a", "aB"), quoted("aB"))
	equal(t, "last of the prefix", last("a", "z"), quoted("a\xff\xff"))
	equal(t, "last before the prefix", last("a", "Z"), "")
	equal(t, "last of none", last("q", "z"), "")
	equal(t, "last of all", last("", "\xff\xff\xff"), quoted("\xff\xff"))

	s.view(func(r store.Reader) error {
		value, found, err := r.Record("d", "a")
		equal(t, "an empty value", found && value != nil && len(value) == 0, true)
		_, found, err2 := r.Record("c", "none")
		equal(t, "none", found, false)
		many, err3 := r.RecordsOf([]store.RecordName{{Collection: "d", Key: "a"}, {Collection: "c", Key: "none"}, {Collection: "c", Key: "aB"}, {Collection: "d", Key: "a"}})
		equal(t, "of many those that there are", len(many), 2)
		value, found = many[store.RecordName{Collection: "d", Key: "a"}]
		equal(t, "an empty value of many", found && value != nil && len(value) == 0, true)
		return errors.Join(err, err2, err3)
	})
	conflict(set(store.RecordWrite{Collection: "c", Key: "a", Value: []byte("x"), IfAbsent: true}))
	ok(set(store.RecordWrite{Collection: "c", Key: "new", Value: []byte("x"), IfAbsent: true}))
	conflict(set(store.RecordWrite{Collection: "c", Key: "new", Value: []byte("y"), IfValue: []byte("z")}))
	conflict(set(store.RecordWrite{Collection: "c", Key: "none", Value: []byte("y"), IfValue: []byte("z")}))
	conflict(set(store.RecordWrite{Collection: "c", Key: "none", Value: []byte("y"), IfValue: []byte{}}))
	ok(set(store.RecordWrite{Collection: "d", Key: "a", Value: []byte("y"), IfValue: []byte{}}))
	ok(set(store.RecordWrite{Collection: "c", Key: "new", Value: []byte("y"), IfValue: []byte("x")}))
	conflict(set(store.RecordWrite{Collection: "c", Key: "new", IfValue: []byte("x")}))
	// Within one unit later writes see earlier ones; removing what is not there is fine.
	ok(set(store.RecordWrite{Collection: "c", Key: "new"}, store.RecordWrite{Collection: "c", Key: "new", Value: []byte("1"), IfAbsent: true},
		store.RecordWrite{Collection: "c", Key: "new", Value: []byte("2"), IfValue: []byte("1")}, store.RecordWrite{Collection: "c", Key: "never"}))
	ok(s.Update(ctx, func(tx store.Tx) error {
		value, _, err := tx.Record("c", "new")
		equal(t, "value", string(value), "2")
		return errors.Join(err, tx.PutRecord(store.RecordWrite{Collection: "c", Key: "new", IfValue: []byte("2")}))
	}))
	s.view(func(r store.Reader) error {
		_, found, err := r.Record("c", "new")
		equal(t, "removed", found, false)
		return err
	})
}

// testSnapshot: all reads of a View see one moment.
func testSnapshot(t *testing.T, s *suite) {
	ctx := context.Background()
	s.must(put(withIdentifier("p", "urn:a", "1")))
	ok := s.Apply(ctx, store.Unit{Records: []store.RecordWrite{{Collection: "c", Key: "k", Value: []byte("1")}}})[0]
	if ok.Err != nil {
		t.Fatal(ok.Err)
	}
	s.view(func(r store.Reader) error {
		position, err := r.Position()
		if err != nil {
			return err
		}
		out := s.Apply(ctx, store.Unit{
			Writes:  []store.Write{put(withIdentifier("p", "urn:a", "2")), put(withIdentifier("q", "urn:a", "1"))},
			Records: []store.RecordWrite{{Collection: "c", Key: "k", Value: []byte("2")}},
		})[0]
		if out.Err != nil {
			return out.Err
		}
		v, err1 := r.Read(key("Patient", "p"))
		equal(t, "version", v.VersionID, 1)
		_, err2 := r.Read(key("Patient", "q"))
		equal(t, "a later resource", fhir.SituationOf(err2), fhir.SituationNotFound)
		n, err3 := countVersions(r, key("Patient", "p"))
		equal(t, "history", n, 1)
		changes, err4 := r.Changes(0, 10)
		equal(t, "changes", len(changes), 1)
		value, _, err5 := r.Record("c", "k")
		equal(t, "record", string(value), "1")
		equal(t, "old value found", len(s.search(r, "Patient", "identifier=1").Matches), 1)
		equal(t, "new value found", len(s.search(r, "Patient", "identifier=2").Matches), 0)
		again, err6 := r.Position()
		equal(t, "position", again, position)
		return errors.Join(err1, err3, err4, err5, err6)
	})
}

// testTransaction: a Tx sees its own writes, and nobody else does before the end.
func testTransaction(t *testing.T, s *suite) {
	ctx := context.Background()
	s.must(put(withIdentifier("p", "urn:a", "1")))
	err := s.Update(ctx, func(tx store.Tx) error {
		before, err := tx.Position()
		if err != nil {
			return err
		}
		v2, err := tx.Write(put(withIdentifier("p", "urn:a", "2")))
		if err != nil {
			return err
		}
		v3, err := tx.Write(put(withIdentifier("p", "urn:a", "3")))
		if err != nil {
			return err
		}
		if _, err := tx.Write(put(withIdentifier("q", "urn:a", "3"))); err != nil {
			return err
		}
		equal(t, "positions", before < v2.Position && v2.Position < v3.Position, true)
		got, err := tx.Read(key("Patient", "p"))
		same(t, got, v3)
		equal(t, "own value", len(s.search(tx, "Patient", "identifier=3").Matches), 2)
		equal(t, "own former value", len(s.search(tx, "Patient", "identifier=2").Matches), 0)
		equal(t, "former value", len(s.search(tx, "Patient", "identifier=1").Matches), 0)
		s.view(func(r store.Reader) error {
			equal(t, "for others", len(s.search(r, "Patient", "identifier=3").Matches), 0)
			return nil
		})
		history, err2 := tx.Versions(of(key("Patient", "p")), 10)
		equal(t, "history", len(history), 3)
		gone, err3 := tx.Write(remove("Patient", "never"))
		equal(t, "absent delete", gone.VersionID, 0)
		position, err4 := tx.Position()
		equal(t, "position", position, v3.Position+1)
		return errors.Join(err, err2, err3, err4)
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "committed", s.mustRead("Patient", "p").VersionID, 3)
}

func testCancellation(t *testing.T, s *suite) {
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	timeout := func(what string, err error) {
		t.Helper()
		if err == nil || fhir.SituationOf(err) != fhir.SituationTimeout {
			t.Fatalf("%s gives %v, want a timeout", what, err)
		}
	}
	timeout("Apply", s.Apply(dead, unit(put(patient("p", ""))))[0].Err)
	timeout("View", s.View(dead, func(store.Reader) error { return nil }))
	timeout("Update", s.Update(dead, func(store.Tx) error { return nil }))

	// In the middle of a transaction.
	ctx, stop := context.WithCancel(context.Background())
	timeout("a cancelled Update", s.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Write(put(patient("p", ""))); err != nil {
			return err
		}
		stop()
		_, err := tx.Read(key("Patient", "p"))
		return err
	}))
	ctx, stop = context.WithCancel(context.Background())
	timeout("a cancelled View", s.View(ctx, func(r store.Reader) error {
		stop()
		_, err := r.Position()
		return err
	}))

	// Waiting behind another writer: given up, and then never applied.
	entered, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.Update(context.Background(), func(tx store.Tx) error {
			close(entered)
			<-release
			_, err := tx.Write(put(patient("slow", "")))
			return err
		})
	}()
	<-entered
	short, end := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer end()
	timeout("a waiting Apply", s.Apply(short, unit(put(patient("p", ""))))[0].Err)
	timeout("a waiting Update", s.Update(short, func(tx store.Tx) error {
		_, err := tx.Write(put(patient("p", "")))
		return err
	}))
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.must(put(patient("after", ""))) // everything before it has had its turn
	if _, err := s.read(key("Patient", "p")); fhir.SituationOf(err) != fhir.SituationNotFound {
		t.Fatalf("a write given up was applied: %v", err)
	}
	equal(t, "version", s.mustRead("Patient", "slow").VersionID, 1)
}

func testClose(t *testing.T, s *suite) {
	other := open(t, s.b, s.b.New(t))
	entered, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- other.Update(context.Background(), func(tx store.Tx) error {
			close(entered)
			<-release
			_, err := tx.Write(put(patient("p", "")))
			return err
		})
	}()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- other.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("closed (%v) while a call was running", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := errors.Join(<-done, <-closed, other.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		other.Apply(context.Background(), unit(put(patient("p", ""))))[0].Err,
		other.View(context.Background(), func(store.Reader) error { return nil }),
		other.Update(context.Background(), func(store.Tx) error { return nil }),
	} {
		equal(t, "after close", fhir.SituationOf(err), fhir.SituationUnavailable)
	}
}

// testSchema: a newer schema is refused by a message with both numbers.
func testSchema(t *testing.T, s *suite) {
	database := s.b.New(t)
	first, err := s.b.Open(context.Background(), database, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s.b.Exec(t, database, "INSERT INTO migration (number, applied) VALUES (1000, 0)")
	if again, err := s.b.Open(context.Background(), database, nil); err == nil {
		_ = again.Close()
		t.Fatal("a newer schema was opened")
	} else if !strings.Contains(err.Error(), "schema 1000") || !strings.Contains(err.Error(), "up to ") {
		t.Fatalf("the refusal names no numbers: %v", err)
	}
}

// testOlderSchema: a database made before the index had texts, numbers and typed
// rows is indexed again when it is opened, its past left out.
func testOlderSchema(t *testing.T, s *suite) {
	database := s.b.New(t)
	first, err := s.b.Open(context.Background(), database, nil)
	if err != nil {
		t.Fatal(err)
	}
	old := &suite{Store: first, t: t, b: s.b, database: database}
	for i := range 600 { // more than one chunk
		old.must(put(patient(fmt.Sprint(i%300), fmt.Sprintf(",'name':[{'family':'Name%d'}]", i))))
	}
	old.must(remove("Patient", "7"))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"DROP TABLE ix_string", "DROP TABLE ix_quantity", "DROP TABLE indexed", "DROP TABLE item", "DROP TABLE item_code", "DROP TABLE item_past", "DROP INDEX version_type",
		"DROP TABLE ix_words", "DROP TABLE ix_place", "DROP TABLE tally", "DROP TABLE consent", "DROP TABLE consented", "DROP TABLE consent_class",
		"ALTER TABLE head DROP COLUMN epoch", "ALTER TABLE head DROP COLUMN terms", "ALTER TABLE head DROP COLUMN consents",
		"CREATE TABLE past (pos bigint NOT NULL, shard bigint NOT NULL, until bigint NOT NULL, PRIMARY KEY (pos, shard))", "DELETE FROM migration WHERE number >= 2", "UPDATE ix SET sub = 0"} {
		s.b.Exec(t, database, sql)
	}
	again := &suite{Store: open(t, s.b, database), t: t, b: s.b, database: database}
	again.finds("Patient", "family=name301", "1")
	again.finds("Patient", "family=name1", "")
	again.finds("Patient", "family=name307,name599", "299")
	again.finds("Patient", "family:missing=true", "")
	again.finds("Patient", "_content=name301", "1")
}

// testTwoServers: two stores on one database, as two processes would be: they may
// start together, and their writes do not lose or double anything.
func testTwoServers(t *testing.T, s *suite) {
	database := s.b.New(t)
	const servers = 4
	stores := make([]store.Store, servers)
	race(servers, func(i int) {
		var err error
		if stores[i], err = s.b.Open(context.Background(), database, nil); err != nil {
			t.Errorf("open %d: %v", i, err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	system := "urn:two"
	created := make([]int, servers)
	race(servers, func(i int) {
		for n := range 50 {
			value := fmt.Sprint(n)
			out := stores[i].Apply(context.Background(),
				unit(unless(withIdentifier(fmt.Sprintf("s%d-%d", i, n), system, value), &system, value)),
				unit(put(patient("shared", ""))))
			switch {
			case out[0].Err == nil:
				created[i]++
			case !isExists(out[0].Err):
				t.Error(out[0].Err)
			}
			if out[1].Err != nil {
				t.Error(out[1].Err)
			}
		}
	})
	total := 0
	for _, n := range created {
		total += n
	}
	equal(t, "created", total, 50)
	if err := stores[0].View(context.Background(), func(r store.Reader) error {
		v, err := r.Read(key("Patient", "shared"))
		equal(t, "versions", v.VersionID, servers*50)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, one := range stores {
		if err := one.Close(); err != nil {
			t.Error(err)
		}
	}
}
