package term

import (
	"strings"
	"testing"
)

// an overlay of rows, put in force for one test.
func overlay(t *testing.T, rows ...Addition) (conflicts, notes []string) {
	t.Helper()
	n, findings := Overlay(rows)
	t.Cleanup(UseNomenclature(n))
	for _, f := range findings {
		if f.Conflict {
			conflicts = append(conflicts, f.Text)
		} else {
			notes = append(notes, f.Text)
		}
	}
	return conflicts, notes
}

func one(t *testing.T, list []string, words ...string) {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d findings: %q", len(list), list)
	}
	for _, w := range words {
		if !strings.Contains(list[0], w) {
			t.Errorf("%q does not say %q", list[0], w)
		}
	}
}

func TestOverlay_AddsWhatIsNotThere(t *testing.T) {
	conflicts, notes := overlay(t,
		Addition{Code: 191100, RefID: "MDC_A", Display: "Level of A", Synonyms: []string{"MDC_A_OLD"}, At: "f:2"},
		Addition{Code: 326144, RefID: "MDC_DIM_A", UCUM: []string{"mg/dL", "mg.dL-1"}, At: "f:3"},
		Addition{Code: 326176, RefID: "MDC_DIM_B", At: "f:4"})
	if len(conflicts)+len(notes) != 0 {
		t.Error(conflicts, notes)
	}
	if m, ok := LookupMDC(191100); !ok || m.Display != "Level of A" || m.Vital {
		t.Error(m, ok)
	}
	for _, name := range []string{"MDC_A", "MDC_A_OLD"} {
		if m, ok := LookupRefID(name); !ok || m.Code != 191100 || m.RefID != "MDC_A" {
			t.Error(name, m, ok)
		}
	}
	if u, ok := LookupUnitRefID("MDC_DIM_A"); !ok || u.UCUM != "mg/dL" || u.Display != "mg/dL" {
		t.Error(u, ok)
	}
	if u, ok := LookupUnit(326176); ok {
		t.Error("a unit that UCUM does not say is no unit of the table:", u)
	}
	if m, ok := LookupMDC(326176); !ok || m.RefID != "MDC_DIM_B" {
		t.Error("but its code is known:", m, ok)
	}
	// What is built in is as it was.
	if m, ok := LookupRefID("MDC_PRESS_BLD_NONINV_SYS"); !ok || m.Code != 150021 || !m.Vital || len(m.LOINC) != 1 {
		t.Error(m, ok)
	}
}

