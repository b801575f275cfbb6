package fhir_test

import (
	"testing"
	"time"

	"vitalwire/fhir"
)

func TestParseDateTime_RangeOfWhatItMeans(t *testing.T) {
	for _, c := range []struct {
		text, low, high string
		precision       fhir.Precision
	}{
		{"2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", fhir.Year},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", fhir.Month},
		{"2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", fhir.Day},
		{"2024-03-10T02:30:00-05:00", "2024-03-10T07:30:00Z", "2024-03-10T07:30:01Z", fhir.Second},
		{"2024-03-10T02:30:00.25Z", "2024-03-10T02:30:00.25Z", "2024-03-10T02:30:00.26Z", fhir.Fraction},
		{"2024-03-10T02:30:00.123456789Z", "2024-03-10T02:30:00.123456789Z", "2024-03-10T02:30:00.12345679Z", fhir.Fraction},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z", fhir.Second},
		{"2024-01-01T00:00:00+14:00", "2023-12-31T10:00:00Z", "2023-12-31T10:00:01Z", fhir.Second},
		{"0001-01-01", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z", fhir.Day},
	} {
		d, ok := fhir.ParseDateTime(c.text)
		if !ok {
			t.Errorf("%s is refused", c.text)
			continue
		}
		low, _ := time.Parse(time.RFC3339Nano, c.low)
		high, _ := time.Parse(time.RFC3339Nano, c.high)
		if !d.Low().Equal(low) || !d.High().Equal(high) || d.Precision() != c.precision || d.String() != c.text {
			t.Errorf("%s is [%s, %s) at precision %d", c.text, d.Low(), d.High(), d.Precision())
		}
	}
}

func TestParseDateTime_Refuses(t *testing.T) {
	for _, text := range []string{
		"", "24", "0000", "2024-", "2024-13", "2024-00", "2024-2", "2023-02-29", "2024-04-31", "2024-01-01T", "2024-01-01T10",
		"2024-01-01T10:00", "2024-01-01T10:00Z", "2024-01-01T10:00:00", "2024-01-01T24:00:00Z", "2024-01-01T10:60:00Z",
		"2024-01-01T10:00:61Z", "2024-01-01T10:00:00.Z", "2024-01-01T10:00:00+15:00", "2024-01-01T10:00:00+14:01", "2024-01-01T10:00:00z",
		"2024-01-01 10:00:00Z", "2024-01-01T10:00:00Zx", "-2024", "２０２４",
	} {
		if _, ok := fhir.ParseDateTime(text); ok {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseSearchDate_MinutesAndMissingOffset(t *testing.T) {
	zone := time.FixedZone("", 3600)
	d, ok := fhir.ParseSearchDate("2024-01-01T10:00", zone)
	if !ok || !d.Low().Equal(time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC)) || d.High().Sub(d.Low()) != time.Minute || d.Zoned() {
		t.Errorf("got %v %v", d, ok)
	}
	if d, ok := fhir.ParseSearchDate("2024-01-01", zone); !ok || !d.Low().Equal(time.Date(2023, 12, 31, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v %v", d, ok)
	}
}

func FuzzParseDateTime(f *testing.F) {
	f.Add("2024-03-10T02:30:00.25-05:00")
	f.Add("2024")
	f.Fuzz(func(t *testing.T, text string) {
		if d, ok := fhir.ParseDateTime(text); ok && !d.High().After(d.Low()) {
			t.Errorf("%q means nothing: [%s, %s)", text, d.Low(), d.High())
		}
	})
}
