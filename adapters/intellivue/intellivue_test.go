package intellivue

import (
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
