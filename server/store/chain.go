package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"vitalwire/fhir"
)

// Audited is the type whose versions stand in the chain.
const Audited = "AuditEvent"

// The records of the chain: one head, under ChainHead, and one link under ChainLinks
// for each version, its key by LinkKey and its value Chain.Hash in hex. Once there is a
// head, the store writes them in the commit of the version, whoever wrote it.
const (
	ChainHead  = "audit/chain" // "head": Chain
	ChainLinks = "audit/link"  // position: hash
)

// HeadKey is the key of the one record of ChainHead.
const HeadKey = "head"

// Chain is the end of the hash chain over the versions of AuditEvents, in feed order.
type Chain struct {
	// N versions are in the chain; the last one lies at Position. Of an empty chain,
	// Position is where it begins.
	N        int64 `json:"n"`
	Position int64 `json:"position"`
	// Hash, SHA-256 in hex, is that of the last link.
	Hash string `json:"hash"`
	// ID is random: what lies outside of the database names it by that. Begin and Before
	// never change either: the chain is of what comes after the position
	// Begin; so many versions were there before, which it does not cover.
	ID     string `json:"id"`
	Begin  int64  `json:"begin"`
	Before int64  `json:"before"`
}

// NewChain is a chain that begins after a position.
func NewChain(id string, begin, before int64) Chain {
	sum := sha256.Sum256(fmt.Appendf(nil, "vitalwire audit chain %s %d %d", id, begin, before))
	return Chain{Position: begin, ID: id, Begin: begin, Before: before, Hash: hex.EncodeToString(sum[:])}
}

// ReadChain reads the record of the head.
func ReadChain(value []byte) (c Chain, err error) {
	if err = json.Unmarshal(value, &c); err != nil {
		err = fmt.Errorf("store: the head of the audit chain: %w", err)
	}
	return c, err
}

// Record is what ReadChain reads.
func (c Chain) Record() []byte {
	value, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and a text
	}
	return value
}

// LinkKey is the key of the link of the version at a position; keys are in feed order.
func LinkKey(position int64) string { return fmt.Sprintf("%019d", position) }

// Next is the chain with one more version: its hash is over the hash before it, and
// over all that is kept of the version.
func (c Chain) Next(v Version) Chain {
	body := sha256.Sum256(v.Body)
	h := sha256.New()
	h.Write([]byte(c.Hash))
	var fixed []byte
	for _, n := range []int64{c.N + 1, v.Position, v.VersionID, int64(v.Op)} {
		fixed = binary.BigEndian.AppendUint64(fixed, uint64(n))
	}
	fixed = strconv.AppendBool(fixed, v.Deleted)
	fixed = append(fixed, '\n')
	h.Write(append(append(fixed, v.Key.String()...), '\n'))
	h.Write(body[:])
	c.N, c.Position, c.Hash = c.N+1, v.Position, hex.EncodeToString(h.Sum(nil))
	return c
}

// Shard is the hash of the resource that another belongs to, such as its patient: what
// has the same owner lies together (design.md section 6).
func Shard(owner fhir.Key) int64 {
	h := uint64(14695981039346656037) // FNV-1a, 64 bits
	for _, b := range []byte(owner.String()) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return int64(h >> 48)
}
