package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

func testVersions(t *testing.T, s *suite) {
	before := time.Now().Add(-time.Second)
	k := key("Patient", "p1")
	v1 := s.must(write(store.Create, patient("p1", ",'active':true")))[0]
	v2 := s.must(put(patient("p1", ",'active':false")))[0]
	v3 := s.must(remove("Patient", "p1"))[0]
	v4 := s.must(put(patient("p1", "")))[0]
	chain := []store.Version{v1, v2, v3, v4}
	for i, v := range chain {
		equal(t, "version id", v.VersionID, int64(i+1))
		equal(t, "key", v.Key, k)
		equal(t, "deleted", v.Deleted, i == 2)
		equal(t, "body", v.Body == nil, i == 2)
		if i > 0 && v.Position <= chain[i-1].Position {
			t.Fatalf("position %d does not follow %d", v.Position, chain[i-1].Position)
		}
		if v.LastUpdated().Before(before) || v.LastUpdated().After(time.Now().Add(time.Second)) {
			t.Fatalf("last updated %v is not now", v.LastUpdated())
		}
	}
	equal(t, "op", v1.Op, store.Create)
	equal(t, "op", v2.Op, store.Put)
	equal(t, "op", v3.Op, store.Delete)
	equal(t, "op", v4.Op, store.PutNew)

	s.view(func(r store.Reader) error {
		for i, want := range chain {
			got, err := r.ReadVersion(k, int64(i+1))
			if err != nil {
				return err
			}
			same(t, got, want)
		}
		current, err := r.Read(k)
		if err != nil {
			return err
		}
		same(t, current, v4)
		all, err := r.Versions(of(k), 100)
		if err != nil {
			return err
		}
		equal(t, "history", len(all), 4)
		for i, got := range all {
			same(t, got, chain[3-i])
		}
		page, err := r.Versions(store.Selection{Type: k.Type, ID: k.ID, Below: v4.Position}, 2)
		if err != nil {
			return err
		}
		equal(t, "page", len(page), 2)
		same(t, page[0], v3)
		end, err := r.Versions(store.Selection{Type: k.Type, ID: k.ID, Below: v1.Position}, 2)
		equal(t, "past the end", len(end), 0)
		if err != nil {
			return err
		}
		n, err := countVersions(r, k)
		equal(t, "count", n, 4)
		position, perr := r.Position()
		equal(t, "position", position, v4.Position)
		return errors.Join(err, perr)
	})
}

