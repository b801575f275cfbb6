package server_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vitalwire/internal/judge"
	"vitalwire/server"
)

// masksAll bind whoever asks; the second by a label, the third not under a broken glass.
const masksAll = `{"obligations":[
	{"mask":["Patient.telecom","Patient.address.line","Patient.birthDate","Observation.note","Composition.section.title","Observation.device"]},
	{"labels":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"mask":["Condition.note","Condition.abatement[x]"]},
	{"unless":{"purposes":["BTG"]},"mask":["Encounter.text.div","Patient.maritalStatus"]}]}`

// TestD6_MaskedAndHidden: Consents and obligations at once, in random worlds. What a Consent
// hides is as though it never was, and of what it shows nobody is told what is masked: by no
// path, no search (403), and no write, which also takes nothing away. A search and the check
// in memory never disagree (500).
//
// VITALWIRE_SEED repeats a run, VITALWIRE_WORLDS asks of more worlds.
func TestD6_MaskedAndHidden_L28_L41(t *testing.T) {
	seed, worlds := variable(t, "VITALWIRE_SEED", rand.Uint64()), variable(t, "VITALWIRE_WORLDS", 1)
	t.Logf("VITALWIRE_SEED=%d", seed)
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range worlds {
				if !t.Failed() {
					maskedAndHidden(t, open, seed+n)
				}
			}
		})
	}
}

func maskedAndHidden(t *testing.T, open func(testing.TB) string, seed uint64) {
	t.Helper()
	g := rand.New(rand.NewPCG(seed, 11))
	var v *view
	for try := uint64(0); v == nil; try++ {
		scene := secretScene(seed + try<<32)
		for _, r := range scene.Resources {
			if r["resourceType"] == "Condition" && calledR(r) {
				r["note"], r["abatementString"] = []any{judge.Resource{"text": secretWord}}, secretWord
			}
		}
		if v = telling(scene, g); v != nil && len(v.secret()) < 4 {
			v = nil // who sees next to nothing that is masked
		}
	}
	file := filepath.Join(t.TempDir(), "obligations.json")
	if err := os.WriteFile(file, []byte(masksAll), 0o600); err != nil {
		t.Fatal(err)
	}
	masks := func(c *server.Config) { c.Obligations = file }
	with, without := consentServer(t, open(t), v.scene.Options, masks), consentServer(t, open(t), v.scene.Options, masks)
	v.fill(t, with.root, true)
	v.fill(t, without.root, false)
	one, other := with.as(t, v.by), without.as(t, v.by)
	v.exactly(t, one)

	reads, writes := probesOf(v.scene, g, slices.Concat(pickSome(g, v.hidden, 3), pickSome(g, v.seen, 3), v.goneKeys()), 100)
	g.Shuffle(len(reads), func(i, j int) { reads[i], reads[j] = reads[j], reads[i] })
	g.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	asked := slices.Concat(reads[:min(len(reads), int(variable(t, "VITALWIRE_ASKED", 90)))], writes[:min(len(writes), 30)])
	told, refused, masked := 0, 0, 0
	for _, p := range asked {
		write := p.method != "GET" && p.method != "HEAD" && !strings.HasSuffix(p.path, "/_search")
		if write {
			p.header = append(slices.Clone(p.header), "Prefer", "return=representation")
		}
		a, b := toldWhole(t, one, p), toldWhole(t, other, p)
		switch {
		case a != b:
			t.Errorf("VITALWIRE_SEED=%d, %+v, %v: %s %s %.300s %v:\nwith:    %.1500s\nwithout: %.1500s\nhidden: %v", seed, v.by, v.scene.Options, p.method, p.path, p.body, p.header, a, b, v.hidden)
		case tellsSecret(a) || strings.HasPrefix(a, "500"):
			t.Errorf("VITALWIRE_SEED=%d, %+v: %s %s %.300s %v: %.3000s", seed, v.by, p.method, p.path, p.body, p.header, a)
		}
		if t.Failed() {
			return
		}
		if strings.HasPrefix(a, "403") {
			refused++
		}
		if strings.Contains(a, `"MASKED"`) {
			masked++
		}
		if !write && strings.HasPrefix(a, "200") {
			told++
		}
	}
	for _, path := range []string{"/Patient?birthdate=1923-04-05", "/Patient?_sort=birthdate", "/Observation?subject:Patient.phone=" + secretWord, "/Practitioner?_has:Patient:general-practitioner:birthdate=lt1950", "/Observation?_include=Observation:device", "/?_content=" + secretWord} {
		if a := toldWhole(t, one, get(path)); !strings.HasPrefix(a, "403") {
			t.Errorf("VITALWIRE_SEED=%d, %+v: %s: %.300s", seed, v.by, path, a)
		}
	}
	if masked == 0 {
		t.Errorf("VITALWIRE_SEED=%d, %+v: no answer was masked", seed, v.by)
	}
	writtenBack(t, v, with, one, seed)
	t.Logf("seed %d: %d hidden, %d seen; of %d answers %d read, %d with masks, %d refused", seed, len(v.hidden), len(v.seen), len(asked), told, masked, refused)
}

// writtenBack: what is masked stays what it was, whatever is done to it; and what was tried
// before has taken nothing away.
func writtenBack(t *testing.T, v *view, with bound, one asker, seed uint64) {
	t.Helper()
	for _, r := range v.scene.Resources {
		key := judge.Key(r)
		if !tellsSecret(encoded(r)) {
			continue
		}
		status, _, whole := with.root.ask(t, "GET", "/"+key, "")
		if status == 410 {
			continue // a random write deleted it, which is no masked view
		}
		if !tellsSecret(whole) {
			t.Errorf("VITALWIRE_SEED=%d: a write took what is masked from %s: %.600s", seed, key, whole)
		}
		bare := encoded(judge.Resource{"resourceType": r["resourceType"], "id": r["id"], "active": true})
		told, _, _ := one.ask(t, "GET", "/"+key, "")
		for _, w := range []probe{
			{"PUT", "/" + key, bare, nil}, {"PUT", "/" + key, encoded(r), nil},
			{"PATCH", "/" + key, `[{"op":"test","path":"/birthDate","value":"` + secretDate + `"}]`, []string{"Content-Type", "application/json-patch+json"}},
		} {
			status, _, answer := one.ask(t, w.method, w.path, w.body, w.header...)
			if told == 200 && status != 403 || status < 400 || tellsSecret(answer) {
				t.Errorf("VITALWIRE_SEED=%d, %+v: %s %s is %d: %.600s", seed, v.by, w.method, w.path, status, answer)
			}
		}
		if _, _, now := with.root.ask(t, "GET", "/"+key, ""); normal(now) != normal(whole) {
			t.Errorf("VITALWIRE_SEED=%d: %s is now %.600s", seed, key, now)
		}
	}
}

// secret are the keys of what is seen and has something to mask.
func (v *view) secret() (keys []string) {
	for _, r := range v.scene.Resources {
		if tellsSecret(encoded(r)) && slices.Contains(v.seen, judge.Key(r)) {
			keys = append(keys, judge.Key(r))
		}
	}
	return keys
}

// calledR reports whether the author of a resource calls it R or V.
func calledR(r judge.Resource) bool {
	meta, _ := r["meta"].(judge.Resource)
	list, _ := meta["security"].([]any)
	return slices.ContainsFunc(list, func(one any) bool {
		c, _ := one.(judge.Resource)
		return c["code"] == "R" || c["code"] == "V"
	})
}
