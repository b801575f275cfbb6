package intellivue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, Adapter) }

// The checksum and the escapes of the serial line.
func TestVectors_SerialFraming(t *testing.T) {
	const name = "intellivue_fcs.json"
	var file struct {
		Cases []struct{ Payload, Frame string }
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", "serial", name), &file); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, c := range file.Cases {
		noise := append([]byte{0x55, finish}, golden.Hex(t, c.Frame)...)
		list := unframe(append(noise, begin, 0x3A))
		if len(list) != 2 || list[0].err != nil || fmt.Sprintf("%X", list[0].data) != c.Payload || list[1].err == nil {
			t.Errorf("%s: %+v, not %s", c.Frame, list, c.Payload)
		}
		rows = append(rows, []string{name, c.Frame, c.Payload, "as expected"})
	}
	if len(rows) != 2 {
		t.Errorf("%d cases", len(rows))
	}
	conformance.Table(t, "serial-intellivue", "IntelliVue serial framing", "`../shared/vectors/serial/"+name+"`, by `adapters/intellivue`.", []string{"file", "frame", "payload", "result"}, rows)
}

// A frame of the serial line is read as it was written, whatever bytes it has.
func TestFramed_RoundTrip(t *testing.T) {
	body := []byte{begin, finish, escape, 0, 0xFF}
	for i := range 256 {
		body = append(body, byte(i))
	}
	list := unframe(framed(body))
	if len(list) != 1 || list[0].err != nil || string(list[0].data[4:]) != string(body) {
		t.Fatalf("%+v", list)
	}
}

// Compounds of nothing but values, as many as may be, cost no more than any frame may.
func TestDecode_DenseValuesAreBounded(t *testing.T) {
	for _, n := range []int{250, 256, 400, 6000} {
		values := bytes.Repeat([]byte{0x41, 0x82, 0, 0, 0x0A, 0xA0, 0xFF, 0, 0x03, 0x20}, n)
		list := func(count int, body []byte) []byte {
			out := []byte{byte(count >> 8), byte(count), byte(len(body) >> 8), byte(len(body))}
			return append(out, body...)
		}
		value := list(n, values)
		object := append([]byte{0, 1}, list(1, append([]byte{0x09, 0x4B, byte(len(value) >> 8), byte(len(value))}, value...))...)
		reply := append(make([]byte, 20), list(1, append([]byte{0, 0}, list(1, object)...))...)
		result := append([]byte{0, 0x21, 0, 0, 0, 0, 0x0C, 0x16, byte(len(reply) >> 8), byte(len(reply))}, reply...)
		command := append([]byte{0, 1, 0, action, byte(len(result) >> 8), byte(len(result))}, result...)
		frame := append([]byte{0xE1, 0, 0, 2, 0, outcome, byte(len(command) >> 8), byte(len(command))}, command...)
		spent := golden.Allocated(t, Adapter, frame)
		if limit := uint64(64*len(frame) + 256<<10); spent > limit {
			t.Errorf("%d values: %d bytes for a frame of %d, more than %d", n, spent, len(frame), limit)
		}
	}
}
