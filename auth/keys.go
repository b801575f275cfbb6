package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// The algorithms of assertions (SMART 2.2, client-confidential-asymmetric): a
// server does both. Which one a key is for follows from its kind and never from
// what is signed with it.
const (
	rs384 = "RS384"
	es384 = "ES384"
)

// publicKey is a key of a JWK Set (RFC 7517).
type publicKey struct {
	id  string
	alg string
	key crypto.PublicKey
}

// The bounds of a JWK Set: a client has a few keys.
const (
	maxKeys    = 32
	maxKeySet  = 256 << 10
	leastBits  = 2048 // SMART: RSA keys of less are refused
	mostBits   = 8192
	mostExpons = 1<<31 - 1
)

// parseKeys reads the keys of a JWK Set that can verify assertions; others are
// left out. A set without such a key, or with two of one id and kind, is an error.
func parseKeys(data []byte) ([]publicKey, error) {
	var set struct {
		Keys []struct {
			Kind  string   `json:"kty"`
			ID    string   `json:"kid"`
			Use   string   `json:"use"`
			Alg   string   `json:"alg"`
			Ops   []string `json:"key_ops"`
			Curve string   `json:"crv"`
			N     string   `json:"n"`
			E     string   `json:"e"`
			X     string   `json:"x"`
			Y     string   `json:"y"`
			D     string   `json:"d"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("not a JWK Set (RFC 7517)")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("more than %d keys", maxKeys)
	}
	var keys []publicKey
	seen := map[[2]string]bool{}
	for _, k := range set.Keys {
		if k.D != "" {
			return nil, fmt.Errorf("the key %.64q is a private one; register the public one and replace this, as it is known now", k.ID)
		}
		if k.Use != "" && k.Use != "sig" || k.ID == "" {
			continue
		}
		found := publicKey{id: k.ID}
		var err error
		switch {
		case k.Kind == "RSA" && (k.Alg == "" || k.Alg == rs384):
			found.alg = rs384
			found.key, err = rsaKey(k.N, k.E)
		case k.Kind == "EC" && k.Curve == "P-384" && (k.Alg == "" || k.Alg == es384):
			found.alg = es384
			found.key, err = ecKey(k.X, k.Y)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the key %.64q: %w", k.ID, err)
		}
		if pair := [2]string{found.id, found.alg}; seen[pair] {
			return nil, fmt.Errorf("two keys have the kid %.64q", k.ID)
		} else {
			seen[pair] = true
		}
		keys = append(keys, found)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key for RS384 or ES384 with a kid")
	}
	return keys, nil
}

func rsaKey(n, e string) (*rsa.PublicKey, error) {
	modulus, err := number(n)
	if err != nil {
		return nil, err
	}
	exponent, err := number(e)
	if err != nil {
		return nil, err
	}
	switch bits := modulus.BitLen(); {
	case bits < leastBits || bits > mostBits:
		return nil, fmt.Errorf("an RSA key has %d to %d bits, not %d", leastBits, mostBits, bits)
	case !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > mostExpons || exponent.Bit(0) == 0:
		return nil, errors.New("its exponent cannot be one")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func ecKey(x, y string) (*ecdsa.PublicKey, error) {
	const size = 48 // bytes of a coordinate of P-384, always all of them (RFC 7518 §6.2.1.2)
	point := []byte{4}
	for _, text := range []string{x, y} {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(b) != size {
			return nil, errors.New("x and y are 48 bytes each in base64url")
		}
		point = append(point, b...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
	if err != nil {
		return nil, errors.New("not a point of P-384")
	}
	return key, nil
}

func number(text string) (*big.Int, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) == 0 || len(b) > mostBits/8+1 {
		return nil, errors.New("n and e are numbers in base64url")
	}
	return new(big.Int).SetBytes(b), nil
}

// pick is the one key of an id and algorithm.
func pick(keys []publicKey, id, alg string) (publicKey, bool) {
	for _, k := range keys {
		if k.id == id && k.alg == alg {
			return k, true
		}
	}
	return publicKey{}, false
}
