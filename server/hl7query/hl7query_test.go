package hl7query

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"vitalwire/adapters/hl7v2"
	"vitalwire/internal/shared"
)

func answerer() *Answerer {
	return &Answerer{Zone: time.UTC, Now: func() time.Time { return time.Unix(0, 0) }, Log: slog.New(slog.DiscardHandler), Authorities: map[string]string{"HOSP": "http://hosp.example.org/mrn"}}
}

// The queries of the shared folder are read as their senders mean them.
func TestQueries_OfTheVectors(t *testing.T) {
	for file, want := range map[string]struct {
		kind    kind
		tag     string
		limit   int
		results bool
	}{"mindray_qry_a19.hl7": {demographics, "1", 1, false}, "comen_nc5_qry_r02.hl7": {results, "Q101", usualResults, true}} {
		data := shared.Read(t, "vectors", "hl7v2-pcd", "study-only", file)
		if !Is(data) {
			t.Fatalf("%s is no query", file)
		}
		m, err := hl7v2.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		q, wrong := answerer().read(m)
		if wrong != nil || q.kind != want.kind || q.tag != want.tag || q.limit != want.limit || q.results != want.results || len(q.who) != 1 || q.who[0] != (subject{id: "12345"}) {
			t.Errorf("%s: %+v %+v", file, q, wrong)
		}
	}
}

// FuzzAnswer reads a query of anybody and answers it without a patient: the answer can
// be read itself and repeats the control id.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"MSH|^~\\&|M|G|||2026||QRY^A19|3|P|2.3.1\rQRD|20260101120000|D|D|1|||1^RD|12345^^^^^^^^HOSP&1.2&ISO~7|^DEM\r",
		"MSH|^~\\&|M|G|||2026||QRY^R02|3|P|2.2|||||||8859/1\rQRD|2026|R|I|Q|||10^RD|1|RES\rQRF|MON|20260101|20260102120000+0100\r",
		"MSH|^~\\&|M|G|||2026||QBP^Q22^QBP_Q21|3|P|2.5\rQPD|IHE PDQ Query|t|@PID.3.1^1~@PID.5.1.1^ROE*~@PID.7^1980~@PID.8^F|||||^^^HOSP\rRCP|I|5^RD\r",
	} {
		f.Add([]byte(text))
	}
	a := answerer()
	f.Fuzz(func(t *testing.T, data []byte) {
		if !Is(data) {
			return
		}
		m, err := hl7v2.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		q, wrong := a.read(m)
		answer := a.write(m, q, wrong)
		back, err := hl7v2.Parse(answer)
		if err != nil {
			t.Fatalf("%v: %q", err, answer)
		}
		msa, _ := back.First("MSA")
		if sent := m.Segments[0].Field(10).Raw(); msa.Field(2).Raw() != sent && !bytes.ContainsAny([]byte(sent), "\t") {
			t.Errorf("%q is answered as %q", sent, msa.Field(2).Raw())
		}
	})
}
