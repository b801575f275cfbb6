package validate_test

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/internal/conformance"
)

// suiteReasons say why a case comes out otherwise than in Java; where there is
// none the difference is shown.
var suiteReasons = map[string]string{
	"patient-circle1-bad-linked1":                     "the file of the reference's target is not in the archive",
	"patient-circle1-bad-linked2":                     "the file of the reference's target is not in the archive",
	"patient-circle1-bad-source1":                     "the file of the reference's target is not in the archive",
	"patient-circle1-bad-source2":                     "the file of the reference's target is not in the archive",
	"patient-circle2-bad-source1":                     "the file of the reference's target is not in the archive",
	"aggregation-apart-good4":                         "the file of the reference's target is not in the archive; Encounter.class is required by R4 and missing",
	"aggregation-bundle-bad4":                         "the file of the reference's target is not in the archive",
	"patient-translated-codes":                        "Java takes a translated display in the second step only",
	"choice-invalid-type-qr":                          "the answer to a choice is a Coding; Java takes a string where the question lists no options",
	"StructureDefinition-Slice23":                     "Java also refuses a slice of an extension with a slicing of its own, which R4 calls re-slicing",
	"attachment-tx":                                   "we name Attachment.data, Java the Attachment",
	"bundle-document-versioned-references-bad":        "Java counts entries from 1 here; the entry is Bundle.entry[0]",
	"relative_reference_to_fullUrl.id_in_Composition": "Java names entry[0] whichever entry it is",
	"relative_reference_to_fullUrl.no_ids.PROBLEM":    "Java counts entries from 1 here, and names entry[0] for all fullUrls",
	"relative_reference_to_TYPE_ID.all_fullUrl_UUID":  "Java counts entries from 1 here",
	"bundle-urn":          "Java counts entries from 1 here, and names the Bundle for references outside the Composition",
	"profile-patient-op2": "obligation profiles are not known to R4",
}

// suiteStep is one validation of a case and what Java found.
type suiteStep struct {
	got, want []string
}

func (s *suite) steps(c *suiteCase, tell bool) (steps []suiteStep) {
	for i, want := range []*suiteOutcome{c.Base, c.Profiled} {
		if want == nil {
			continue
		}
		var got, wanted []string
		issues := s.run(c, i == 1)
		for _, is := range issues {
			if is.Severity == fhir.ErrorLevel || is.Severity == fhir.Fatal {
				got = append(got, is.Expression)
				if tell {
					fmt.Printf("%s ours %s | %s | %s\n", c.Name, is.Code, is.Expression, is.Text)
				}
			}
		}
		for _, is := range want.List {
			wanted = append(wanted, is.Expression)
			if tell {
				fmt.Printf("%s java %s | %s | %.200s\n", c.Name, is.Code, plainExpression(is.Expression), is.Text)
			}
		}
		steps = append(steps, suiteStep{expressions(got), expressions(wanted)})
	}
	return steps
}

// difference shows what only one of both found.
func difference(steps []suiteStep) string {
	var parts []string
	for _, st := range steps {
		for name, pair := range map[string][2][]string{"only Java": {st.want, st.got}, "only we": {st.got, st.want}} {
			var only []string
			for _, e := range pair[0] {
				if !slices.Contains(pair[1], e) {
					only = append(only, e)
				}
			}
			if len(only) > 0 {
				parts = append(parts, fmt.Sprintf("%s: %s", name, strings.Join(only[:min(2, len(only))], ", ")))
			}
		}
	}
	sort.Strings(parts)
	return strings.Join(parts, "; ")
}

// TestSuite scores the 275 core cases of fhir-test-cases against the outcomes of
// HL7's Java validator: whether there is any error, and the expressions of the
// errors. SUITE=name shows one case.
func TestSuite(t *testing.T) {
	s := loadSuite(t)
	only := os.Getenv("SUITE")
	scores := map[bool]*suiteScore{false: {}, true: {}}
	var rows [][]string
	for i := range s.cases {
		c := &s.cases[i]
		if c.Tier != "core" || only != "" && c.Name != only {
			continue
		}
		steps := s.steps(c, only != "")
		result := "same"
		sc, hasErrors := scores[c.TxServer], false
		sc.cases++
		same, places, overlap, anyRight := true, true, true, true
		for _, st := range steps {
			hasErrors = hasErrors || len(st.want) > 0
			anyRight = anyRight && (len(st.got) > 0) == (len(st.want) > 0)
			same = same && slices.Equal(st.got, st.want)
			places = places && slices.Equal(unindexed(st.got), unindexed(st.want))
			shared := len(st.want)+len(st.got) == 0
			for _, e := range st.want {
				shared = shared || slices.Contains(st.got, e)
			}
			overlap = overlap && shared
		}
		switch {
		case !anyRight:
			result = "error or none"
		case !same:
			result = "expressions"
		}
		sc.count(anyRight, hasErrors, same, places, overlap)
		if result == "same" {
			continue
		}
		reason := suiteReasons[c.Name]
		if reason == "" && c.TxServer {
			reason = "Java asked a terminology server. " + difference(steps)
		}
		if reason == "" {
			reason = difference(steps)
		}
		rows = append(rows, []string{c.Name, c.Module, result, reason})
	}
	if only != "" {
		return
	}
	plain, tx := scores[false], scores[true]
	sort.Slice(rows, func(i, j int) bool { return rows[i][0] < rows[j][0] })
	intro := fmt.Sprintf("fhir-test-cases, the %d core cases for R4, against the outcome of HL7's Java validator (severity error and fatal). "+
		"%d cases decided without a terminology server: error or none agrees in %d; of the %d with errors the set of expressions agrees in %d, "+
		"without list indices in %d, and in part in %d. %d cases where Java asked a terminology server, which we have not: %d, and of %d with errors %d. "+
		"The cases that differ:",
		plain.cases+tx.cases, plain.cases, plain.anyRight, plain.withErrors, plain.same, plain.places, plain.overlap,
		tx.cases, tx.anyRight, tx.withErrors, tx.same)
	conformance.Table(t, "validator", "Validation", intro, []string{"Case", "Module", "Differs in", "Why"}, rows)
	t.Logf("without terminology server %+v, with %+v", *plain, *tx)
	if plain.anyRight*100 < plain.cases*95 {
		t.Errorf("error or none agrees in %d of %d", plain.anyRight, plain.cases)
	}
	if plain.places*100 < plain.withErrors*85 {
		t.Errorf("expressions agree in %d of %d", plain.places, plain.withErrors)
	}
}

func (sc *suiteScore) count(anyRight, hasErrors, same, places, overlap bool) {
	add := func(n *int, ok bool) {
		if ok {
			*n++
		}
	}
	add(&sc.anyRight, anyRight)
	if !hasErrors {
		return
	}
	sc.withErrors++
	add(&sc.same, same)
	add(&sc.places, places)
	add(&sc.overlap, overlap)
}