func same(t testing.TB, got, want store.Version) {
	t.Helper()
	if got.Key != want.Key || got.VersionID != want.VersionID || got.Position != want.Position || got.Op != want.Op ||
		got.Deleted != want.Deleted || string(got.Body) != string(want.Body) || (got.Body == nil) != (want.Body == nil) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

func testKinds(t *testing.T, s *suite) {
	s.must(put(patient("gone", "")), put(patient("here", "")))
	s.must(remove("Patient", "gone"))
	s.view(func(r store.Reader) error {
		position, err := r.Position()
		if err != nil || position == 0 {
			t.Fatalf("position %d, %v", position, err)
		}
		v, err := r.Read(key("Patient", "gone"))
		if err != nil || !v.Deleted || v.VersionID != 2 || v.Body != nil {
			t.Fatalf("a deleted resource reads as %+v, %v", v, err)
		}
		v, err = r.ReadVersion(key("Patient", "gone"), 1)
		if err != nil || v.Deleted {
			t.Fatalf("the version before a deletion reads as %+v, %v", v, err)
		}
		for _, k := range []fhir.Key{key("Patient", "never"), key("Device", "here"), key("Patient", "HERE"), key("Patient", "a\x00b"), key("Patient", "\xff")} {
			_, err1 := r.Read(k)
			_, err2 := r.ReadVersion(k, 1)
			for i, err := range []error{err1, err2} {
				if err == nil || fhir.SituationOf(err) != fhir.SituationNotFound {
					t.Fatalf("reading %q by way %d gives %v", k, i, err)
				}
			}
			list, err1 := r.Versions(of(k), 10)
			n, err2 := countVersions(r, k)
			if len(list) != 0 || n != 0 || err1 != nil || err2 != nil {
				t.Fatalf("%q has the versions %v, %d of them (%v, %v)", k, list, n, err1, err2)
			}
		}
		if _, err := r.ReadVersion(key("Patient", "here"), 2); fhir.SituationOf(err) != fhir.SituationNotFound {
			t.Fatalf("an unknown version gives %v", err)
		}
		return nil
	})
	// A delete of what is absent or deleted makes nothing.
	for _, v := range s.must(remove("Patient", "gone"), remove("Patient", "never")) {
		equal(t, "version", v.VersionID, 0)
		equal(t, "position", v.Position, 0)
	}
	// After a deletion the id is used: no create, but a put.
	_ = s.fails(fhir.SituationConflict, write(store.Create, patient("gone", "")))
	equal(t, "version", s.must(put(patient("gone", "")))[0].VersionID, 3)
}

func testPreconditions(t *testing.T, s *suite) {
	s.must(put(patient("p", "")))
	w := put(patient("p", ",'active':true"))
	w.IfMatch = 2
	err := s.fails(fhir.SituationPreconditionFailed, w)
	var known *fhir.Error
	if !errors.As(err, &known) || known.ETag != `W/"1"` {
		t.Fatalf("a stale If-Match does not name the current version: %v", err)
	}
	w.IfMatch = 1
	equal(t, "version", s.must(w)[0].VersionID, 2)
	absent := put(patient("q", ""))
	absent.IfMatch = 1
	_ = s.fails(fhir.SituationPreconditionFailed, absent)
	stale := remove("Patient", "p")
	stale.IfMatch = 1
	_ = s.fails(fhir.SituationPreconditionFailed, stale)
	_ = s.fails(fhir.SituationConflict, write(store.Create, patient("p", "")))

	// In one unit later writes see earlier ones.
	second := put(patient("r", ",'active':true"))
	second.IfMatch = 1
	out := s.must(put(patient("r", "")), second)
	equal(t, "version", out[1].VersionID, 2)

	// IfAbsent.
	once := put(patient("p", ""))
	once.IfAbsent = true
	exists := s.exists(s.Apply(context.Background(), unit(put(patient("z", "")), once))[0])
	equal(t, "write", exists.Write, 1)
	equal(t, "matches", len(exists.Matches), 1)
	same(t, exists.Matches[0], s.mustRead("Patient", "p"))
	if _, err := s.read(key("Patient", "z")); fhir.SituationOf(err) != fhir.SituationNotFound {
		t.Fatal("a failed unit left something")
	}
	s.must(remove("Patient", "p"))
	equal(t, "version over a deletion", s.must(once)[0].VersionID, 4)
}

func (s *suite) exists(out store.Outcome) *store.Exists {
	s.t.Helper()
	var e *store.Exists
	if !errors.As(out.Err, &e) {
		s.t.Fatalf("got %+v, want Exists", out)
	}
	return e
}

func (s *suite) mustRead(typ, id string) store.Version {
	s.t.Helper()
	v, err := s.read(key(typ, id))
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func withIdentifier(id, system, value string) *fhir.Resource {
	member := ""
	if system != "" {
		member = "'system':'" + system + "',"
	}
	return patient(id, ",'identifier':[{"+member+"'value':'"+value+"'}]")
}

func unless(r *fhir.Resource, system *string, value string) store.Write {
	w := write(store.Create, r)
	w.Unless = &store.Identifier{System: system, Value: value}
	return w
}

func testIdentifiers(t *testing.T, s *suite) {
	a, b, none := "urn:a", "urn:b", ""
	s.must(unless(withIdentifier("1", a, "x"), &a, "x"))
	matches := func(w store.Write) string {
		t.Helper()
		var ids []string
		for _, v := range s.exists(s.Apply(context.Background(), unit(w))[0]).Matches {
			ids = append(ids, v.Key.ID)
		}
		s.view(func(r store.Reader) error {
			// Who only asks is told the same.
			holders, err := r.Holders(w.Key.Type, *w.Unless)
			var held []string
			for _, v := range holders {
				held = append(held, v.Key.ID)
			}
			nobody := store.Identifier{Value: "nobody"}
			newest, err2 := r.Newest(w.Key.Type, []store.Identifier{nobody, *w.Unless, nobody, *w.Unless})
			for i, v := range newest {
				if want := []string{"", held[0]}[i%2]; err2 != nil || v.Key.ID != want {
					t.Errorf("newest holder %d is %s, want %q: %v", i, v.Key, want, err2)
				}
			}
			equal(t, "holders", strings.Join(held, " "), strings.Join(ids, " "))
			return err
		})
		return strings.Join(ids, " ")
	}
	equal(t, "same key", matches(unless(withIdentifier("2", a, "x"), &a, "x")), "1")
	equal(t, "any system", matches(unless(withIdentifier("2", a, "x"), nil, "x")), "1")
	// Another system, no system, another value, another type are other keys.
	s.must(unless(withIdentifier("2", b, "x"), &b, "x"))
	s.must(unless(withIdentifier("3", none, "x"), &none, "x"))
	s.must(unless(withIdentifier("4", a, "y"), &a, "y"))
	device := resource(`{'resourceType':'Device','id':'d','identifier':[{'system':'urn:a','value':'x'}]}`)
	s.must(unless(device, &a, "x"))
	equal(t, "no system", matches(unless(patient("5", ""), &none, "x")), "3")
	equal(t, "any system, newest first", matches(unless(patient("5", ""), nil, "x")), "3 2 1")
	s.must(put(withIdentifier("6", a, "x")))
	equal(t, "at most three", matches(unless(patient("5", ""), nil, "x")), "6 3 2")
	// What is deleted or changed has it no more.
	s.must(remove("Patient", "6"), put(withIdentifier("1", a, "z")))
	s.must(unless(withIdentifier("7", a, "x"), &a, "x"))
	// Within one unit: earlier writes count, both as holders and as former ones.
	out := s.Apply(context.Background(), unit(unless(withIdentifier("8", a, "n"), &a, "n"), unless(withIdentifier("9", a, "n"), &a, "n")))
	e := s.exists(out[0])
	equal(t, "write", e.Write, 1)
	equal(t, "match", e.Matches[0].Key.ID, "8")
	s.must(remove("Patient", "7"), unless(withIdentifier("10", a, "x"), &a, "x"))
	s.must(put(patient("10", "")), unless(withIdentifier("11", a, "x"), &a, "x"))
	equal(t, "after all that", matches(unless(patient("5", ""), &a, "x")), "11")
	// In a transaction likewise.
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if _, err := tx.Write(unless(withIdentifier("20", a, "tx"), &a, "tx")); err != nil {
			return err
		}
		_, err := tx.Write(unless(withIdentifier("21", a, "tx"), &a, "tx"))
		return err
	})
	equal(t, "in a transaction", s.exists(store.Outcome{Err: err}).Matches[0].Key.ID, "20")
	// Many in one unit, so that lookups are batched.
	var writes []store.Write
	for i := range 300 {
		value := fmt.Sprintf("many-%d", i)
		writes = append(writes, unless(withIdentifier("m"+value, a, value), &a, value))
	}
	s.must(writes...)
	equal(t, "one of many", matches(unless(patient("5", ""), &a, "many-299")), "mmany-299")
}
