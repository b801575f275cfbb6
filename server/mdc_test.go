package server_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vitalwire/adapters/all"
	"vitalwire/server"
)

// `vitalwire mdc check` says what files would do, with file and line.
func TestMDCCheck(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.csv")
	crossed := filepath.Join(t.TempDir(), "crossed.csv")
	for name, text := range map[string]string{bad: "REFID,CF_CODE10\nMDC_A,191100\nMDC_B,many\n", crossed: "REFID,CF_CODE10\nMDC_TEMP_BODY,150456\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, out, errs := run(nil, "mdc", "check", "testdata/overlaid/rosetta_terms.csv", "testdata/overlaid/loinc_ieee.csv", crossed)
	for _, want := range []string{"rosetta_terms.csv:4: note: 191104 has several names", "crossed.csv:2: conflict: 150456 is MDC_PULS_OXIM_SAT_O2",
		"add 2 terms, 1 units and 3 LOINC codes", "1 conflicts, 1 notes; 1 names without a code"} {
		if status != 0 || !strings.Contains(out, want) {
			t.Errorf("status %d, without %q:\n%s%s", status, want, out, errs)
		}
	}
	if status, _, errs := run(nil, "mdc", "check", bad); status != 1 || !strings.Contains(errs, "bad.csv:3:") {
		t.Error(status, errs)
	}
	if status, _, errs := run(nil, "config", "check", "--store", "sqlite:"+filepath.Join(t.TempDir(), "x.db"), "--mdc-overlay", bad); status != 1 || !strings.Contains(errs, "bad.csv:3:") {
		t.Error(status, errs)
	}
	c := server.Config{Listen: "127.0.0.1:0", Store: "sqlite:" + filepath.Join(t.TempDir(), "test.db"), Zone: "UTC"}
	c.MDCOverlay = []string{bad}
	if s, err := server.Start(t.Context(), c, all.Adapters(), slog.New(slog.NewTextHandler(io.Discard, nil))); err == nil || !strings.Contains(err.Error(), "bad.csv:3:") {
		t.Error("a server starts with a file that it cannot read", err)
		if s != nil {
			_ = s.Stop(time.Second)
		}
	}
}
