package fhir_test

import (
	"errors"
	"fmt"
	"testing"

	"vitalwire/fhir"
)

// every lists each constructor with its situation and the issue code of R4
// (reference: http.html and the issue-type value set).
var every = []struct {
	name      string
	err       *fhir.Error
	situation fhir.Situation
	code      fhir.Code
}{
	{"Malformed", fhir.Malformed("", "x"), fhir.SituationMalformed, "structure"},
	{"BadSearch", fhir.BadSearch("x"), fhir.SituationBadSearch, "invalid"},
	{"TooCostly", fhir.TooCostly("x"), fhir.SituationTooCostly, "too-costly"},
	{"LoginRequired", fhir.LoginRequired("x"), fhir.SituationLoginRequired, "login"},
	{"TokenExpired", fhir.TokenExpired("x"), fhir.SituationTokenExpired, "expired"},
	{"Forbidden", fhir.Forbidden("x"), fhir.SituationForbidden, "forbidden"},
	{"NotFound", fhir.NotFound(fhir.Key{}), fhir.SituationNotFound, "not-found"},
	{"NoVersion", fhir.NoVersion(fhir.Key{}, "1"), fhir.SituationNotFound, "not-found"},
	{"UnknownType", fhir.UnknownType("x"), fhir.SituationUnknownType, "not-supported"},
	{"NotAllowed", fhir.NotAllowed("x"), fhir.SituationNotAllowed, "not-supported"},
	{"NotAcceptable", fhir.NotAcceptable("x"), fhir.SituationNotAcceptable, "not-supported"},
	{"Conflict", fhir.Conflict("x"), fhir.SituationConflict, "conflict"},
	{"Deleted", fhir.Deleted(fhir.Key{}, `W/"2"`), fhir.SituationDeleted, "deleted"},
	{"PreconditionFailed", fhir.PreconditionFailed("x"), fhir.SituationPreconditionFailed, "conflict"},
	{"ManyMatches", fhir.ManyMatches("x"), fhir.SituationManyMatches, "multiple-matches"},
	{"TooLong", fhir.TooLong("x"), fhir.SituationTooLong, "too-long"},
	{"BadMedia", fhir.BadMedia("x"), fhir.SituationBadMedia, "not-supported"},
	{"Unprocessable", fhir.Unprocessable("", "x"), fhir.SituationUnprocessable, "business-rule"},
	{"Throttled", fhir.Throttled("x"), fhir.SituationThrottled, "throttled"},
	{"Unavailable", fhir.Unavailable("x"), fhir.SituationUnavailable, "transient"},
	{"Timeout", fhir.Timeout("x"), fhir.SituationTimeout, "timeout"},
}

func TestErrors_EachConstructorHasItsCode(t *testing.T) {
	for _, c := range every {
		if c.err.Situation != c.situation || c.err.Issues[0].Code != c.code || c.err.Issues[0].Severity != fhir.ErrorLevel {
			t.Errorf("%s is %d %s", c.name, c.err.Situation, c.err.Issues[0].Code)
		}
		wrapped := fmt.Errorf("store: %w", c.err)
		if fhir.SituationOf(wrapped) != c.situation {
			t.Errorf("%s is lost when wrapped", c.name)
		}
	}
	if fhir.SituationOf(errors.New("x")) != fhir.SituationException {
		t.Error("a foreign error has a situation")
	}
}

func TestError_WithNeverChangesTheOriginal(t *testing.T) {
	e := fhir.Malformed("Patient.id", "x")
	_ = e.WithCode(fhir.CodeValue).WithETag("t").WithCause(errors.New("c"))
	if e.Issues[0].Code != fhir.CodeStructure || e.ETag != "" || e.Err != nil {
		t.Errorf("changed to %+v", e)
	}
}

func TestOutcome(t *testing.T) {
	got := string(fhir.Outcome(fhir.Malformed("Patient.id", `bad "id"`).Issues).JSON())
	want := `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"structure","details":{"text":"bad \"id\""},"diagnostics":"bad \"id\"","expression":["Patient.id"]}]}`
	if got != want {
		t.Errorf("got %s", got)
	}
}
