package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/internal/spawn"
	"vitalwire/server"
)

// scale is a template of a scale; its first version takes kilograms for pounds, and what
// is no reading for one.
func scale(version int) string {
	unit, last := `"ucum": "[lb_av]"`, `{"name": "noise", "each": "$", "time": {"value": "$.at", "zone": "offset"}, "code": {"codings": [{"system": "urn:x", "code": "noise"}]}, "value": {"type": "quantity", "from": "$.noise", "unit": {"ucum": "%"}}}`
	if version > 1 {
		unit = `"ucum": "kg"`
		last = `{"name": "fat", "each": "$", "time": {"value": "$.at", "zone": "offset"}, "code": {"codings": [{"system": "http://loinc.org", "code": "41982-0"}]}, "value": {"type": "quantity", "from": "$.fat", "unit": {"ucum": "%"}}}`
	}
	return fmt.Sprintf(`{"template": "scale", "version": "%d.0.0", "format": "json", "device": {"id": "$.id"},
		"readings": [{"name": "weight", "each": "$", "time": {"value": "$.at", "zone": "offset"}, "code": {"codings": [{"system": "http://loinc.org", "code": "29463-7"}]}, "value": {"type": "quantity", "from": "$.weight", "unit": {%s}}}, %s]}`, version, unit, last)
}

func putTemplate(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "scale"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scale", "template.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// weigh is frame n of the scale.
func weigh(n int) string {
	return fmt.Sprintf(`{"id": "%s", "at": "%s", "weight": %d.5, "noise": %d, "fat": %d}`, wornDevice,
		time.Date(2026, 11, 20, 0, 0, n, 0, time.UTC).Format(time.RFC3339), 40+n, 1+n%7, 10+n%9)
}

func postWeight(root string, n int) (int, string) {
	at := time.Date(2026, 11, 20, 1, 0, n, 0, time.UTC).Format(time.RFC3339)
	status, _, answer := exchange(http.MethodPost, root+"/ingest/scale?deviceId="+wornDevice+"&receivedAt="+at, weigh(n), "Content-Type", "application/octet-stream")
	return status, answer
}

// inService waits until a version of the template is.
func inService(t *testing.T, root, version string) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, _, answer := exchange(http.MethodGet, root+"/ingest/templates", "")
		if strings.Contains(answer, version) {
			return
		}
		if time.Now().After(until) {
			t.Fatal(answer)
		}
	}
}

type replayed struct {
	ID, State, Trouble string
	Counts             map[string]int
	Readers            map[string]string
}

func askJSON(t *testing.T, method, url, body string, want int, into any) string {
	t.Helper()
	status, _, answer := exchange(method, url, body, "Content-Type", "application/json")
	if status != want {
		t.Fatalf("%s %s: %d %s", method, url, status, answer)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			t.Fatal(err, answer)
		}
	}
	return answer
}

// ended waits for a replay.
func endedReplay(t *testing.T, root, id string) (run replayed) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		run = replayed{}
		askJSON(t, http.MethodGet, root+"/ingest/replays/"+id, "", http.StatusOK, &run)
		if run.State != "running" {
			return run
		}
	}
	t.Fatalf("%+v", run)
	return run
}

func dryRun(t *testing.T, root, selection string) replayed {
	t.Helper()
	var run replayed
	askJSON(t, http.MethodPost, root+"/ingest/replays", selection, http.StatusCreated, &run)
	return endedReplay(t, root, run.ID)
}

func apply(t *testing.T, root, id, how string) replayed {
	t.Helper()
	var run replayed
	askJSON(t, http.MethodPost, root+"/ingest/replays/"+id+"/apply", how, http.StatusCreated, &run)
	return endedReplay(t, root, run.ID)
}

// storedOf are the ids of Observations by code and value, of all patients.
func storedOf(t *testing.T, base, code string) map[string]string {
	t.Helper()
	var bundle struct {
		Entry []struct {
			Resource struct {
				ID, Status    string
				ValueQuantity struct {
					Value json.Number
					Code  string
				}
			}
		}
	}
	askJSON(t, http.MethodGet, base+"/Observation?code="+code+"&_count=1000", "", http.StatusOK, &bundle)
	list := map[string]string{}
	for _, e := range bundle.Entry {
		list[e.Resource.ID] = e.Resource.ValueQuantity.Value.String() + " " + e.Resource.ValueQuantity.Code + " " + e.Resource.Status
	}
	return list
}

