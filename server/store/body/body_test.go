package body

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

const observation = `{"resourceType":"Observation","id":"f001","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}],"text":"Heart rate"},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"2024-05-01T12:00:00Z","valueQuantity":{"value":72,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}`

// TestRoundTrip: every body comes back byte for byte, whatever it is.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for _, plain := range [][]byte{nil, {}, []byte("{}"), []byte(observation), noise, noise[:129], []byte(strings.Repeat(observation, 3000))} {
		codec, packed := Pack(plain)
		back, err := Unpack(codec, packed)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%d bytes in codec %d: %d bytes back, %v", len(plain), codec, len(back), err)
		}
		if len(packed) > len(plain) {
			t.Errorf("%d bytes take %d", len(plain), len(packed))
		}
	}
}

// TestSize: the dictionary knows what resources are made of.
func TestSize(t *testing.T) {
	if codec, packed := Pack([]byte(observation)); codec != Zstd1 || len(packed) > len(observation)/2 {
		t.Fatalf("an Observation of %d bytes takes %d in codec %d", len(observation), len(packed), codec)
	}
}

// TestDamaged: what is cut, changed or of an unknown codec is an error, no panic,
// and never more than the limit.
func TestDamaged(t *testing.T) {
	_, packed := Pack([]byte(observation))
	for i := range packed {
		if back, err := Unpack(Zstd1, packed[:i]); err == nil && i > 0 {
			t.Fatalf("%d of %d bytes give %q", i, len(packed), back)
		}
		changed := bytes.Clone(packed)
		changed[i] ^= 0x55
		if back, err := Unpack(Zstd1, changed); err == nil && len(back) > Limit {
			t.Fatalf("byte %d changed gives %d bytes", i, len(back))
		}
	}
	if _, err := Unpack(7, packed); err == nil {
		t.Fatal("codec 7 is known")
	}
}

func BenchmarkPack(b *testing.B) {
	for b.Loop() {
		Pack([]byte(observation))
	}
}

func BenchmarkUnpack(b *testing.B) {
	_, packed := Pack([]byte(observation))
	for b.Loop() {
		if _, err := Unpack(Zstd1, packed); err != nil {
			b.Fatal(err)
		}
	}
}
