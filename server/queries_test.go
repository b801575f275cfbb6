package server_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vitalwire/auth"
	"vitalwire/server"
)

// gateway is a sender by MLLP.
type gateway struct {
	net.Conn
	in *bufio.Reader
}

func gatewayOf(t *testing.T, c net.Conn, err error) gateway {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return gateway{c, bufio.NewReader(c)}
}

// ask sends a message of lines and gives the segments of the answer but for what differs
// every time: MSH-7 and MSH-10.
func (g gateway) ask(t *testing.T, lines ...string) string {
	t.Helper()
	if _, err := g.Write([]byte("\x0B" + strings.Join(lines, "\r") + "\r\x1C\r")); err != nil {
		t.Fatal(err)
	}
	text, err := g.in.ReadString(0x1C)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = g.in.ReadByte()
	text = strings.ReplaceAll(strings.Trim(text, "\x0B\x1C\r"), "\r", "\n")
	return regexp.MustCompile(`^(MSH(?:\|[^|\n]*){5}\|)[^|]*(\|\|[^|]*\|)[^|]*`).ReplaceAllString(text, "$1$2")
}

const (
	qryA19 = `MSH|^~\&|Mindray|Gateway|||20260101120000||QRY^A19|3|P|2.3.1`
	qryR02 = `MSH|^~\&||KC575235977G|||20260101120000.000+0800||QRY^R02|20260101120000.0002|P|2.6`
	qbpQ22 = `MSH|^~\&|PUMP|4W|||20260101120000||QBP^Q22^QBP_Q21|q1|P|2.5`
)

// patients of the hospital, and what was measured.
var hospital = []string{
	`{"resourceType":"Patient","id":"rita","identifier":[{"system":"urn:oid:1.2.276.0.76","value":"551203"},{"system":"http://hosp.example.org/mrn","value":"12345","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]}}],` +
		`"name":[{"use":"old","family":"Smith"},{"use":"official","family":"Roe & Søn","given":["Rita","M"],"prefix":["Dr"]}],"birthDate":"1980-01-15","gender":"female","address":[{"city":"Secret"}],"telecom":[{"system":"phone","value":"Secret"}]}`,
	`{"resourceType":"Patient","id":"hidden","identifier":[{"system":"http://hosp.example.org/mrn","value":"777"}],"name":[{"family":"Roe","given":["Hidden"]}],"birthDate":"1981-02-03"}`,
	`{"resourceType":"Patient","id":"twin1","identifier":[{"system":"http://a.example.org","value":"42"}],"name":[{"family":"Twin"}]}`,
	`{"resourceType":"Patient","id":"twin2","identifier":[{"system":"http://b.example.org","value":"42"}],"name":[{"family":"Twin"}]}`,
	`{"resourceType":"Patient","id":"left","active":false,"identifier":[{"system":"http://hosp.example.org/mrn","value":"900"}],"name":[{"family":"Left"}]}`,
	`{"resourceType":"Observation","id":"bp","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"},{"system":"urn:iso:std:iso:11073:10101","code":"150020","display":"MDC_PRESS_BLD_NONINV"}]},"subject":{"reference":"Patient/rita"},"effectiveDateTime":"2026-01-01T10:15:00.25+01:00",` +
		`"component":[{"code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"150021"}]},"valueQuantity":{"value":120.0,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"150022"}]},"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"error"}]}}]}`,
	`{"resourceType":"Observation","id":"glu","status":"corrected","code":{"text":"Glucose | fasting"},"subject":{"reference":"Patient/rita"},"effectiveDateTime":"2025-12-01","valueQuantity":{"value":40,"comparator":"<","unit":"mg/dL"}}`,
	`{"resourceType":"Observation","id":"wrong","status":"entered-in-error","code":{"text":"wrong"},"subject":{"reference":"Patient/rita"},"effectiveDateTime":"2026-01-02"}`,
	`{"resourceType":"Observation","id":"other","status":"final","code":{"text":"other"},"subject":{"reference":"Patient/hidden"},"effectiveDateTime":"2026-01-01","valueString":"secret"}`,
}

