package medibus

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"vitalwire/internal/conformance"
	"vitalwire/internal/golden"
	"vitalwire/internal/shared"
)

func FuzzDecode(f *testing.F) { golden.Fuzz(f, Adapter) }

// The fields of the vectors: a German month, and blanks between sign and digits. The
// digits after the point, which the source of the vector drops, are kept.
func TestVectors_Fields(t *testing.T) {
	const name = "medibus_fields.json"
	var file struct {
		Cases []struct {
			Text   string
			Expect json.RawMessage
		}
	}
	if err := json.Unmarshal(shared.Read(t, "vectors", "serial", name), &file); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, c := range file.Cases {
		expect := strings.Trim(string(c.Expect), `"`)
		found, shown := "", ""
		if w, _ := wallOf("00:00 " + c.Text); w != nil {
			found = fmt.Sprintf("%04d-%02d-%02d", w.Year, w.Month, w.Day)
			shown = found
		} else if n, ok := decimal(c.Text); ok {
			found, _, _ = strings.Cut(n, ".")
			shown = n
		}
		if found != expect {
			t.Errorf("%q is %s, not %s", c.Text, found, expect)
		}
		rows = append(rows, []string{name, c.Text, expect, "as expected: " + shown})
	}
	if len(rows) != 2 {
		t.Errorf("%d cases", len(rows))
	}
	conformance.Table(t, "serial-medibus", "MEDIBUS fields", "`../shared/vectors/serial/"+name+"`, by `adapters/medibus`.", []string{"file", "text", "expected", "result"}, rows)
}

// Dates and times as devices are known to write them, and what is none.
func TestDateTime_AsDevicesWriteIt(t *testing.T) {
	for text, want := range map[string]string{
		" 9:33 7-OCT-14": "2014-10-07 09:33:00 false", " 9:33:00 7-OKT-14": "2014-10-07 09:33:00 true", "09:33:0007-OKT-14": "2014-10-07 09:33:00 true",
		"23:59:59 31-DEZ-79": "2079-12-31 23:59:59 true", "00:00:00 1-MRZ-2026": "2026-03-01 00:00:00 true", "00:00:00 1-JAN-99": "1999-01-01 00:00:00 true",
		"24:00:00 1-JAN-14": "none", "9:33 0-JAN-14": "none", "9:33 1-XYZ-14": "none", "9:33": "none", "": "none", ":": "none", "1:2:3:4 1-JAN-14": "none",
	} {
		found := "none"
		if w, seconds := wallOf(text); w != nil {
			found = fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d %v", w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, seconds)
		}
		if found != want {
			t.Errorf("%q is %s, not %s", text, found, want)
		}
	}
}

func TestDecimal_PaddedFields(t *testing.T) {
	for field, want := range map[string]string{
		" 120": "120", "-  5": "-5", " -  80.5": "-80.5", "007.50": "7.50", "+ 21": "21", "  .5": "0.5",
		"    ": "", "----": "", "****": "", "1 01": "", "- 1 2": "", "5.": "", "LOW ": "", "--5": "",
	} {
		if found, ok := decimal(field); found != want || ok != (want != "") {
			t.Errorf("%q is %q, not %q", field, found, want)
		}
	}
}

// The densest answers there can be cost no more than any frame may.
func TestDecode_DenseAnswersAreBounded(t *testing.T) {
	var frame []byte
	for _, command := range []byte{measured1, measured2} {
		body := []byte{soh, command}
		for code := range 256 {
			body = fmt.Appendf(body, "%02X1.25", code)
		}
		var sum byte
		for _, b := range body {
			sum += b
		}
		frame = append(frame, fmt.Appendf(body, "%02X\r", sum)...)
	}
	spent := golden.Allocated(t, Adapter, frame)
	if limit := uint64(64*len(frame) + 256<<10); spent > limit {
		t.Errorf("%d bytes for a frame of %d, more than %d", spent, len(frame), limit)
	}
}