// TestReplay reads frames again by another version of their template: first dry, then in
// earnest. The same Observations get new versions; nothing is there twice.
func TestReplay(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			putTemplate(t, dir, scale(1))
			s := start(t, open(t), func(c *server.Config) { c.Templates = dir })
			wear(t, s.Base, s.Root)
			const n = 12
			for i := range n {
				if status, answer := postWeight(s.Root, i); status != http.StatusCreated {
					t.Fatal(status, answer)
				}
			}
			first := storedOf(t, s.Base, "29463-7")
			if len(first) != n {
				t.Fatal(first)
			}
			// Nothing has changed: nothing would.
			if run := dryRun(t, s.Root, `{}`); run.State != "done" || run.Counts["frames"] != n || run.Counts["same"] != 2*n || run.Counts["differ"] != 0 {
				t.Errorf("%+v", run)
			}
			// Somebody corrects one by hand, and another does not say what a frame would change.
			var edited, noted string
			for id, text := range first {
				switch {
				case strings.HasPrefix(text, "40.5"):
					edited = id
				case strings.HasPrefix(text, "41.5"):
					noted = id
				}
			}
			patch := func(id, body string) {
				if status, _, answer := exchange(http.MethodPatch, s.Base+"/Observation/"+id, body, "Content-Type", "application/json-patch+json"); status != http.StatusOK {
					t.Fatal(status, answer)
				}
			}
			patch(edited, `[{"op":"replace","path":"/valueQuantity/value","value":99}]`)
			patch(noted, `[{"op":"add","path":"/note","value":[{"text":"after lunch"}]}]`)

			putTemplate(t, dir, scale(2))
			inService(t, s.Root, "2.0.0")
			dry := dryRun(t, s.Root, `{"adapter":"scale","device":"00-A1-C9-00-00-00-02-01"}`)
			if dry.State != "done" || dry.Counts["changed"] != n-1 || dry.Counts["edited"] != 1 || dry.Counts["new"] != n || dry.Counts["vanished"] != n || dry.Counts["differ"] != n {
				t.Fatalf("%+v", dry)
			}
			if got := storedOf(t, s.Base, "29463-7"); got[noted] != first[noted] || len(got) != n {
				t.Errorf("a dry run wrote: %v", got)
			}
			found := askJSON(t, http.MethodGet, s.Root+"/ingest/replays/"+dry.ID+"/frames?count=2", "", http.StatusOK, nil)
			if !strings.Contains(found, `"element":"valueQuantity"`) || !strings.Contains(found, `"next"`) || !strings.Contains(found, `[lb_av]`) {
				t.Error(found)
			}
			// Some of them only, by their time; then all.
			if run := dryRun(t, s.Root, `{"from":"2026-11-20T01:00:02Z","to":"2026-11-20T01:00:05Z"}`); run.Counts["frames"] != 3 {
				t.Errorf("%+v", run)
			}
			if run := dryRun(t, s.Root, `{"adapter":"blegatt"}`); run.Counts["frames"] != 0 {
				t.Errorf("%+v", run)
			}
			real := apply(t, s.Root, dry.ID, `{}`)
			if real.State != "done" || real.Counts["changed"] != n-1 || real.Counts["new"] != n || real.Counts["vanished"] != n {
				t.Fatalf("%+v", real)
			}
			second := storedOf(t, s.Base, "29463-7")
			for id, text := range first {
				want := strings.Replace(text, "[lb_av]", "kg", 1)
				if id == edited {
					want = "99 [lb_av] final"
				}
				if second[id] != want {
					t.Errorf("%s: %q, not %q", id, second[id], want)
				}
			}
			if fat := storedOf(t, s.Base, "41982-0"); len(second) != n || len(fat) != n {
				t.Errorf("%d weights, %d of fat", len(second), len(fat))
			}
			if body := askJSON(t, http.MethodGet, s.Base+"/Observation/"+noted, "", http.StatusOK, nil); !strings.Contains(body, "after lunch") || !strings.Contains(body, `"versionId":"3"`) {
				t.Error(body)
			}
			if body := askJSON(t, http.MethodGet, s.Base+"/Provenance?target=Observation/"+noted, "", http.StatusOK, nil); !strings.Contains(body, "UPDATE") || !strings.Contains(body, "scale|2.0.0|") || !strings.Contains(body, "scale|1.0.0|") {
				t.Error(body)
			}
			// The frames sent again say what is there; read again, too.
			for i := range n {
				if status, answer := postWeight(s.Root, i); status != http.StatusOK && i != 0 {
					t.Errorf("frame %d sent again: %d %s", i, status, answer)
				}
			}
			again := dryRun(t, s.Root, `{}`)
			if again.Counts["changed"]+again.Counts["new"] != 0 || again.Counts["vanished"] != n {
				t.Errorf("%+v", again)
				t.Log(askJSON(t, http.MethodGet, s.Root+"/ingest/replays/"+again.ID+"/frames?count=2", "", http.StatusOK, nil))
			}
			// What vanished is taken back by choice, and never deleted.
			if run := apply(t, s.Root, again.ID, `{"enteredInError":true}`); run.Counts["vanished"] != n {
				t.Errorf("%+v", run)
			}
			noise := storedOf(t, s.Base, "noise")
			for id, text := range noise {
				if !strings.HasSuffix(text, "entered-in-error") {
					t.Errorf("%s: %s", id, text)
				}
			}
			if len(noise) != n || len(storedOf(t, s.Base, "29463-7")) != n {
				t.Error(noise)
			}
			if run := dryRun(t, s.Root, `{}`); run.Counts["vanished"]+run.Counts["changed"]+run.Counts["new"] != 0 {
				t.Errorf("%+v", run)
			}
			// A dry run of another version than is in service now is not applied.
			stale := dryRun(t, s.Root, `{}`)
			putTemplate(t, dir, strings.Replace(scale(2), "2.0.0", "3.0.0", 1))
			inService(t, s.Root, "3.0.0")
			if run := apply(t, s.Root, stale.ID, `{}`); run.State != "failed" || !strings.Contains(run.Trouble, "scale|3.0.0") {
				t.Errorf("%+v", run)
			}
			askJSON(t, http.MethodPost, s.Root+"/ingest/replays/"+stale.ID+"/cancel", "", http.StatusConflict, nil)
			askJSON(t, http.MethodPost, s.Root+"/ingest/replays/none/apply", "", http.StatusNotFound, nil)
			askJSON(t, http.MethodPost, s.Root+"/ingest/replays", `{"from":"yesterday"}`, http.StatusBadRequest, nil)
			askJSON(t, http.MethodPost, s.Root+"/ingest/replays", `{"adapter":"none"}`, http.StatusNotFound, nil)
		})
	}
}

