package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"vitalwire/adapters/mapping"
	"vitalwire/fhir"
)

// formedParts remembers which resource came of what was told of a part: monitors repeat
// it with every message, and to form the resource again takes longer than to see that
// nothing is new. It holds digests alone, of as many parts as mostFormed.
type formedParts struct {
	mu    sync.Mutex
	parts map[string]formed
}

// mostFormed bounds what is remembered; then all is forgotten.
const mostFormed = 1 << 16

// formed are SHA-256 of what was told of a part and of the resource made of that.
type formed struct{ told, made [sha256.Size]byte }

// hash is the SHA-256 of the resource of a part in hex. resource is the same resource, or
// nil where it was not needed to know that.
func (m *formedParts) hash(part mapping.Part, mds, parent fhir.Key) (hash string, resource *fhir.Resource, err error) {
	text, err := part.Told(mds, parent)
	if err != nil {
		return "", nil, err
	}
	now := formed{told: sha256.Sum256(text)}
	name := part.Identifier.Value
	m.mu.Lock()
	was, known := m.parts[name]
	m.mu.Unlock()
	if known && was.told == now.told {
		return hex.EncodeToString(was.made[:]), nil, nil
	}
	if resource, err = part.Resource(mds, parent); err != nil {
		return "", nil, err
	}
	now.made = sha256.Sum256(resource.JSON())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.parts == nil || len(m.parts) >= mostFormed {
		m.parts = map[string]formed{}
	}
	m.parts[name] = now
	return hex.EncodeToString(now.made[:]), resource, nil
}
