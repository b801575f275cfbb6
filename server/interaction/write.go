package interaction

import (
	"bytes"

	"vitalwire/fhir"
	"vitalwire/server/store"
)

// NewWrite makes the write of a resource under a key: its canonical body and its shard.
func NewWrite(op store.Op, key fhir.Key, r *fhir.Resource) store.Write {
	stored := r.WithIdentity(key.ID)
	return store.Write{Op: op, Key: key, Body: stored.JSON(), Resource: stored, Shard: shard(key, stored)}
}

// newWrite is NewWrite with what the engine knows: absolute references to this
// server become relative.
func (e *Engine) newWrite(op store.Op, key fhir.Key, r *fhir.Resource) store.Write {
	write := NewWrite(op, key, r)
	if bytes.Contains(write.Body, []byte(`"reference":"`+e.Base+`/`)) {
		e.localise(r.Root())
		write = NewWrite(op, key, r)
	}
	return write
}

// shard is the hash of the patient a resource belongs to, else of its own key:
// what one patient's page needs lies together (design.md section 6).
func shard(key fhir.Key, r *fhir.Resource) int64 {
	owner := key
	if key.Type != "Patient" {
		for _, element := range []string{"subject", "patient"} {
			ref := fhir.ParseReference(r.Path(element, "reference").Text())
			if ref.Base == "" && ref.Key.Type == "Patient" {
				owner = ref.Key
				break
			}
		}
	}
	return store.Shard(owner)
}
