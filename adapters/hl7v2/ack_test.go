package hl7v2

import (
	"strings"
	"testing"
)

func asking(accept, application string) []byte {
	return []byte(`MSH|^~\&|MON|WARD|VW|HOSP|20261122120000||ORU^R01^ORU_R01|{b7-3a\T\}|P|2.6|||` + accept + "|" + application + "\rPID|||1\r")
}

func Test2_9_AcknowledgementModes(t *testing.T) {
	for _, c := range []struct {
		accept, application string
		outcome             Outcome
		want                string
	}{
		{"", "", Accepted, "AA"}, {"", "", Faulty, "AE"}, {"", "", Rejected, "AR"},
		{"AL", "NE", Accepted, "CA"}, {"AL", "NE", Faulty, "CE"}, {"AL", "NE", Rejected, "CR"},
		{"AL", "", Accepted, "CA"}, {"NE", "AL", Accepted, "AA"}, {"NE", "AL", Rejected, "AR"}, {"", "AL", Faulty, "AE"},
		{"AL", "AL", Accepted, "AA"}, {"AL", "ER", Accepted, "CA"}, {"AL", "ER", Faulty, "AE"},
		{"NE", "NE", Accepted, ""}, {"NE", "NE", Faulty, ""}, {"ER", "NE", Accepted, ""}, {"ER", "NE", Faulty, "CE"},
		{"SU", "NE", Accepted, "CA"}, {"SU", "NE", Rejected, ""}, {"NE", "SU", Accepted, "AA"}, {"al", "ne", Accepted, "CA"},
	} {
		answer := Acknowledge(asking(c.accept, c.application), c.outcome, nil)
		if c.want == "" {
			if answer != nil {
				t.Errorf("%+v is answered %q", c, answer)
			}
			continue
		}
		m, err := Parse(answer)
		if err != nil {
			t.Fatalf("%+v: %v in %q", c, err, answer)
		}
		msh, msa := m.Segments[0], m.Segments[1]
		if msa.Field(1).Raw() != c.want || msa.Field(2).Raw() != `{b7-3a\T\}` {
			t.Errorf("%+v is answered %q", c, answer)
		}
		if msh.Field(3).Raw() != "VW" || msh.Field(5).Raw() != "MON" || msh.Field(9).Raw() != "ACK^R01" || msh.Field(12).Raw() != "2.6" || msh.Field(10).Empty() {
			t.Errorf("header %q", answer)
		}
	}
}

func TestAcknowledge_TellsTheFault(t *testing.T) {
	fault := &Fault{Code: DataTypeError, At: &Error{Segment: "OBX", Sequence: 3, Field: 5}, Text: "it is | no number ü"}
	answer := string(Acknowledge(asking("AL", "NE"), Faulty, fault))
	if !strings.Contains(answer, "\rERR||OBX^3^5|102|E||||it is \\F\\ no number ?\r") {
		t.Errorf("%q", answer)
	}
	old := strings.Replace(string(asking("", "")), "|2.6", "|2.3.1", 1)
	if answer := string(Acknowledge([]byte(old), Faulty, fault)); !strings.Contains(answer, "\rERR|OBX^3^5\r") || !strings.Contains(answer, "MSA|AE|") {
		t.Errorf("%q", answer)
	}
}

func TestAcknowledge_OfRuins(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "",
		"nonsense":                    "",
		"MSH":                         "MSA|AR|\r",
		"MSH|^~\\&|A|B|||1||ORU^R01":  "MSA|AR|\r",
		"\x0BMSH|^~\\&|A|B|||1||X|17": "MSA|AR|17\r",
	} {
		if answer := string(Acknowledge([]byte(text), Rejected, nil)); want == "" && answer != "" || !strings.HasSuffix(answer, want) {
			t.Errorf("%q is answered %q", text, answer)
		}
	}
}
