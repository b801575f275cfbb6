package term

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"vitalwire/internal/shared"
)

func TestMDC_TablesAscendWithoutDuplicates(t *testing.T) {
	for i := 1; i < len(mdcTerms); i++ {
		if mdcTerms[i-1].Code >= mdcTerms[i].Code {
			t.Errorf("%d stands before %d", mdcTerms[i-1].Code, mdcTerms[i].Code)
		}
	}
	for i := 1; i < len(mdcUnits); i++ {
		if mdcUnits[i-1].Code >= mdcUnits[i].Code {
			t.Errorf("unit %d stands before %d", mdcUnits[i-1].Code, mdcUnits[i].Code)
		}
	}
	for i := 1; i < len(mdcBits); i++ {
		a, b := mdcBits[i-1], mdcBits[i]
		if a.Code > b.Code || a.Code == b.Code && a.Bit >= b.Bit {
			t.Errorf("bit %d.%d stands before %d.%d", a.Code, a.Bit, b.Code, b.Bit)
		}
	}
	refs := map[string]uint32{}
	for _, m := range mdcTerms {
		if m.RefID == "" || m.Display == "" {
			t.Errorf("%d has no REFID or no display", m.Code)
		}
		if other, ok := refs[m.RefID]; ok && m.RefID != "MDC_DEV_SPEC_PROFILE_GENERIC" { // the guide has two generic profiles
			t.Errorf("%s is %d and %d", m.RefID, other, m.Code)
		}
		refs[m.RefID] = m.Code
	}
}

// The codes the shared table does not have, or has otherwise, with the reason.
var mdcElsewhere = map[uint32]string{
	196670: "devices.md: the pair of 196648 in event codes of PCD-04",
	67912:  "value set MDCDeviceVersionTypes of the PHD guide; REFID from 11073-10101",
	528405: "the guide's comment says BCA for two codes; by rule 528384 + (10421 - 10400) is the peak flow monitor",
	528426: "the shared table has the guide's misspelling STRENGH", //nolint:misspell // that is the point
	528456: "the shared table has the guide's misspelling NED",
	532225: "PHD guide, value set MDCTimeSyncMethods", 532227: "as 532225", 532228: "as 532225", 532229: "as 532225",
	532230: "as 532225", 532231: "as 532225", 532232: "as 532225", 532235: "as 532225", 532236: "as 532225",
	532237: "as 532225", 532238: "as 532225",
}

func TestMDC_TermsAgreeWithSharedTable(t *testing.T) {
	known := map[uint32][]string{}
	for _, row := range tsv(t, "mdc-codes.tsv") {
		code := number(t, row[0])
		known[code] = append(known[code], row[3])
		if part, term := number(t, row[1]), number(t, row[2]); code != part<<16|term {
			t.Errorf("shared table: %d is not %d·65536 + %d", code, part, term)
		}
	}
	for _, m := range mdcTerms {
		if _, excused := mdcElsewhere[m.Code]; !excused && !contains(known[m.Code], m.RefID) {
			t.Errorf("%d %s: the shared table says %v", m.Code, m.RefID, known[m.Code])
		}
	}
}

func TestMDC_UnitsAgreeWithSharedTable(t *testing.T) {
	// By the prefix rule only: 3 is kilo.
	byRule := map[uint32]string{263427: "km", 266115: "kJ", 266435: "kOhm"}
	known := map[uint32][]string{}
	for _, row := range tsv(t, "mdc-units-ucum.tsv") {
		known[number(t, row[0])] = row[1:]
	}
	for _, u := range AllUnits() {
		if u.Code>>16 != 4 {
			t.Errorf("%d is not of partition 4", u.Code)
		}
		switch row, ok := known[u.Code]; {
		case !ok && byRule[u.Code] == u.UCUM:
		case !ok || row[0] != u.RefID || row[1] != u.UCUM:
			t.Errorf("%d %s %s: the shared table says %v", u.Code, u.RefID, u.UCUM, row)
		}
	}
}

// The pairs of the shared table we do not take, with the reason.
var loincElsewhere = map[string]string{
	"131329 131329":  "says itself that there is no LOINC",
	"160184 14743-9": "only in a remark", "160212 105272-9": "only in a remark",
}

func TestMDC_LOINCAgreesWithSharedTable(t *testing.T) {
	for _, row := range tsv(t, "mdc-loinc-core.tsv") {
		code := number(t, row[0])
		own, ok := LookupMDC(code)
		if !ok {
			continue // not sent by an adapter
		}
		codes, _, _ := strings.Cut(row[2], " ")
		for _, loinc := range strings.Split(codes, "+") {
			found := false
			for _, l := range own.LOINC {
				found = found || l.Code == loinc
			}
			if !found && loincElsewhere[fmt.Sprintf("%d %s", code, loinc)] == "" {
				t.Errorf("%d: the shared table has LOINC %s, we have %v", code, loinc, own.LOINC)
			}
		}
		if own.UCUM != "" && own.UCUM != row[3] {
			t.Errorf("%d: the shared table has unit %s, we have %s", code, row[3], own.UCUM)
		}
	}
}

func TestLookup_UnknownIsNotGuessed(t *testing.T) {
	if _, ok := LookupMDC(0); ok {
		t.Error("0 is no term")
	}
	if _, ok := LookupMDC(131072 + 0xF123); ok {
		t.Error("a private code is known")
	}
	if _, ok := LookupUnit(262144); ok {
		t.Error("the unspecified unit has a UCUM code")
	}
	if b, ok := LookupBit(8410608, 5); !ok || b.Display != "improper-body-position" {
		t.Errorf("8410608.5 is %q", b.Display)
	}
	if len(BitsOf(150456)) > 0 {
		t.Error("a numeric has bits")
	}
}

func tsv(t *testing.T, name string) [][]string {
	t.Helper()
	var rows [][]string
	for _, line := range strings.Split(string(shared.Read(t, "vectors", "mdc", name)), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
