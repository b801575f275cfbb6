package hl7v2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"vitalwire/internal/shared"
)

// iso writes a time as the vectors do.
func iso(t Time) string {
	text := fmt.Sprintf("%04d", t.Year)
	for i, part := range []string{fmt.Sprintf("-%02d", t.Month), fmt.Sprintf("-%02d", t.Day), fmt.Sprintf("T%02d", t.Hour), fmt.Sprintf(":%02d", t.Minute), fmt.Sprintf(":%02d", t.Second)} {
		if t.Parts > i+1 {
			text += part
		}
	}
	if t.Fraction != "" {
		text += "." + t.Fraction
	}
	if t.Offset != nil {
		sign, n := "+", *t.Offset
		if n < 0 {
			sign, n = "-", -n
		}
		text += fmt.Sprintf("%s%02d:%02d", sign, n/60, n%60)
	}
	return text
}

func Test2_A_22_Times(t *testing.T) {
	for sent, want := range map[string]string{
		"20260713114138-0500": "2026-07-13T11:41:38-05:00", "20260912120000.0000+0530": "2026-09-12T12:00:00.0000+05:30",
		"2026": "2026", "202607": "2026-07", "20260713": "2026-07-13", "2026071311": "2026-07-13T11", "202607131141": "2026-07-13T11:41",
		"19100000000000+0000": "1910+00:00", "20260700": "2026-07", "20240229": "2024-02-29", "20161231235960": "2016-12-31T23:59:60",
		"20210425230332.872-0400": "2021-04-25T23:03:32.872-04:00", "20210425230332Z": "2021-04-25T23:03:32+00:00", "20210425230332.5-04:00": "2021-04-25T23:03:32.5-04:00",
	} {
		if got, ok := ParseTime(sent); !ok || iso(got) != want {
			t.Errorf("%s gives %s %v, want %s", sent, iso(got), ok, want)
		}
	}
	for _, sent := range []string{"", "bukan-tanggal", "20261301", "20260230", "2026070", "20260713114138-05", "20260713114138+1500", "20260713114138+0560",
		"202607131161", "2026071325", "202607131141.5", "20260713114138.", "20260713114138.x", "00000000", "20260713114138.1234567890", "<START_TIME>", "20210425230332ZZ", "20210425230332+0:100", "Z"} {
		if got, ok := ParseTime(sent); ok {
			t.Errorf("%s gives %s", sent, iso(got))
		}
	}
}

// The normalisation table of the shared vectors.
func TestVectors_Timestamps(t *testing.T) {
	var table struct{ Cases [][]*string }
	if err := json.Unmarshal(shared.Read(t, "vectors", "hl7v2-pcd", "study-only", "hl7_timestamps_and_ranges.json"), &table); err != nil {
		t.Fatal(err)
	}
	for _, c := range table.Cases {
		got, ok := ParseTime(*c[0])
		want := ""
		if c[1] != nil && *c[1] != "reject" {
			want, _, _ = strings.Cut(*c[1], " ")
		}
		if ok != (want != "") || ok && iso(got) != want {
			t.Errorf("%q gives %s %v, want %q", *c[0], iso(got), ok, want)
		}
	}
}
