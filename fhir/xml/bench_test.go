package xml_test

import (
	stdxml "encoding/xml"
	"io"
	"strings"
	"testing"

	"vitalwire/fhir/xml"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// BenchmarkParse has the tokens of encoding/xml alone as its yardstick.
func BenchmarkParse(b *testing.B) {
	data := unpack(b, shared.Read(b, "data", "r4", "r4-examples.tgz"))["xml/observation-example-bloodpressure.xml"]
	b.Run("vitalwire", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := xml.Parse(data, profiles.R4()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_xml_tokens", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := stdxml.NewDecoder(strings.NewReader(string(data)))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		r, err := xml.Parse(data, profiles.R4())
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			if out, err = xml.Append(out[:0], r, profiles.R4()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
