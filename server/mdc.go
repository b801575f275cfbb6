package server

import (
	"fmt"
	"io"
	"log/slog"

	"vitalwire/fhir/term"
	"vitalwire/fhir/term/mdcfile"
)

// Dictionary is what the operator has of the nomenclature of devices.
type Dictionary struct {
	MDCOverlay []string `env:"VITALWIRE_MDC_OVERLAY" name:"mdc-overlay" type:"existingfile" placeholder:"FILE" help:"Export of RTMMS (CSV, JSON, XML, HTML or FHIR CodeSystem), or LOINC's table of medical device codes (CSV), that adds codes, names, units and LOINC codes to the built-in MDC table; may be repeated. 'vitalwire mdc check' tells beforehand what it would do."`
}

type mdcCommands struct {
	Check struct {
		Files []string `arg:"" name:"file" type:"existingfile" help:"Files as for --mdc-overlay; several are read together."`
	} `cmd:"" help:"Say what files would add to the MDC table and where they contradict it or each other; exit status 0 says that they can be used."`
}

// overlaid is what files amount to.
type overlaid struct {
	nomenclature *term.Nomenclature
	findings     []term.Finding
	rows         int
	mdcfile.Skipped
}

// read reads the files; ok is false when there are none.
func (d Dictionary) read() (o overlaid, ok bool, err error) {
	var rows []term.Addition
	for _, path := range d.MDCOverlay {
		list, skipped, err := mdcfile.ReadFile(path)
		if err != nil {
			return overlaid{}, false, fmt.Errorf("--mdc-overlay: %w", err)
		}
		rows = append(rows, list...)
		o.NoCode += skipped.NoCode
		o.NoName += skipped.NoName
	}
	if len(d.MDCOverlay) == 0 {
		return overlaid{}, false, nil
	}
	o.rows = len(rows)
	o.nomenclature, o.findings = term.Overlay(rows)
	return o, true, nil
}

// mostLogged bounds the findings that a start logs; mdc check prints all.
const mostLogged = 100

// use puts the files in force. The function puts the nomenclature before them back, nil
// where there are none.
func (d Dictionary) use(log *slog.Logger) (func(), error) {
	o, ok, err := d.read()
	if err != nil || !ok {
		return nil, err
	}
	logged, conflicts := 0, 0
	for _, f := range o.findings {
		if !f.Conflict {
			continue
		}
		if conflicts++; logged < mostLogged {
			logged++
			log.Warn("MDC overlay: a conflict", "at", f.At, "what", f.Text)
		}
	}
	had, has := term.Embedded().Size(), o.nomenclature.Size()
	log.Info("MDC overlay", "rows", o.rows, "terms", has.Terms-had.Terms, "units", has.Units-had.Units, "loinc", has.LOINC-had.LOINC,
		"conflicts", conflicts, "conflicts_not_shown", conflicts-logged, "names_without_code", o.NoCode, "codes_without_name", o.NoName)
	return term.UseNomenclature(o.nomenclature), nil
}

// forget puts the nomenclature back that was in force before this server's.
func (s *Server) forget() {
	if s.embedded != nil {
		s.embedded()
	}
}

// checkOverlay prints what files would do.
func checkOverlay(files []string, out io.Writer) error {
	o, _, err := Dictionary{MDCOverlay: files}.read()
	if err != nil {
		return err
	}
	conflicts := 0
	for _, f := range o.findings {
		kind := "note"
		if f.Conflict {
			kind = "conflict"
			conflicts++
		}
		fmt.Fprintf(out, "%s: %s: %s\n", f.At, kind, f.Text)
	}
	had, has := term.Embedded().Size(), o.nomenclature.Size()
	_, err = fmt.Fprintf(out, "%d rows add %d terms, %d units and %d LOINC codes to the %d terms and %d units that are built in; %d conflicts, %d notes; %d names without a code and %d codes without a name are passed over.\n",
		o.rows, has.Terms-had.Terms, has.Units-had.Units, has.LOINC-had.LOINC, had.Terms, had.Units, conflicts, len(o.findings)-conflicts, o.NoCode, o.NoName)
	return err
}
