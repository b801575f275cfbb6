package phd20601

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"vitalwire/adapters"
	"vitalwire/internal/golden"
)

// attempt decodes and checks what must hold for every input: no panic, an
// *adapters.Error inside the frame or a result, and the same twice.
func attempt(t testing.TB, decoder func() adapters.Decoder, frame adapters.Frame) {
	t.Helper()
	start := time.Now()
	result, err := decoder().Decode(frame)
	if spent := time.Since(start); spent > 2*time.Second {
		t.Fatalf("%v for %d bytes", spent, len(frame.Bytes))
	}
	if err != nil {
		var refused *adapters.Error
		if !errors.As(err, &refused) || refused.Reason == "" || refused.Offset < 0 || refused.Offset > len(frame.Bytes) {
			t.Fatalf("error %#v for %X", err, frame.Bytes)
		}
		if result.Reports != nil || result.Reply != nil || result.Remember != nil {
			t.Fatalf("an error and a result for %X", frame.Bytes)
		}
		return
	}
	if again, err := decoder().Decode(frame); err != nil || !reflect.DeepEqual(again, result) {
		t.Fatalf("not the same twice for %X", frame.Bytes)
	}
}

// mutations gives every prefix and every single-bit flip.
func mutations(frame []byte, try func([]byte)) {
	for n := range frame {
		try(frame[:n])
	}
	for i := range len(frame) * 8 {
		flipped := bytes.Clone(frame)
		flipped[i/8] ^= 0x80 >> (i % 8)
		try(flipped)
	}
}

func TestEveryPrefixAndBitFlipOfVectors(t *testing.T) {
	for _, name := range vectorNames(t) {
		if name == "scalars.json" {
			continue
		}
		frame := golden.Hex(t, readVector(t, name).Hex)
		decoder := func() adapters.Decoder { return Adapter.New(nil) }
		if source := configurationOf[name]; source != "" {
			ready := configured(t, source, vectorDevice).(*manager).session
			decoder = func() adapters.Decoder { return &manager{session: ready.clone()} }
		}
		mutations(frame, func(mutant []byte) {
			attempt(t, decoder, adapters.Frame{Bytes: mutant, Device: vectorDevice})
		})
	}
}

func TestEveryPrefixAndBitFlipOfGoldens(t *testing.T) {
	for _, g := range golden.Cases(t, ".") {
		known := golden.Memory{}
		current := &manager{memory: known}
		for _, frame := range g.Frames {
			if g.Fresh {
				current = &manager{memory: known}
			}
			decoder := func() adapters.Decoder { return &manager{memory: known, session: current.session.clone()} }
			mutations(frame.Bytes, func(mutant []byte) {
				mutated := frame
				mutated.Bytes = mutant
				attempt(t, decoder, mutated)
			})
			if result, err := current.Decode(frame); err == nil {
				known.Commit(result.Remember)
			}
		}
	}
}

// TestRefusedFrameLeavesTheDecoder: after any refused mutant the session goes
// on as if nothing had come.
func TestRefusedFrameLeavesTheDecoder(t *testing.T) {
	for _, d := range dialogues {
		decoder := Adapter.New(nil)
		for _, s := range d.steps {
			frame := golden.Hex(t, s.send)
			for i := range frame {
				mutant := bytes.Clone(frame)
				mutant[i] ^= 0xFF
				whole := append(bytes.Clone(frame), mutant...) // the good frame, then a bad one
				m := decoder.(*manager)
				probe := &manager{memory: m.memory, session: m.session.clone()}
				if _, err := probe.Decode(adapters.Frame{Bytes: whole}); err != nil {
					if _, err := m.Decode(adapters.Frame{Bytes: whole}); err == nil {
						t.Fatal("refused once, taken once")
					}
				}
			}
			result, err := decoder.Decode(adapters.Frame{Bytes: frame})
			if err != nil || !bytes.Equal(result.Reply, golden.Hex(t, s.reply)) {
				t.Fatalf("%s, %s: %v, answered %X", d.name, s.name, err, result.Reply)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, g := range golden.Cases(f, ".") {
		var all []byte
		for _, frame := range g.Frames {
			f.Add(frame.Bytes, frame.Device)
			all = append(all, frame.Bytes...)
		}
		f.Add(all, "")
	}
	for _, d := range dialogues {
		var all []byte
		for _, s := range d.steps {
			all = append(all, golden.Hex(f, s.send)...)
		}
		f.Add(all, "")
	}
	f.Fuzz(func(t *testing.T, frame []byte, device string) {
		if len(frame) > 1<<17 {
			return
		}
		attempt(t, func() adapters.Decoder { return Adapter.New(nil) }, adapters.Frame{Bytes: frame, Device: device})
	})
}

// FuzzVectors is FuzzDecode with the shared vectors as seeds, where present.
func FuzzVectors(f *testing.F) {
	for _, name := range vectorNames(f) {
		if name == "scalars.json" {
			continue
		}
		raw, err := hex.DecodeString(readVector(f, name).Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		attempt(t, func() adapters.Decoder { return Adapter.New(nil) }, adapters.Frame{Bytes: frame, Device: vectorDevice})
	})
}
