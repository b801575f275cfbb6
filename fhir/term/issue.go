package term

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"vitalwire/fhir"
)

// issueTypes is the code system of what went wrong in a terminology operation,
// which the whole terminology ecosystem uses in OperationOutcome.issue.details.
const issueTypes = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type"

// messageID tells clients which message a text is, whatever its language.
const messageID = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id"

// codeProcessing is an R4 issue type that package fhir has no name for.
const codeProcessing fhir.Code = "processing"

// An issue is an OperationOutcome.issue of a terminology operation.
type issue struct {
	severity fhir.Severity
	code     fhir.Code
	detail   string // tx-issue-type, "" for none
	id       string // message id, "" for none
	path     string // FHIRPath of the element, "" for none
	text     string
}

func (i issue) element() *fhir.Element {
	e := fhir.NewObject()
	if i.id != "" {
		e.Set("extension", fhir.NewArray(fhir.NewObject(fhir.S("url", messageID), fhir.S("valueString", i.id))))
	}
	e.Set("severity", fhir.NewString(string(i.severity)))
	e.Set("code", fhir.NewString(string(i.code)))
	details := fhir.NewObject()
	if i.detail != "" {
		details.Set("coding", fhir.NewArray(fhir.NewObject(fhir.S("system", issueTypes), fhir.S("code", i.detail))))
	}
	details.Set("text", fhir.NewString(i.text))
	e.Set("details", details)
	if i.path != "" {
		// location is deprecated in R4 and still what some clients read.
		e.Set("location", fhir.NewArray(fhir.NewString(i.path)))
		e.Set("expression", fhir.NewArray(fhir.NewString(i.path)))
	}
	return e
}

// issues gathers what there is to say about a request.
type issues []issue

// add puts an issue behind the others, unless it is there.
func (list *issues) add(i issue) {
	same := func(o issue) bool { return o.severity == i.severity && o.path == i.path && o.text == i.text }
	if !slices.ContainsFunc(*list, same) {
		*list = append(*list, i)
	}
}

func (list issues) failed() bool {
	return slices.ContainsFunc(list, func(i issue) bool { return i.severity == fhir.ErrorLevel })
}

func (list issues) outcome() *fhir.Resource {
	items := fhir.NewArray()
	for _, i := range list {
		items.Append(i.element())
	}
	r := fhir.NewResource("OperationOutcome")
	r.Root().Set("issue", items)
	return r
}

// Failure is the error of an operation that cannot be answered. It wraps the
// *fhir.Error, which decides the status, and says more: the coded details of
// the terminology ecosystem.
type Failure struct { //nolint:errname // the words of the ecosystem: an operation that failed
	cause  *fhir.Error
	issues issues
}

func (f *Failure) Error() string { return f.cause.Error() }

// Unwrap gives the *fhir.Error.
func (f *Failure) Unwrap() error { return f.cause }

// Outcome is the OperationOutcome to answer with.
func (f *Failure) Outcome() *fhir.Resource { return f.issues.outcome() }

// Outcome is the OperationOutcome of any error of this package; for others it
// is false.
func Outcome(err error) (*fhir.Resource, bool) {
	var f *Failure
	if errors.As(err, &f) {
		return f.Outcome(), true
	}
	return nil, false
}

// fail makes the error of an operation that a definition or the request forbids
// to go on (422).
func fail(i issue) error {
	if i.severity == "" {
		i.severity = fhir.ErrorLevel
	}
	cause := fhir.Unprocessable(i.path, "%s", i.text).WithCode(i.code)
	return &Failure{cause: cause, issues: issues{i}}
}

// refuse is fail for a request that is not well-formed (400).
func refuse(i issue) error {
	if i.severity == "" {
		i.severity = fhir.ErrorLevel
	}
	cause := fhir.Malformed(i.path, "%s", i.text).WithCode(i.code)
	return &Failure{cause: cause, issues: issues{i}}
}

func badRequest(format string, args ...any) error {
	return refuse(issue{code: fhir.CodeInvalid, text: fmt.Sprintf(format, args...)})
}

// tooCostly is the error of an expansion over its limits.
func tooCostly(valueSet string, limit int) error {
	text := fmt.Sprintf("The value set '%s' expansion has too many codes to display (>%d)", valueSet, limit)
	return &Failure{
		cause:  fhir.TooCostly("%s", text),
		issues: issues{{severity: fhir.ErrorLevel, code: fhir.CodeTooCostly, id: "VALUESET_TOO_COSTLY", text: text}},
	}
}

func valueSetNotFound(url string) error {
	return fail(issue{
		code: fhir.CodeNotFound, detail: "not-found", id: "Unable_to_resolve_value_Set_",
		text: fmt.Sprintf("A definition for the value Set '%s' could not be found", url),
	})
}

// unknownSystem says that a code system has no definition here; so is the word
// for what cannot be done then.
func unknownSystem(path, url, version string, known []string, so string) issue {
	i := issue{severity: fhir.ErrorLevel, code: fhir.CodeNotFound, detail: "not-found", path: path, id: "UNKNOWN_CODESYSTEM"}
	suffix := ""
	if strings.Contains(so, "expanded") {
		suffix = "_EXP"
	}
	switch {
	case version == "":
		i.id += suffix
		i.text = fmt.Sprintf("A definition for CodeSystem '%s' could not be found, %s", url, so)
	case len(known) == 0:
		i.id += "_VERSION" + suffix + "_NONE"
		i.text = fmt.Sprintf("A definition for CodeSystem '%s' version '%s' could not be found, %s. No versions of this code system are known", url, version, so)
	default:
		i.id += "_VERSION" + suffix
		i.text = fmt.Sprintf("A definition for CodeSystem '%s' version '%s' could not be found, %s. Valid versions: %s", url, version, so, versionList(known))
	}
	return i
}

const (
	soNotValidated = "so the code cannot be validated"
	soNotExpanded  = "so the value set cannot be expanded"
)

// versionList is "a", "a or b", "a, b and c".
func versionList(items []string) string {
	if n := len(items); n > 2 {
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
	return orList(items)
}

// orList is "a", "a or b", "a, b or c".
func orList(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " or " + items[len(items)-1]
}