// devices.md F: 15 REFIDs have two codes, some codes two REFIDs; nothing is guessed.
func TestOverlay_Conflicts(t *testing.T) {
	t.Run("a code by another name", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 147842, RefID: "MDC_ECG_CARD_BEAT_RATE", At: "f:7"})
		one(t, conflicts, "147842", "MDC_ECG_HEART_RATE", "MDC_ECG_CARD_BEAT_RATE")
		m, _ := LookupMDC(147842)
		old, ok := LookupRefID("MDC_ECG_HEART_RATE")
		if m.RefID != "MDC_ECG_CARD_BEAT_RATE" || !ok || old.Code != 147842 || !m.Vital || len(m.LOINC) == 0 {
			t.Error(m, old)
		}
	})
	t.Run("a code by both names", func(t *testing.T) {
		conflicts, notes := overlay(t, Addition{Code: 147842, RefID: "MDC_ECG_CARD_BEAT_RATE"}, Addition{Code: 147842, RefID: "MDC_ECG_HEART_RATE"})
		if len(conflicts) > 0 {
			t.Error(conflicts)
		}
		one(t, notes, "several names")
		if m, _ := LookupMDC(147842); m.RefID != "MDC_ECG_HEART_RATE" {
			t.Error(m)
		}
	})
	t.Run("a name with another code", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 191100, RefID: "MDC_TEMP_BODY", At: "f:9"})
		one(t, conflicts, "150364", "191100")
		if m, _ := LookupRefID("MDC_TEMP_BODY"); m.Code != 191100 || m.Vital || len(m.LOINC) > 0 {
			t.Error("the meaning of the embedded code went to the file's:", m)
		}
		if m, ok := LookupMDC(150364); !ok || !m.Vital {
			t.Error(m, ok)
		}
	})
	t.Run("two embedded codes crossed", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 150017, RefID: "MDC_PRESS_BLD_NONINV_SYS", LOINC: &LOINC{Code: "8480-6"}}, Addition{Code: 150021, RefID: "MDC_PRESS_BLD_NONINV_SYS"})
		one(t, conflicts, "150017", "MDC_PRESS_BLD_SYS", "150021", "is not used")
		byName, _ := LookupRefID("MDC_PRESS_BLD_NONINV_SYS")
		m, _ := LookupMDC(150017)
		if byName.Code != 150021 || m.RefID != "MDC_PRESS_BLD_SYS" || len(m.LOINC) > 0 {
			t.Error(byName, m)
		}
	})
	t.Run("a name with two codes, one embedded", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 191100, RefID: "MDC_TEMP_BODY"}, Addition{Code: 150364, RefID: "MDC_TEMP_BODY"})
		one(t, conflicts, "191100, 150364", "stands for 150364")
		if m, _ := LookupRefID("MDC_TEMP_BODY"); m.Code != 150364 {
			t.Error(m)
		}
	})
	t.Run("a name with two codes, none embedded", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 191100, RefID: "MDC_A"}, Addition{Code: 191104, RefID: "MDC_A"})
		one(t, conflicts, "none of them")
		if m, ok := LookupRefID("MDC_A"); ok {
			t.Error("guessed", m)
		}
		for _, code := range []uint32{191100, 191104} {
			if m, ok := LookupMDC(code); !ok || m.RefID != "MDC_A" {
				t.Error(m, ok)
			}
		}
	})
	t.Run("a unit that measures otherwise", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 264274, RefID: "MDC_DIM_MILLI_G_PER_DL", UCUM: []string{"g/L"}, At: "f:2"})
		one(t, conflicts, "mg/dL", "g/L")
		if u, _ := LookupUnit(264274); u.UCUM != "mg/dL" {
			t.Error(u)
		}
	})
	t.Run("a unit said in other words", func(t *testing.T) {
		conflicts, notes := overlay(t, Addition{Code: 264864, RefID: "MDC_DIM_BEAT_PER_MIN", UCUM: []string{"1/min", "{beat}/min"}})
		if len(conflicts)+len(notes) > 0 {
			t.Error(conflicts, notes)
		}
		if u, _ := LookupUnit(264864); u.UCUM != "/min" {
			t.Error(u)
		}
	})
	t.Run("files that disagree on a unit", func(t *testing.T) {
		conflicts, _ := overlay(t, Addition{Code: 326144, RefID: "MDC_DIM_A", UCUM: []string{"mg/dL"}, At: "f:2"}, Addition{Code: 326144, RefID: "MDC_DIM_A", UCUM: []string{"g/dL"}, At: "g:3"})
		one(t, conflicts, "f:2", "neither")
		if u, ok := LookupUnit(326144); ok {
			t.Error("guessed", u)
		}
	})
	t.Run("no UCUM", func(t *testing.T) {
		_, notes := overlay(t, Addition{Code: 326144, RefID: "MDC_DIM_A", UCUM: []string{"furlongs"}})
		one(t, notes, "furlongs")
	})
}

func TestOverlay_LOINC(t *testing.T) {
	mass := LOINC{Code: "1-8", Display: "X [Mass/volume]", Like: "g/L"}
	moles := LOINC{Code: "2-6", Display: "X [Moles/volume]", Like: "mol/L"}
	rate := LOINC{Code: "8867-4"}
	wider := LOINC{Code: "3-4", Loose: "narrower"}
	conflicts, _ := overlay(t,
		Addition{Code: 191100, RefID: "MDC_A", LOINC: &mass}, Addition{Code: 191100, RefID: "MDC_A", LOINC: &moles},
		Addition{Code: 191100, RefID: "MDC_A", LOINC: &mass}, Addition{Code: 191100, RefID: "MDC_A", LOINC: &wider},
		Addition{Code: 191104, RefID: "MDC_B", LOINC: &rate},
		Addition{Code: 160208, RefID: "MDC_CONC_GLU_CONTROL", LOINC: &mass})
	one(t, conflicts, "control solution")
	a, _ := LookupMDC(191100)
	if len(a.LOINC) != 3 || a.Vital {
		t.Error(a)
	}
	for unit, want := range map[string]string{"mg/dL": "1-8", "g/L": "1-8", "mmol/L": "2-6", "kPa": "", "": ""} {
		got := ""
		for _, l := range a.LOINC {
			if l.Fits(unit) {
				got += l.Code
			}
		}
		if got != want {
			t.Errorf("a quantity in %q has LOINC %q, want %q", unit, got, want)
		}
	}
	if b, _ := LookupMDC(191104); !b.Vital || b.LOINC[0].Display != "Heart rate" {
		t.Error("a heart rate is a vital sign:", b)
	}
}

func TestOverlay_TakenBack(t *testing.T) {
	n, _ := Overlay([]Addition{{Code: 191100, RefID: "MDC_A"}})
	restore := UseNomenclature(n)
	if _, ok := LookupMDC(191100); !ok {
		t.Error("not in force")
	}
	restore()
	if _, ok := LookupMDC(191100); ok {
		t.Error("still in force")
	}
}
