package records

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"vitalwire/adapters"
	"vitalwire/adapters/acom"
)

func TestParse_IsStrict(t *testing.T) {
	for _, text := range []string{"", "{", "nul", `{"a":1}{}`, "{\"a\":\"\xFF\"}", `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`,
		strings.Repeat("[", 33) + strings.Repeat("]", 33), `{"b":[{"x":1,"x":1}]}`, `[01]`, `[1.]`, `['a']`} {
		var refused *adapters.Error
		if _, err := Parse([]byte(text)); !errors.As(err, &refused) || refused.Offset > len(text) {
			t.Errorf("%q: %v", text, err)
		}
	}
	many := "{"
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		many += `"` + string(c) + `":0,`
	}
	if _, err := Parse([]byte(many + `"z":1}`)); err == nil {
		t.Error("a member that stands twice among many is read")
	}
}

func TestValue_KeepsTheTextOfNumbers(t *testing.T) {
	doc, err := Parse([]byte(` {"a" : [ 72.60 , "x,]\"" ,null, {"k\u0065y":-0.0} ], "b":{"c":1e2},"e":[],"f":{} } `))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for item := range doc.Get("a").Items() {
		found = append(found, item.Text())
	}
	if want := []string{"72.60", `x,]"`, "", ""}; !slices.Equal(found, want) {
		t.Errorf("%q", found)
	}
	for item := range doc.Get("a").Items() {
		for name, v := range item.Members() {
			if name != "key" || v.Text() != "-0.0" || item.Get("key").At != v.At {
				t.Errorf("%q is %q", name, v.Text())
			}
		}
	}
	if plain, ok := doc.Get("b", "c").Decimal(false); !ok || plain != "100" {
		t.Error(plain)
	}
	for range doc.Get("e").Items() {
		t.Error("an item of nothing")
	}
	if !doc.Get("x", "y").Missing() || doc.Get("b").Missing() {
		t.Error("what is there and what is not")
	}
}

// A decimal keeps its digits; nothing that is no number becomes one.
func TestDecimal(t *testing.T) {
	for text, want := range map[string]string{"72.60": "72.60", "-0.5": "-0.5", "7.26e1": "72.6", "1E-3": "0.001", "0": "0", "25e0": "25", "-1.5e2": "-150"} {
		if got, ok := Decimal(text); !ok || got != want {
			t.Errorf("%s gives %s", text, got)
		}
	}
	for _, text := range []string{"", "-", "+1", ".5", "5.", "01", "1e999", "NaN", "Inf", "Low", "0x10", "1_0", "1,5", " 1", strings.Repeat("1", 41)} {
		if got, ok := Decimal(text); ok {
			t.Errorf("%q gives %s", text, got)
		}
	}
}

