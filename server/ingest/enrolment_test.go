package ingest_test

import (
	"errors"
	"testing"

	"vitalwire/internal/ward"
	"vitalwire/server/ingest"
)

func refused(err error) bool {
	var declined *ingest.DeclinedError
	return errors.As(err, &declined)
}

// TestRegistration_Policies sends a frame of a new device whose wearer is known.
func TestRegistration_Policies(t *testing.T) {
	for policy, want := range map[ingest.Policy][3]int{ // stored, waiting, refused
		ingest.Open: {1, 0, 0}, ingest.Approve: {0, 1, 0}, ingest.Closed: {0, 0, 1},
	} {
		t.Run(string(policy), func(t *testing.T) {
			s := ward.Open(t)
			s.Registration = policy
			ward.Wear(t, s, ward.Cuff, "a")
			_, err := s.Submit(t.Context(), ward.Pulse(61, 1))
			if policy == ingest.Closed != refused(err) {
				t.Error(err)
			}
			waiting, err := s.Quarantine(t.Context(), "", "", 10)
			if err != nil {
				t.Fatal(err)
			}
			kept, err := s.Refusals(t.Context(), "", 10)
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]int{len(ward.Values(t, s, "8867-4")), len(waiting), len(kept)}; got != want {
				t.Errorf("%v, not %v", got, want)
			}
			// Whatever it was, approving the device makes it stored, once.
			if _, _, _, err := s.Enrol(t.Context(), ingest.Enrolment{Device: ward.Cuff}, false); err != nil {
				t.Fatal(err)
			}
			for _, k := range kept {
				if _, err := s.Replay(t.Context(), k.ID); err != nil {
					t.Error(err)
				}
			}
			if got := ward.Values(t, s, "8867-4"); len(got) != 1 || got["61"] != 1 {
				t.Error(got)
			}
			if waiting, _ := s.Quarantine(t.Context(), "", "", 10); len(waiting) != 0 {
				t.Error(waiting)
			}
		})
	}
}

// TestRegistration_EachSpeaksForItsOwn has senders that proved who they are, and some
// that did not.
func TestRegistration_EachSpeaksForItsOwn(t *testing.T) {
	s := ward.Open(t)
	ward.Wear(t, s, ward.Cuff, "a")
	kept, secret, _, err := s.Enrol(t.Context(), ingest.Enrolment{Device: "00-a1-c9-00-00-00-02-01", Senders: []string{"gw-1", "00-A1-C9-FF-FE-00-F0-01"}}, true)
	if err != nil || kept.Device != ward.Cuff || len(secret) < 40 {
		t.Fatal(kept, secret, err)
	}
	for name, c := range map[string]struct {
		sender, gateway string
		taken           bool
	}{
		"its gateway":                         {"gw-1", "", true},
		"another gateway":                     {"gw-2", "", false},
		"another that names the right one":    {"gw-2", "00A1C9FFFE00F001", false},
		"nobody":                              {"", "", false},
		"a gateway where nobody proves":       {"", "00a1c9fffe00f001", true},
		"another gateway where nobody proves": {"", "00a1c9fffe00f002", false},
		"itself":                              {"device/" + ward.Cuff, "", true},
		"another device":                      {"device/" + ward.Scale, "", false},
	} {
		sub := ward.Pulse(62, 2)
		sub.Sender, sub.Gateway = c.sender, c.gateway
		if _, err := s.Submit(t.Context(), sub); refused(err) == c.taken || err != nil && !refused(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := ward.Pulse(63, 3) // one that nobody enrolled
	other.Device, other.Sender = ward.Scale, "device/"+ward.Cuff
	if _, err := s.Submit(t.Context(), other); !refused(err) {
		t.Error("a device spoke for another:", err)
	}
	for given, want := range map[string]bool{secret: true, secret + "x": false, "": false} {
		if _, ok, err := s.Unlock(t.Context(), "00-a1-c9-00-00-00-02-01", given); ok != want || err != nil {
			t.Error(given, ok, err)
		}
	}
	if _, _, _, err := s.Enrol(t.Context(), ingest.Enrolment{Device: ward.Cuff, State: ingest.Blocked}, false); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := s.Unlock(t.Context(), ward.Cuff, secret); ok {
		t.Error("a blocked device comes in")
	}
	mine := ward.Pulse(64, 4)
	mine.Sender = "device/" + ward.Cuff
	if _, err := s.Submit(t.Context(), mine); !refused(err) {
		t.Error(err)
	}
}

func TestRegistry_ListsWhatWasSeen(t *testing.T) {
	s := ward.Open(t)
	sub := ward.Pulse(65, 5)
	sub.Clock = &ingest.Clock{Device: "2026-11-20T00:00:35", Gateway: "2026-11-20T00:00:05Z"}
	sub.Sender = "gw-1"
	if _, err := s.Submit(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.Enrol(t.Context(), ingest.Enrolment{Device: ward.Scale, State: ingest.Pending}, false); err != nil {
		t.Fatal(err)
	}
	list, err := s.Devices(t.Context(), "", "", 10)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if d := list[0]; d.Device != ward.Cuff || d.Resource == "" || d.LastSeen != "2026-11-20T00:00:05Z" || d.Sender != "gw-1" || d.ClockOffset == nil || *d.ClockOffset != 30 || d.State != "" {
		t.Errorf("%+v", d)
	}
	if d := list[1]; d.Device != ward.Scale || d.Resource != "" || d.State != ingest.Pending {
		t.Errorf("%+v", d)
	}
	if rest, err := s.Devices(t.Context(), "", ward.Cuff, 10); err != nil || len(rest) != 1 {
		t.Error(rest, err)
	}
}
