package server_test

import (
	"testing"

	"vitalwire/auth"
)

// What a device manager may do by the API: the registry, associations, quarantine and refused
// frames, and nothing of what is in a chart, of what runs the server, or by an app that he let
// do less.
func TestDeviceManager_Rights(t *testing.T) {
	const all = "user/Device.cruds user/Observation.cruds"
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			o := laboratory(t, open(t))
			manager := auth.Access{User: "mona", FHIRUser: "Practitioner/mona", Role: auth.DeviceManager, Scopes: auth.ParseScopes(all)}
			token := func(change func(*auth.Access)) asker {
				a := manager
				change(&a)
				return asker{o.Root, as(t, o.Server, a).token}
			}
			mona := token(func(*auth.Access) {})
			for _, c := range []struct {
				method, path, body string
				status             int
			}{
				{"GET", "/ingest/devices", "", 200}, {"GET", "/ingest/associations", "", 200}, {"GET", "/ingest/quarantine", "", 200},
				{"GET", "/ingest/refused", "", 200}, {"GET", "/ingest/unknown-codes", "", 200},
				{"POST", "/ingest/devices", `{"device":"00A1C90000000905","state":"approved"}`, 200},
				{"POST", "/ingest/associations", `{"device":"00A1C90000000903","patient":"Patient/anna","start":"2026-11-19T00:00:00Z"}`, 201},
				{"POST", "/ingest/refused/redrive", `{"dryRun":true}`, 200}, {"POST", "/ingest/quarantine/release", `{}`, 200},
				{"GET", "/ingest/frames", "", 403}, {"GET", "/ingest/replays", "", 403}, {"POST", "/ingest/replays", `{}`, 403},
				{"GET", "/admin/clients", "", 403}, {"GET", "/admin/packages", "", 403}, {"POST", "/ingest/devicesx", `{}`, 403},
				{"POST", "/ingest/blegatt", `{"deviceId":"00A1C90000000903","receivedAt":"2026-11-20T00:00:00Z","characteristic":"2A37","hex":"003C"}`, 403},
			} {
				status, _, answer := mona.ask(t, c.method, c.path, c.body, "Content-Type", "application/json")
				if status != c.status {
					t.Errorf("%s %s: %d %.300s", c.method, c.path, status, answer)
				}
			}
			if status, _, answer := (asker{o.Base, mona.token}).ask(t, "GET", "/Observation?patient=anna", ""); status != 403 {
				t.Errorf("the chart of a patient: %d %.300s", status, answer)
			}
			for what, who := range map[string]asker{
				"an app with less": token(func(a *auth.Access) { a.Scopes = auth.ParseScopes("user/Device.cruds user/Observation.rs") }),
				"an app with a part": token(func(a *auth.Access) {
					a.Scopes = auth.ParseScopes("user/Device.cruds user/Observation.cruds?category=laboratory")
				}),
				"a practitioner":           token(func(a *auth.Access) { a.User, a.FHIRUser, a.Role = "dora", "Practitioner/dora", auth.Practitioner }),
				"nobody who has signed in": token(func(a *auth.Access) { a.User = "" }),
			} {
				for _, path := range []string{"/ingest/quarantine", "/ingest/refused", "/ingest/devices"} {
					if status, _, answer := who.ask(t, "GET", path, ""); status != 403 {
						t.Errorf("%s, %s: %d %.200s", what, path, status, answer)
					}
				}
			}
		})
	}
}