// TestReplay_Killed kills the server while a replay writes: it goes on at the next start,
// each frame is read once, and nothing is there twice.
func TestReplay_Killed(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			putTemplate(t, dir, scale(1))
			p := spawn.Start(t, open(t), "--templates", dir)
			root := func() string { return strings.TrimSuffix(p.Base, "/fhir") }
			wear(t, p.Base, root())
			const n = 150
			for i := range n {
				if status, answer := postWeight(root(), i); status != http.StatusCreated {
					t.Fatal(status, answer)
				}
			}
			putTemplate(t, dir, scale(2))
			inService(t, root(), "2.0.0")
			dry := dryRun(t, root(), `{}`)
			if dry.Counts["changed"] != n {
				t.Fatalf("%+v", dry)
			}
			var run replayed
			askJSON(t, http.MethodPost, root()+"/ingest/replays/"+dry.ID+"/apply", `{}`, http.StatusCreated, &run)
			time.Sleep(60 * time.Millisecond)
			p.Kill(t)
			p.Restart(t)
			done := endedReplay(t, root(), run.ID)
			if done.State != "done" || done.Counts["frames"] != n || done.Counts["changed"] != n || done.Counts["new"] != n {
				t.Errorf("%+v", done)
			}
			weights := storedOf(t, p.Base, "29463-7")
			for id, text := range weights {
				if !strings.Contains(text, " kg ") {
					t.Errorf("%s: %s", id, text)
				}
			}
			if fat := storedOf(t, p.Base, "41982-0"); len(weights) != n || len(fat) != n {
				t.Errorf("%d weights, %d of fat", len(weights), len(fat))
			}
		})
	}
}
