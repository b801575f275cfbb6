package consents

import (
	"slices"
	"strconv"
	"time"

	"vitalwire/auth"
	"vitalwire/auth/consent"
	"vitalwire/fhir"
	"vitalwire/server/store"
)

// InForce gives the Consents of patients that were in force for some purposes at a time,
// as references with their versions: those that were known up to a position
// (Ruling.Known), whatever was written since. A patient without any is not in it.
func (b *Book) InForce(r store.Reader, patients []string, known int64, at time.Time, purposes []string) (map[string][]string, error) {
	by := consent.Requester{Now: at}
	for _, purpose := range purposes {
		system, code := auth.PurposeCode(purpose)
		by.Purposes = append(by.Purposes, consent.Coding{System: system, Code: code})
	}
	found, err := b.asOf(r, patients, known)
	if err != nil {
		return nil, err
	}
	in := map[string][]string{}
	for patient, said := range found {
		for _, p := range consent.Decide(said.policies, by, b.Codes, b.Options).Policies {
			if i := slices.Index(said.policies, p); i >= 0 {
				in[patient] = append(in[patient], said.references[i])
			}
		}
	}
	return in, nil
}

// Bounds of what InForce keeps, and of what it looks at that was written since.
const (
	mostAsked   = 4096
	mostChanged = 500
)

// asOf are the Consents of patients as of a position. They are kept while the position
// is the same one.
func (b *Book) asOf(r store.Reader, patients []string, known int64) (map[string]*saying, error) {
	found := map[string]*saying{}
	var missing []string
	b.askedMu.Lock()
	if b.asked == nil || b.askedAt != known || len(b.asked) > mostAsked {
		b.askedAt, b.asked = known, map[string]*saying{}
	}
	for _, id := range patients {
		if said, ok := b.asked[id]; ok {
			found[id] = said
		} else {
			missing = append(missing, id)
		}
	}
	b.askedMu.Unlock()
	for some := range slices.Chunk(missing, readAtOnce) {
		now, err := b.of(r, some)
		if err == nil {
			err = b.since(r, now, some, known)
		}
		if err != nil {
			return nil, err
		}
		b.askedMu.Lock()
		for _, id := range some {
			if now[id] == nil {
				now[id] = &saying{}
			}
			found[id] = now[id]
			if b.askedAt == known {
				b.asked[id] = now[id]
			}
		}
		b.askedMu.Unlock()
	}
	return found, nil
}

// since puts what patients say back to a position.
func (b *Book) since(r store.Reader, found map[string]*saying, patients []string, known int64) error {
	changed, err := r.Versions(store.Selection{Type: "Consent", Above: known, Oldest: true}, mostChanged)
	if err != nil {
		return err
	}
	back := map[fhir.Key]bool{}
	for _, v := range changed {
		if back[v.Key] {
			continue
		}
		back[v.Key] = true
		for _, said := range found {
			said.without(v.Key)
		}
		if v.VersionID == 1 {
			continue
		}
		was, err := r.ReadVersion(v.Key, v.VersionID-1)
		if err != nil || was.Deleted {
			if fhir.SituationOf(err) == fhir.SituationNotFound {
				err = nil // removed for ever
			}
			if err != nil {
				return err
			}
			continue
		}
		before := map[string]*saying{}
		if err := b.note(before, was); err != nil {
			return err
		}
		for patient, said := range before {
			if !slices.Contains(patients, patient) {
				continue
			}
			if found[patient] == nil {
				found[patient] = &saying{}
			}
			found[patient].policies = append(found[patient].policies, said.policies...)
			found[patient].references = append(found[patient].references, said.references...)
		}
	}
	return nil
}

// without takes a Consent away.
func (s *saying) without(key fhir.Key) {
	for i := len(s.policies) - 1; i >= 0; i-- {
		if s.policies[i].Key == key {
			s.policies = slices.Delete(s.policies, i, i+1)
			s.references = slices.Delete(s.references, i, i+1)
		}
	}
}

func reference(v store.Version) string {
	return v.Key.String() + "/_history/" + strconv.FormatInt(v.VersionID, 10)
}