// TestHL7Queries_OfAListedSender asks what monitors ask (HL7 2.6, 3.3.19, 3.3.57 and 5.10)
// of a server where Consents let the asker see some patients.
func TestHL7Queries_OfAListedSender(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			s := start(t, store, consenting, func(c *server.Config) {
				c.MLLP, c.MLLPQueries = "127.0.0.1:0", map[string]string{"127.0.0.1": "gw"}
				c.Authorities = map[string]string{"HOSP": "http://hosp.example.org/mrn"}
			})
			root := asker{s.Base, command(t, store, "token", "--scope", "system/*.cruds")}
			for _, body := range hospital {
				root.put(t, body)
			}
			root.put(t, consentOf("c", "hidden", `{"type":"deny"}`))
			if err := s.Register(t.Context(), auth.Client{ID: "gw", Scope: "system/Patient.rs system/Observation.rs"}); err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", s.MLLP)
			g := gatewayOf(t, c, err)
			const rita = `PID|1||12345^^^HOSP^MR~551203^^^&1.2.276.0.76&ISO||Roe \T\ Søn^Rita^M^^Dr^^L||19800115|F`
			for _, q := range []struct{ what, query, want string }{
				{"Mindray's words", qryA19 + "\nQRD|20260101120000|D|D|1|||1^RD|12345|^DEM|^MindrayGateway",
					"MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1||||||UNICODE UTF-8\nMSA|AA|3\nQAK|1|OK\nQRD|20260101120000|D|D|1|||1^RD|12345|^DEM|^MindrayGateway\n" + rita},
				{"nobody", qryA19 + "\nQRD|20260101120000|D|D|1|||1^RD|0815|^DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1\nMSA|AA|3\nQAK|1|NF\nQRD|20260101120000|D|D|1|||1^RD|0815|^DEM"},
				{"one whom a Consent hides", qryA19 + "\nQRD|20260101120000|D|D|1|||1^RD|777|^DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1\nMSA|AA|3\nQAK|1|NF\nQRD|20260101120000|D|D|1|||1^RD|777|^DEM"},
				{"one who is no longer", qryA19 + "\nQRD|20260101120000|D|D|1|||1^RD|900|^DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1\nMSA|AA|3\nQAK|1|NF\nQRD|20260101120000|D|D|1|||1^RD|900|^DEM"},
				{"an old version has no QAK", strings.Replace(qryA19, "2.3.1", "2.2", 1) + "\nQRD|20260101120000|D|D|1|||1^RD|777|^DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19||P|2.2\nMSA|AE|3\nQRD|20260101120000|D|D|1|||1^RD|777|^DEM"},
				{"two of one number", qryA19 + "\nQRD|20260101120000|R|I|1|||1^RD|42|DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1\nMSA|AE|3\nERR\nQAK|1|AE\nQRD|20260101120000|R|I|1|||1^RD|42|DEM"},
				{"nobody is asked for", qryA19 + "\nQRD|20260101120000|R|I|1|||1^RD||DEM", "MSH|^~\\&|||Mindray|Gateway|||ADR^A19^ADR_A19||P|2.3.1\nMSA|AE|3\nERR|QRD^1^8\nQAK|1|AE\nQRD|20260101120000|R|I|1|||1^RD||DEM"},
				{"Comen's words", qryR02 + "\nQRD|20260101120000.000+0800|R|I|Q101||||12345|RES\nPID|||12345||UNKNOWN^PATIENT\nPV1||I|^^&24\nQRF|MON||||3232235520&0^5^1^0",
					"MSH|^~\\&||||KC575235977G|||ORF^R04^ORF_R04||P|2.6||||||UNICODE UTF-8\nMSA|AA|20260101120000.0002\nQAK|Q101|OK\nQRD|20260101120000.000+0800|R|I|Q101||||12345|RES\nQRF|MON||||3232235520&0^5^1^0\n" + rita +
						"\nOBR|1||bp|150020^MDC_PRESS_BLD_NONINV^MDC^85354-9^^LN|||20260101101500.25+0100||||||||||||||||||F\nOBX|1|NM|150021^^MDC||120.0|mm[Hg]^mmHg^UCUM|||||F|||20260101101500.25+0100\nOBX|2||150022^^MDC||||||||X|||20260101101500.25+0100" +
						"\nOBR|2||glu|^Glucose \\F\\ fasting|||20251201||||||||||||||||||C\nOBX|1|SN|^Glucose \\F\\ fasting||<^40|^mg/dL|||||C|||20251201"},
				{"the newest of a time", qryR02 + "\nQRD|20260101120000|R|I|Q101|||1^RD|551203^^^^^^^^HOSP&1.2.276.0.76&ISO|RES\nQRF|MON|20251101|20251231", "MSH|^~\\&||||KC575235977G|||ORF^R04^ORF_R04||P|2.6||||||UNICODE UTF-8\nMSA|AA|20260101120000.0002\nQAK|Q101|OK\nQRD|20260101120000|R|I|Q101|||1^RD|551203^^^^^^^^HOSP&1.2.276.0.76&ISO|RES\nQRF|MON|20251101|20251231\n" +
					strings.Replace(rita, "12345^^^HOSP^MR~551203^^^&1.2.276.0.76&ISO", "551203^^^&1.2.276.0.76&ISO~12345^^^HOSP^MR", 1) + "\nOBR|1||glu|^Glucose \\F\\ fasting|||20251201||||||||||||||||||C\nOBX|1|SN|^Glucose \\F\\ fasting||<^40|^mg/dL|||||C|||20251201"},
				{"results of one who is hidden", qryR02 + "\nQRD|20260101120000|R|I|Q101||||777|RES", "MSH|^~\\&||||KC575235977G|||ORF^R04^ORF_R04||P|2.6\nMSA|AA|20260101120000.0002\nQAK|Q101|NF\nQRD|20260101120000|R|I|Q101||||777|RES"},
				{"PDQ by name", qbpQ22 + "\nQPD|IHE PDQ Query|t7|@PID.5.1.1^ROE*~@PID.5.2^Rita~@PID.8^F\nRCP|I|10^RD", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5||||||UNICODE UTF-8\nMSA|AA|q1\nQAK|t7|OK||1|1|0\nQPD|IHE PDQ Query|t7|@PID.5.1.1^ROE*~@PID.5.2^Rita~@PID.8^F\n" + strings.Replace(rita, "12345^^^HOSP^MR~551203^^^&1.2.276.0.76&ISO", "551203^^^&1.2.276.0.76&ISO~12345^^^HOSP^MR", 1)},
				{"PDQ by id and of one domain", qbpQ22 + "\nQPD|IHE PDQ Query|t8|@PID.3.1^12345~@PID.3.4.1^HOSP~@PID.7.1^19800115|||||^^^HOSP\nRCP|I|10^RD", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5||||||UNICODE UTF-8\nMSA|AA|q1\nQAK|t8|OK||1|1|0\nQPD|IHE PDQ Query|t8|@PID.3.1^12345~@PID.3.4.1^HOSP~@PID.7.1^19800115|||||^^^HOSP\n" + strings.Replace(rita, "~551203^^^&1.2.276.0.76&ISO", "", 1)},
				{"PDQ of more than are wanted", qbpQ22 + "\nQPD|IHE PDQ Query|t9|@PID.5.1^Twin\nRCP|I|1^RD", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5\nMSA|AA|q1\nQAK|t9|OK||2|1|1\nQPD|IHE PDQ Query|t9|@PID.5.1^Twin\nPID|1||42^^^&http://a.example.org&URI||Twin^^^^^^L"},
				{"PDQ of one whom a Consent hides", qbpQ22 + "\nQPD|IHE PDQ Query|t1|@PID.7^19810203\nRCP|I", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5\nMSA|AA|q1\nQAK|t1|NF||0|0|0\nQPD|IHE PDQ Query|t1|@PID.7^19810203"},
				{"PDQ by what is not known", qbpQ22 + "\nQPD|IHE PDQ Query|t2|@PID.5.1^Roe~@PID.18.1^1\nRCP|I", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5\nMSA|AE|q1\nERR||QPD^1^3|103|E||||repetition 2 asks by something that patients are not found by here\nQAK|t2|AE\nQPD|IHE PDQ Query|t2|@PID.5.1^Roe~@PID.18.1^1"},
				{"PDQ of an unknown domain", qbpQ22 + "\nQPD|IHE PDQ Query|t3|@PID.5.1^Roe|||||^^^ELSEWHERE\nRCP|I", "MSH|^~\\&|||PUMP|4W|||RSP^K22^RSP_K22||P|2.5\nMSA|AE|q1\nERR||QPD^1^8|204|E||||repetition 1 is no domain that is known here\nQAK|t3|AE\nQPD|IHE PDQ Query|t3|@PID.5.1^Roe|||||^^^ELSEWHERE"},
			} {
				if got := g.ask(t, strings.Split(q.query, "\n")...); got != q.want {
					t.Errorf("%s:\n%s\nwant\n%s", q.what, got, q.want)
				}
			}
			// Results by the same connection go on.
			if got := g.ask(t, strings.Split(strings.Trim(pulse(0, 1), "\x0B\x1C\r"), "\r")...); !strings.Contains(got, "MSA|CA|1") {
				t.Errorf("a result: %s", got)
			}
			// What was asked is in the audit log, by whom and of whom.
			officer := asker{s.Base, command(t, store, "token", "--scope", "system/AuditEvent.rs")}
			_, _, events := officer.ask(t, http.MethodGet, "/AuditEvent?_count=200&_sort=-_lastUpdated", "")
			asked := 0
			for _, event := range strings.Split(events, `"fullUrl"`) {
				if strings.Contains(event, `"gw"`) && strings.Contains(event, `"127.0.0.1"`) && strings.Contains(event, "Patient/rita") && strings.Contains(event, "search-type") {
					asked++
				}
			}
			if asked < 5 {
				t.Errorf("%d AuditEvents of queries about her", asked)
			}
			// With less of a scope it is told nothing.
			if err := s.Register(t.Context(), auth.Client{ID: "gw", Scope: "system/Observation.c"}); err != nil {
				t.Fatal(err)
			}
			if got := g.ask(t, qryA19, "QRD|20260101120000|D|D|1|||1^RD|12345|^DEM"); !strings.Contains(got, "MSA|AR|3") || strings.Contains(got, "PID") || !strings.Contains(got, "QAK|1|AR") {
				t.Errorf("without the scope: %s", got)
			}
			if err := s.Register(t.Context(), auth.Client{ID: "gw", Scope: "system/*.rs", Disabled: true}); err != nil {
				t.Fatal(err)
			}
			if got := g.ask(t, qryA19, "QRD|20260101120000|D|D|1|||1^RD|12345|^DEM"); !strings.Contains(got, "MSA|AR|3") || strings.Contains(got, "PID") {
				t.Errorf("of a client that is disabled: %s", got)
			}
		})
	}
}

// TestHL7Queries_NobodyElse asks as whom nobody listed, and as who has no or another's
// certificate: the answer is that of a message that is not read.
func TestHL7Queries_NobodyElse(t *testing.T) {
	question := []string{qryA19, "QRD|20260101120000|D|D|1|||1^RD|12345|^DEM"}
	refused := func(t *testing.T, g gateway) {
		t.Helper()
		if got := g.ask(t, question...); !strings.Contains(got, "ACK^A19") || !strings.Contains(got, "MSA|AR|3") || strings.Contains(got, "PID") {
			t.Error(got)
		}
	}
	for name, queries := range map[string]map[string]string{"by default": nil, "of another address": {"10.1.2.3": "gw"}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, stores["sqlite"](t), func(c *server.Config) { c.MLLP, c.MLLPQueries = "127.0.0.1:0", queries })
			(asker{base: s.Base}).put(t, hospital[0])
			c, err := net.Dial("tcp", s.MLLP)
			refused(t, gatewayOf(t, c, err))
		})
	}
	t.Run("by certificate", func(t *testing.T) {
		ours := newSigner(t)
		cert, key := certificate(t)
		store := stores["sqlite"](t)
		s := start(t, store, required, func(c *server.Config) {
			c.TLSCert, c.TLSKey, c.MLLPClients = cert, key, ours.file(t)
			c.MLLP, c.MLLPQueries = "127.0.0.1:0", map[string]string{"gw7.example.org": "gw"}
		})
		if err := s.Register(t.Context(), auth.Client{ID: "gw", Scope: "system/Patient.rs"}); err != nil {
			t.Fatal(err)
		}
		dial := func(name string) gateway {
			c, err := tls.Dial("tcp", s.MLLP, ours.client(t, name).Transport.(*http.Transport).TLSClientConfig)
			return gatewayOf(t, c, err)
		}
		refused(t, dial("gw8.example.org"))
		if got := dial("gw7.example.org").ask(t, question...); !strings.Contains(got, "ADR^A19") || !strings.Contains(got, "QAK|1|NF") {
			t.Error(got)
		}
	})
	for flags, want := range map[string]server.Bedside{
		"takes --mllp":         {MLLPQueries: map[string]string{"10.0.0.1": "gw"}},
		"set --mllp-client-ca": {MLLP: "127.0.0.1:0", MLLPQueries: map[string]string{"gw.example.org": "gw"}},
		"Set --auth required":  {MLLP: "0.0.0.0:0", MLLPQueries: map[string]string{"10.0.0.1": "gw"}},
		"names no client":      {MLLP: "127.0.0.1:0", MLLPQueries: map[string]string{"10.0.0.1": ""}},
		"a sender is":          {MLLP: "127.0.0.1:0", MLLPQueries: map[string]string{"*": "gw"}},
	} {
		c := server.Config{Listen: "127.0.0.1:0", Store: stores["sqlite"](t), Zone: "UTC", Bedside: want, Auth: "off"}
		if _, err := server.Start(t.Context(), c, nil, nil); err == nil || !strings.Contains(err.Error(), flags) {
			t.Errorf("%s: %v", flags, err)
		}
	}
}
