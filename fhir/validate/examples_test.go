package validate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/term"
	"vitalwire/fhir/validate"
	"vitalwire/internal/conformance"
	"vitalwire/internal/shared"
	"vitalwire/profiles"
)

// files goes through the files of an archive whose names end so.
func files(t testing.TB, tgz []byte, ending string, do func(name string, data []byte)) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && strings.HasSuffix(h.Name, ending) {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			do(strings.TrimPrefix(h.Name, "./"), data)
		}
	}
}

func newR4() *validate.Validator {
	return validate.New(profiles.R4(), validate.Terms(term.New(profiles.R4())))
}

// wrongExamples are the official examples with errors, and why they are real.
var wrongExamples = map[string]string{
	"devicemetric-example.json":                          "parent is a DeviceDefinition; R4 allows a Device",
	"diagnosticreport-example-lri.json":                  "entries' fullUrls end in other ids than their resources have",
	"diagnosticreport-hla-genetics-results-example.json": "the extension hla-genotyping-results-glstring defines a part url, not uri",
	"message-response-link.json":                         "an entry's fullUrl ends in another id than its resource has",
	"questionnaire-profile-example-ussg-fht.json":        "[lb_i] is no UCUM unit",
	"terminologycapabilities-example.json":               "the uuid in url is a digit short",
}

// TestExamples validates every official R4 example against the base definitions
// and the profiles they declare: no error but those that are real.
func TestExamples(t *testing.T) {
	v := newR4()
	n := 0
	var rows [][]string
	files(t, shared.Read(t, "data", "r4", "r4-examples.tgz"), ".json", func(name string, data []byte) {
		n++
		res, err := fhir.ParseResource(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		issues := v.Resource(context.Background(), res, nil, validate.Options{})
		for _, is := range issues {
			if strings.Contains(is.Text, "cannot be evaluated") || is.Code == fhir.CodeException {
				t.Errorf("%s: %s %s", name, is.Expression, is.Text)
			}
		}
		if validate.Valid(issues) {
			return
		}
		why, known := wrongExamples[path.Base(name)]
		if !known {
			for _, is := range issues {
				t.Errorf("%s: %s %s %s: %s", name, is.Severity, is.Code, is.Expression, is.Text)
			}
		}
		first := ""
		for _, is := range issues {
			if is.Severity == fhir.ErrorLevel && first == "" {
				first = is.Expression
			}
		}
		rows = append(rows, []string{path.Base(name), first, why})
	})
	sort.Slice(rows, func(i, j int) bool { return rows[i][0] < rows[j][0] })
	conformance.Table(t, "validator-examples", "Validation of the R4 examples",
		fmt.Sprintf("Of %d official R4 examples %d validate without error. The others have one:", n, n-len(rows)),
		[]string{"Example", "Expression", "The error"}, rows)
}
