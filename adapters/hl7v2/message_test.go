package hl7v2

import (
	"errors"
	"strings"
	"testing"
)

const header = `MSH|^~\&|APP^00A1C90000000001^EUI-64|FAC|||20261122120000+0100||ORU^R01^ORU_R01|{42}|P|2.6|||AL|NE||`

func parse(t *testing.T, text string) *Message {
	t.Helper()
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return m
}

func field(t *testing.T, obx5 string) Part {
	t.Helper()
	return parse(t, header+"UNICODE UTF-8\rOBX|1|ST|a||"+obx5+"|x\r").Segments[1].Field(5)
}

func Test2_5_4_DelimitersAreTheMessagesOwn(t *testing.T) {
	m := parse(t, "MSH*%$!@*APP%1*FAC****ORU%R01*7*P*2.6\rOBX*1*NM*a%b@c%d$second*|^~\\&\r")
	if got := m.Segments[0].Field(1).Raw() + m.Segments[0].Field(2).Raw(); got != "*%$!@" {
		t.Error(got)
	}
	if got := m.Segments[0].Field(3).Component(2).Text(); got != "1" {
		t.Error(got)
	}
	f := m.Segments[1].Field(3)
	if f.Component(2).Sub(2).Text() != "c" || len(f.Repetitions()) != 2 || f.Repetitions()[1].Text() != "second" || f.Component(4).Text() != "" {
		t.Errorf("%+v", f.Repetitions())
	}
	if got := m.Segments[1].Field(4).Text(); got != `|^~\&` {
		t.Error(got)
	}
	for name, bad := range map[string]string{"twice the same": `MSH|^^\&|A|`, "one": `MSH|^|A|`, "a letter": `MSHA^~\&AAPP`, "six": `MSH|^~\&#!|A`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func Test2_7_Escapes(t *testing.T) {
	for sent, want := range map[string]string{
		`a\F\b\S\c\T\d\R\e\E\f`: `a|b^c&d~e\f`,
		`\X4142\`:               "AB",
		`gr\XC3BC\n`:            "grün",
		`one\.br\two\.sp+2\end`: "one\ntwo\nend",
		`\H\loud\N\`:            "loud",
		`\.in+4\text`:           "text",
		`\C2842\ascii`:          "ascii",
		`\Zown\ kept`:           `\Zown\ kept`,
		`C:\temp\file`:          `C:\temp\file`,
		`ends with \`:           `ends with \`,
		`\\`:                    `\\`,
		`\X00\`:                 "\uFFFD",
		` padded `:              "padded",
	} {
		if got := field(t, sent).Text(); got != want {
			t.Errorf("%s gives %q, want %q", sent, got, want)
		}
	}
	if !field(t, `""`).Null() || field(t, `""`).Text() != "" || field(t, "").Null() {
		t.Error("the null value is not told from none")
	}
	if !field(t, "^~&").Empty() || field(t, "0").Empty() {
		t.Error("empty")
	}
	for sent, field := range map[string]int{`a|\X4\`: 4, `\C2D47\`: 3, `\M244200\`: 3, `\XA1B\`: 3} {
		_, err := Parse([]byte(header + "ASCII\rOBX|1|ST|" + sent + "\r"))
		var e *Error
		if !errors.As(err, &e) || e.Segment != "OBX" || e.Field != field || e.Sequence != 1 {
			t.Errorf("%s: %v", sent, err)
		}
	}
}

func Test2_15_9_18_CharacterSets(t *testing.T) {
	for set, bytes := range map[string]string{
		"8859/1": "M\xFCller", "UNICODE UTF-8": "Müller", "": "Müller", "unicode": "Müller",
	} {
		m := parse(t, header+set+"\rPID|||1||M"+bytes[1:]+"\r")
		if got := m.Segments[1].Field(5).Text(); got != "Müller" {
			t.Errorf("%q: %q", set, got)
		}
	}
	for set, bytes := range map[string]string{"ASCII": "M\xC3\xBCller", "UNICODE UTF-8": "M\xFCller", "": "M\xFCller"} {
		_, err := Parse([]byte(header + set + "\rPID|||1||" + bytes + "\r"))
		var e *Error
		if !errors.As(err, &e) || e.Segment != "PID" || e.Field != 5 {
			t.Errorf("%q with the wrong bytes: %v", set, err)
		}
	}
	for _, set := range []string{"UNICODE UTF-16", "8859/5", "ISO IR87", "GB 18030-2000", "nonsense"} {
		_, err := Parse([]byte(header + set + "\r"))
		var e *Error
		if !errors.As(err, &e) || e.Segment != "MSH" || e.Field != 18 {
			t.Errorf("%q: %v", set, err)
		}
	}
}

func Test2_5_2_LineEnds(t *testing.T) {
	for name, text := range map[string]string{
		"CR":             header + "\rPID|||1\rPV1||I\r",
		"LF":             header + "\nPID|||1\nPV1||I\n",
		"CR LF":          header + "\r\nPID|||1\r\nPV1||I\r\n",
		"blank lines":    header + "\r\n\r\nPID|||1\r\n\r\nPV1||I",
		"lines before":   "\r\n" + header + "\rPID|||1\rPV1||I",
		"byte order":     "\xEF\xBB\xBF" + header + "\rPID|||1\rPV1||I",
		"no ends at all": header + "UNICODE UTF-8|||IHE_PCD_001^ISO" + "PID|||1PV1||I",
	} {
		m := parse(t, text)
		var names []string
		for _, s := range m.Segments {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != "MSH PID PV1" || m.Segments[1].Field(3).Text() != "1" || m.Glued != (name == "no ends at all") {
			t.Errorf("%s: %v %+v", name, names, m.Segments[1])
		}
	}
	if m := parse(t, header+"\rOBX|1|ST|a||the PID| of\r"); len(m.Segments) != 2 {
		t.Error("text was taken for a segment")
	}
}

func TestParse_Refuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "begins with MSH"},
		"other":            {"PID|||1\r", "begins with MSH"},
		"NUL":              {header + "\rPID|||1\x00\r", "byte 0x00"},
		"a second header":  {header + "\r" + header, "number 2): a message has one MSH"},
		"no segment name":  {header + "\rpid|1", "begins with its name"},
		"no separator":     {header + "\rPID^1", "begins with its name"},
		"too many":         {header + strings.Repeat("\rZ01", MaxSegments), "at most"},
		"too long":         {header + "\rZ01|" + strings.Repeat("a", MaxBytes), "at most"},
		"an unknown frame": {"\x0B" + header, "begins with MSH"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(header + "UNICODE UTF-8\rPID|||1^^^A&1.2&ISO~2||A\\T\\B\rOBX|1|NM|1^2^MDC|1.1.1.1|5\\X41\\|\r"))
	f.Add([]byte("MSH*%$!@*a*b\r\nOBX*1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) || e.Reason == "" {
				t.Fatalf("%#v", err)
			}
			Acknowledge(data, Rejected, &Fault{Code: InternalError, At: e, Text: e.Reason})
			return
		}
		for _, s := range m.Segments {
			for n := range s.Last() + 2 {
				for _, r := range s.Field(n).Repetitions() {
					for _, c := range r.Components() {
						if text := c.Sub(1).Text(); strings.ContainsRune(text, 0) {
							t.Fatalf("%q", text)
						}
					}
				}
			}
		}
		if answer := Acknowledge(data, Accepted, nil); answer != nil {
			if _, err := Parse(answer); err != nil && m.Segments[0].Field(18).Raw() == "" {
				t.Fatalf("%v in the answer %q to %q", err, answer, data)
			}
		}
	})
}