func TestShift_IsExact(t *testing.T) {
	for _, c := range []struct {
		plain string
		power int
		want  string
	}{{"74126", -3, "74.126"}, {"1930", -3, "1.930"}, {"0.96", 2, "96"}, {"0.304", 2, "30.4"}, {"5", 2, "500"}, {"-16", -1, "-1.6"}, {"7", -3, "0.007"}, {"0", -2, "0.00"}} {
		if got := Shift(c.plain, c.power); got != c.want {
			t.Errorf("%s by 10^%d is %s, not %s", c.plain, c.power, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"39", "40", -1}, {"40.0", "40", 0}, {"400.1", "400", 1}, {"9", "40", -1}, {"2.10", "2.1", 0}, {"22.2", "22.19", 1}} {
		if got := Compare(c.a, c.b); got != c.want {
			t.Errorf("%s to %s: %d", c.a, c.b, got)
		}
	}
}

// A local time is given an offset only where its zone has exactly one for it.
func TestLocal_AtTheChangesOfSummerTime(t *testing.T) {
	berlin, ok := NamedZone("Europe/Berlin", acom.ZoneUser)
	if !ok {
		t.Fatal("no Europe/Berlin")
	}
	for text, want := range map[string]int{
		"2026-03-29 01:59": 60, "2026-03-29 02:00": -1, "2026-03-29 02:59": -1, "2026-03-29 03:00": 120,
		"2026-10-25 01:59": 120, "2026-10-25 02:00": -1, "2026-10-25 02:59": -1, "2026-10-25 03:00": 60, "2026-07-01 12:00": 120,
	} {
		at, ok := ISO(text, berlin)
		if !ok {
			t.Fatal(text)
		}
		switch o := at.Wall.OffsetMinutes; {
		case want < 0 && (o != nil || at.Zone != acom.ZoneUnknown):
			t.Errorf("%s has an offset", text)
		case want >= 0 && (o == nil || *o != want || at.Zone != acom.ZoneUser):
			t.Errorf("%s: %v", text, o)
		}
	}
}

func TestISO_TakesNoTimeThatIsNone(t *testing.T) {
	for _, text := range []string{"", "2026-02-29T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+15:00", "1900-01-01T00:00:00Z", "2026-01-01T00:00:00.Z"} {
		if _, ok := ISO(text, Zone{}); ok {
			t.Errorf("%q is read", text)
		}
	}
}

func TestEpoch(t *testing.T) {
	at, ok := Epoch(1526285827384, 3, Offset(600, acom.ZoneDevice))
	if !ok || at.Wall.Hour != 18 || at.Wall.Fraction != "384" || *at.Wall.OffsetMinutes != 600 || at.Zone != acom.ZoneDevice {
		t.Errorf("%+v", at.Wall)
	}
	for _, count := range []int64{0, -1, 1 << 62} {
		if _, ok := Epoch(count, 0, Zone{}); ok {
			t.Errorf("%d is a time", count)
		}
	}
}

// Dates as LibreView has them: the day must exist, the order must be known.
func TestDates(t *testing.T) {
	for _, c := range []struct{ text, order, want string }{
		{"06-24-2026 12:00 AM", "mdy", "2026-06-24 00:00"}, {"24/06/2026 08:15:30", "dmy", "2026-06-24 08:15"}, {"2026-06-24 08:15", "mdy", "2026-06-24 08:15"},
		{"13-13-2026 08:00", "mdy", ""}, {"02-29-2025 08:00", "mdy", ""}, {"06-24-2026 13:00 PM", "mdy", ""}, {"06-24-2026", "mdy", ""}, {"06-04-2026 10:00", "", ""}, {"24.06.2026 9:05", "dmy", "2026-06-24 09:05"},
	} {
		at, ok := Dates{Order: c.order}.Read(c.text)
		got := ""
		if ok {
			w := at.Wall
			got = fmt.Sprintf("%04d-%02d-%02d %02d:%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute)
		}
		if got != c.want {
			t.Errorf("%q by %q: %q", c.text, c.order, got)
		}
	}
}

// A long file comes out in parts that each have the header, with no row lost, cut or
// doubled, however its bytes arrive.
func TestSplitTable(t *testing.T) {
	header := "preamble\nwhen,value\n"
	var file strings.Builder
	file.WriteString(header)
	var rows []string
	for n := range 40_000 {
		row := fmt.Sprint(n) + ",\"a \"\"note\"\"\nof two lines\"\n"
		rows = append(rows, row)
		file.WriteString(row)
	}
	split := SplitTable(func(names []string) bool { return slices.Contains(names, "when") })
	for _, r := range []io.Reader{strings.NewReader(file.String()), iotest.HalfReader(strings.NewReader(file.String()))} {
		var all strings.Builder
		parts := 0
		err := split(r, func(part []byte) error {
			rest, ok := strings.CutPrefix(string(part), header)
			if !ok || len(part) > partSize+maxLine {
				t.Fatalf("a part of %d bytes begins %q", len(part), part[:30])
			}
			all.WriteString(rest)
			parts++
			return nil
		})
		if err != nil || all.String() != strings.Join(rows, "") || parts < 5 {
			t.Errorf("%d parts, %d bytes: %v", parts, all.Len(), err)
		}
	}
	if err := split(strings.NewReader("a,b\n1,2\n"), nil); err == nil {
		t.Error("a file without header is split")
	}
}

// Tags are cut where they end, not at a '>' in quotes, comments or a document type.
func TestSplitXML(t *testing.T) {
	const file = `<?xml version="1.0"?><!DOCTYPE R [<!ELEMENT R (a|b)*> <!ENTITY x ">"> ]>
<R k="v>"><!-- <a/> --><a v="1>"/><b><a/></b> <a v='2"'><m>t<![CDATA[</a>]]></m></a><a/></R>
`
	var parts []string
	split := SplitXML("R", func(name string) bool { return name == "a" })
	if err := split(iotest.OneByteReader(strings.NewReader(file)), func(part []byte) error { parts = append(parts, string(part)); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"<R>\n<a v=\"1>\"/>\n<a v='2\"'><m>t<![CDATA[</a>]]></m></a>\n<a/>\n</R>\n"}; !slices.Equal(parts, want) {
		t.Errorf("%q", parts)
	}
	for _, bad := range []string{"", "<Q/>", "<R>", "<R></R></R>", "<R/><R/>", "<R><a", "<R>" + strings.Repeat(" ", maxTag+1) + "</R>", "<R><a " + strings.Repeat(">\"", maxTag)} {
		var refused *adapters.Error
		if err := split(strings.NewReader(bad), func([]byte) error { return nil }); !errors.As(err, &refused) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}
