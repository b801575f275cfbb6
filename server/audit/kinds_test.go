package audit

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/fhir"
	"vitalwire/fhir/search"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
	"vitalwire/server/knowledge"
	"vitalwire/server/store"
	"vitalwire/server/store/sqlite"
	"vitalwire/server/telemetry"
)

func checker(t *testing.T) *knowledge.Base {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "balp.tgz"), shared.Read(t, "data", "igs", "ihe.iti.balp-1.1.4-rebuilt.tgz"), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := knowledge.New(knowledge.Enforce, nil)
	if err != nil {
		t.Fatal(err)
	}
	known.LoadDir(t.Context(), dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	return known
}

// BALP 1.1.4: an event of every kind, by a user, by a service and by nobody, with and
// without a patient, is valid by R4 and by the profile that it declares; and without its
// agents it is not.
func TestBALP_EveryKind(t *testing.T) {
	known := checker(t)
	agents := map[string]Agent{
		"nobody":  {Address: "192.0.2.1"},
		"device":  {Name: "MLLP"},
		"machine": {Token: "t1", Address: "192.0.2.1"},
		"service": {Client: "c", Token: "t1", Address: "2001:db8::1"},
		"user":    {Client: "c", User: "anna", FHIRUser: "Practitioner/1", Role: "practitioner", Token: "t1", Organization: "Organization/1", Address: "192.0.2.1"},
	}
	claimed := map[string]bool{}
	for _, kind := range []Kind{Create, Read, VRead, Update, Patch, Delete, SearchType, SearchSystem, HistoryInstance, HistoryType, HistorySystem, Batch,
		Transaction, Operation, Collect, Login, LoginFailed, LockedOut, Logout, TokenIssued, TokenBad, Refused, Consented, BreakGlass, Admin, Removal} {
		for name, agent := range agents {
			for _, patients := range [][]string{nil, {"p"}, {"p", "q"}} {
				for _, outcome := range []string{"", Minor} {
					e := Event{ID: "e", At: time.Now(), Kind: kind, Code: "user-changed", Outcome: outcome, Agent: agent, Patients: patients, Request: "r1", Purposes: []string{"TREAT"}}
					switch kind {
					case SearchType, SearchSystem, HistoryInstance, HistoryType, HistorySystem, Operation, Collect, TokenIssued:
						e.Query = "http://here/fhir/Observation?code=a"
					case Consented:
						e.Consents = []string{"Consent/1/_history/2"}
					default:
						e.What = "Observation/1/_history/2"
					}
					writes := (Source{"https://here.example/fhir"}).Writes(&e)
					if len(writes) != max(1, len(patients)) {
						t.Fatalf("%s: %d", kind, len(writes))
					}
					for _, w := range writes {
						if _, err := known.Check(t.Context(), w.Resource); err != nil {
							t.Errorf("%s by %s of %v: %v\n%s", kind, name, patients, err, w.Body)
						}
						for _, p := range w.Resource.Path("meta", "profile").Items() {
							claimed[strings.TrimPrefix(p.Text(), balp)] = true
						}
						if len(w.Resource.Path("meta", "profile").Items()) > 0 {
							bare := w.Resource.Clone()
							bare.Root().Set("agent", fhir.NewArray(bare.Get("agent").At(1)))
							if _, err := known.Check(t.Context(), bare); err == nil {
								t.Errorf("%s: the profile demands nothing", kind)
							}
						}
					}
				}
			}
		}
	}
	for _, want := range []string{"Create", "Read", "Update", "Delete", "Query", "PatientCreate", "PatientRead", "PatientUpdate", "PatientDelete", "PatientQuery",
		"AuthZconsent", "OAUTHaccessTokenUse.Minimal", "OAUTHaccessTokenUse.Comprehensive"} {
		if !claimed["BasicAudit."+want] {
			t.Errorf("no event of %s", want)
		}
	}
	if !claimed["IUA.71"] {
		t.Error("no event of IUA.71")
	}
}

// Who saw what of a patient, the newest first, by pages.
func TestSeen(t *testing.T) {
	known := search.NewRegistry(profiles.R4(), "http://here/fhir")
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Search: known})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	life, stop := context.WithCancel(t.Context())
	l, err := Open(t.Context(), life, s, Options{Base: "http://here/fhir", Dir: t.TempDir(), Bound: 1 << 20, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx := auth.With(telemetry.WithCall(t.Context(), &telemetry.Call{ID: "r", Address: "192.0.2.7"}), auth.Access{Client: "app", User: "anna", FHIRUser: "Practitioner/1", ID: "token1"})
	for _, d := range []Done{{Kind: Read, What: "Observation/a/_history/1", Patients: []string{"p"}}, {Kind: Read, What: "Observation/b/_history/1", Patients: []string{"q"}},
		{Kind: SearchType, Query: "http://here/fhir/Observation?access_token=hunter2", Patients: []string{"p", "q"}}} {
		if err := l.Tell(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.BrokeGlass(ctx, "p", "unconscious"); err != nil {
		t.Fatal(err)
	}
	if err := l.Tell(ctx, Done{Kind: Read, What: "Observation/c", Err: fhir.NotFound(fhir.Key{Type: "Observation", ID: "c"}), Decided: []Decided{{Patient: "p"}}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Tell(ctx, Done{Kind: Consented, Decided: []Decided{{Patient: "p", Permit: true, Class: 1}}}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for after := (*search.Cursor)(nil); ; {
		var list []Sighting
		err := s.View(t.Context(), func(r store.Reader) (err error) {
			list, after, err = Seen(r, known, About{Patient: "p"}, after, 2)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			got = append(got, strings.TrimSpace(one.Kind+" "+one.What+" "+one.User+" "+one.FHIRUser+" "+one.Client+" "+strings.Join(one.Purposes, ",")))
		}
		if after == nil {
			break
		}
	}
	want := []string{"AuthZ-Consent  anna Practitioner/1 app", "110127  anna Practitioner/1 app BTG", "search-type  anna Practitioner/1 app", "read Observation/a anna Practitioner/1 app"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if v, err := Verify(t.Context(), s, ""); err != nil || v.N != 7 {
		t.Errorf("%+v %v", v, err)
	}
	_ = s.View(t.Context(), func(r store.Reader) error {
		list, err := r.Versions(store.Selection{Type: store.Audited}, 100)
		for _, v := range list {
			if strings.Contains(string(v.Body), "hunter2") {
				t.Error("a secret is kept")
			}
		}
		return err
	})
}
