package interaction

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"

	"vitalwire/server/store"
)

// Sealer encrypts cursors (AES-256-GCM) and binds each to the search it belongs
// to, so that a client can neither read nor change nor transplant one.
type Sealer struct {
	aead cipher.AEAD
	// to says whom the cursors are for; nil is nobody in particular.
	to func() string
}

// For is the sealer whose cursors are of use to one caller only.
func (s *Sealer) For(caller func() string) *Sealer {
	if s == nil {
		return nil
	}
	return &Sealer{s.aead, caller}
}

func (s *Sealer) label(bound string) []byte {
	if s.to != nil {
		bound = s.to() + "\n" + bound
	}
	return []byte(bound)
}

// OpenSealer makes the sealer from the key kept in the store, which is made
// there the first time: links stay good over restarts and on every server of
// one database.
func OpenSealer(ctx context.Context, s store.Store) (*Sealer, error) {
	var key []byte
	err := s.Update(ctx, func(tx store.Tx) error {
		kept, ok, err := tx.Record("server", "cursor-key")
		if err != nil || ok {
			key = kept
			return err
		}
		key = make([]byte, 32)
		rand.Read(key)
		return tx.PutRecord(store.RecordWrite{Collection: "server", Key: "cursor-key", Value: key})
	})
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead: aead}, err
}

// Seal gives URL-safe text for a cursor of the search `bound`.
func (s *Sealer) Seal(cursor any, bound string) (string, error) {
	plain, err := json.Marshal(cursor)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, plain, s.label(bound))), nil
}

// Open reads what Seal wrote for the same search into cursor.
func (s *Sealer) Open(sealed, bound string, cursor any) error {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return err
	}
	n := s.aead.NonceSize()
	if len(data) < n {
		return errors.New("cursor is cut short")
	}
	plain, err := s.aead.Open(nil, data[:n], data[n:], s.label(bound))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, cursor)
}
