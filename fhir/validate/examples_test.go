package validate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"vitalwire/fhir"
	"vitalwire/fhir/validate"
	"vitalwire/fhir/validate/codes"
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

func newR4() *validate.Validator { return validate.New(profiles.R4(), codes.New(profiles.R4())) }

func TestExamples(t *testing.T) {
	v := newR4()
	bad := 0
	files(t, shared.Read(t, "data", "r4", "r4-examples.tgz"), ".json", func(name string, data []byte) {
		res, err := fhir.ParseResource(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		issues := v.Resource(context.Background(), res, nil, validate.Options{})
		if validate.Valid(issues) {
			return
		}
		bad++
		for _, is := range issues {
			if is.Severity == fhir.ErrorLevel {
				t.Logf("%s: %s %s: %s", name, is.Code, is.Expression, is.Text)
			}
		}
	})
	if bad > 0 {
		t.Errorf("%d examples have errors", bad)
	}
}
