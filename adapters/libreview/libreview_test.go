package libreview_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"reflect"
	"testing"
	"unicode/utf16"

	"vitalwire/adapters"
	"vitalwire/adapters/libreview"
	"vitalwire/internal/golden"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, libreview.Adapter) }

// A file saved by a spreadsheet, in UTF-16 with its byte order mark (RFC 2781 3.2) or in
// UTF-8 with one, says what it says in UTF-8; whole, and cut into parts.
func TestByteOrderMarks(t *testing.T) {
	text, err := os.ReadFile("testdata/french-other-order/in.txt")
	if err != nil {
		t.Fatal(err)
	}
	decode := func(data []byte) adapters.Result {
		t.Helper()
		result, err := libreview.Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: data})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	want := decode(text)
	for name, data := range map[string][]byte{
		"UTF-8": append([]byte("\xEF\xBB\xBF"), text...), "UTF-16LE": wide(text, binary.LittleEndian), "UTF-16BE": wide(text, binary.BigEndian),
	} {
		if found := decode(data); !reflect.DeepEqual(found, want) {
			t.Errorf("%s: %+v, not %+v", name, found, want)
		}
		var parts []byte
		err := libreview.Adapter.Split(bytes.NewReader(data), func(frame []byte) error {
			parts = append(parts, frame...)
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if found := decode(parts); !reflect.DeepEqual(found, want) {
			t.Errorf("%s, split: %+v, not %+v", name, found, want)
		}
	}
	odd := wide(text, binary.LittleEndian)
	if _, err := libreview.Adapter.New(golden.Memory{}).Decode(adapters.Frame{Bytes: odd[:len(odd)-1]}); err != nil {
		t.Errorf("half a character at the end: %v", err)
	}
}

// wide is a text in UTF-16 with its byte order mark.
func wide(text []byte, order binary.ByteOrder) []byte {
	var out bytes.Buffer
	_ = binary.Write(&out, order, utf16.Encode([]rune("\uFEFF"+string(text))))
	return out.Bytes()
}
