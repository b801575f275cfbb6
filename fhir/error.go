package fhir

import (
	"errors"
	"fmt"
	"strings"
)

// Situation is what went wrong, in the terms of R4 http; it decides the issue
// code here and the HTTP status in server/rest.
type Situation uint8

// The situations. Each has a constructor of the same name.
const (
	SituationException Situation = iota // our fault; never shown in detail
	SituationMalformed
	SituationBadSearch
	SituationTooCostly
	SituationLoginRequired
	SituationTokenExpired
	SituationForbidden
	SituationNotFound
	SituationUnknownType
	SituationNotAllowed
	SituationNotAcceptable
	SituationConflict
	SituationDeleted
	SituationPreconditionFailed
	SituationManyMatches
	SituationTooLong
	SituationLongURL
	SituationLongHeader
	SituationBadMedia
	SituationUnprocessable
	SituationThrottled
	SituationUnavailable
	SituationTimeout
)

// Code is an issue type of R4 (http://hl7.org/fhir/issue-type).
type Code string

// The issue types in use.
const (
	CodeStructure       Code = "structure"
	CodeRequired        Code = "required"
	CodeValue           Code = "value"
	CodeInvalid         Code = "invalid"
	CodeInvariant       Code = "invariant"
	CodeCodeInvalid     Code = "code-invalid"
	CodeBusinessRule    Code = "business-rule"
	CodeDuplicate       Code = "duplicate"
	CodeExtension       Code = "extension"
	CodeLogin           Code = "login"
	CodeExpired         Code = "expired"
	CodeForbidden       Code = "forbidden"
	CodeNotFound        Code = "not-found"
	CodeNotSupported    Code = "not-supported"
	CodeConflict        Code = "conflict"
	CodeDeleted         Code = "deleted"
	CodeMultipleMatches Code = "multiple-matches"
	CodeTooLong         Code = "too-long"
	CodeTooCostly       Code = "too-costly"
	CodeThrottled       Code = "throttled"
	CodeTransient       Code = "transient"
	CodeTimeout         Code = "timeout"
	CodeException       Code = "exception"
	CodeInformational   Code = "informational"
)

// Severity is an issue severity of R4 (http://hl7.org/fhir/issue-severity).
type Severity string

// The severities.
const (
	Fatal       Severity = "fatal"
	ErrorLevel  Severity = "error"
	Warning     Severity = "warning"
	Information Severity = "information"
)

// Issue is one OperationOutcome.issue.
type Issue struct {
	Severity   Severity
	Code       Code
	Expression string // FHIRPath of the element, "" when it is about no element
	Text       string // for a person; never patient data, SQL, tokens or stacks
}

// Error is every error that a caller may see. It is made by the constructors
// below, wrapped with %w and found with errors.As.
type Error struct {
	Situation Situation
	Issues    []Issue // at least one
	// ETag of the version the error is about, "" when it is about none
	// (R4 http §3.1.0.5 for 412; a 410 carries it too).
	ETag string
	// Err is the cause for the log; it is never shown.
	Err error
}

func (e *Error) Error() string {
	texts := make([]string, len(e.Issues))
	for i, issue := range e.Issues {
		texts[i] = issue.Text
		if issue.Expression != "" {
			texts[i] = issue.Expression + ": " + issue.Text
		}
	}
	return strings.Join(texts, "; ")
}

func (e *Error) Unwrap() error { return e.Err }

// WithCode is a copy whose first issue has another code.
func (e *Error) WithCode(code Code) *Error {
	c := *e
	c.Issues = append([]Issue(nil), e.Issues...)
	c.Issues[0].Code = code
	return &c
}

// WithETag is a copy that names a version.
func (e *Error) WithETag(etag string) *Error {
	c := *e
	c.ETag = etag
	return &c
}

// WithCause is a copy that carries a cause for the log.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Is lets errors.Is compare by situation: errors.Is(err, fhir.NotFound(key)).
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Situation == e.Situation
}

// SituationOf tells the situation of any error; SituationException for one that
// is not an *Error.
func SituationOf(err error) Situation {
	var e *Error
	if errors.As(err, &e) {
		return e.Situation
	}
	return SituationException
}

func newError(s Situation, code Code, expression, format string, args []any) *Error {
	return &Error{Situation: s, Issues: []Issue{{
		Severity: ErrorLevel, Code: code, Expression: expression, Text: fmt.Sprintf(format, args...),
	}}}
}

// Malformed: not JSON, a wrong type, an unknown or missing base element. 400.
func Malformed(expression, format string, args ...any) *Error {
	return newError(SituationMalformed, CodeStructure, expression, format, args)
}

// BadSearch: an unknown parameter or modifier, a bad value. 400.
func BadSearch(format string, args ...any) *Error {
	return newError(SituationBadSearch, CodeInvalid, "", format, args)
}

// TooCostly: a request past its budget. 400.
func TooCostly(format string, args ...any) *Error {
	return newError(SituationTooCostly, CodeTooCostly, "", format, args)
}

// LoginRequired: no token. 401.
func LoginRequired(format string, args ...any) *Error {
	return newError(SituationLoginRequired, CodeLogin, "", format, args)
}

// TokenExpired: a stale token. 401.
func TokenExpired(format string, args ...any) *Error {
	return newError(SituationTokenExpired, CodeExpired, "", format, args)
}

// Forbidden: scope or compartment says no. 403.
func Forbidden(format string, args ...any) *Error {
	return newError(SituationForbidden, CodeForbidden, "", format, args)
}

// NotFound: no such id; also what is hidden from the caller. 404.
func NotFound(key Key) *Error {
	return newError(SituationNotFound, CodeNotFound, "", "%s is not known", []any{key})
}

// NoVersion: the resource is known, that version of it is not. 404.
func NoVersion(key Key, versionID string) *Error {
	return newError(SituationNotFound, CodeNotFound, "", "%s has no version %s", []any{key, versionID})
}

// UnknownType: a type that is not served. 404.
func UnknownType(typ string) *Error {
	return newError(SituationUnknownType, CodeNotSupported, "", "resource type %q is not known", []any{clip(typ)})
}

// NotAllowed: an interaction that is not served at this level. 405.
func NotAllowed(format string, args ...any) *Error {
	return newError(SituationNotAllowed, CodeNotSupported, "", format, args)
}

// NotAcceptable: no format in Accept or _format that we write. 406.
func NotAcceptable(format string, args ...any) *Error {
	return newError(SituationNotAcceptable, CodeNotSupported, "", format, args)
}

// Conflict: a reference still points here, or a race lost after retries. 409.
func Conflict(format string, args ...any) *Error {
	return newError(SituationConflict, CodeConflict, "", format, args)
}

// Deleted: a read after a delete; etag is that of the deletion. 410.
func Deleted(key Key, etag string) *Error {
	return newError(SituationDeleted, CodeDeleted, "", "%s was deleted", []any{key}).WithETag(etag)
}

// PreconditionFailed: If-Match is stale. 412.
func PreconditionFailed(format string, args ...any) *Error {
	return newError(SituationPreconditionFailed, CodeConflict, "", format, args)
}

// ManyMatches: a condition finds more than one resource. 412.
func ManyMatches(format string, args ...any) *Error {
	return newError(SituationManyMatches, CodeMultipleMatches, "", format, args)
}

// TooLong: a body, Bundle or frame over the limit. 413.
func TooLong(format string, args ...any) *Error {
	return newError(SituationTooLong, CodeTooLong, "", format, args)
}

// LongURL: a request target over the limit. 414.
func LongURL(format string, args ...any) *Error {
	return newError(SituationLongURL, CodeTooLong, "", format, args)
}

// LongHeader: header fields over the limit. 431.
func LongHeader(format string, args ...any) *Error {
	return newError(SituationLongHeader, CodeTooLong, "", format, args)
}

// BadMedia: a Content-Type that we do not read. 415.
func BadMedia(format string, args ...any) *Error {
	return newError(SituationBadMedia, CodeNotSupported, "", format, args)
}

// Unprocessable: a profile, invariant, binding or business rule says no. 422.
func Unprocessable(expression, format string, args ...any) *Error {
	return newError(SituationUnprocessable, CodeBusinessRule, expression, format, args)
}

// Throttled: over the rate limit. 429.
func Throttled(format string, args ...any) *Error {
	return newError(SituationThrottled, CodeThrottled, "", format, args)
}

// Unavailable: the store is away or full. 503.
func Unavailable(format string, args ...any) *Error {
	return newError(SituationUnavailable, CodeTransient, "", format, args)
}

// Timeout: the deadline passed. 504.
func Timeout(format string, args ...any) *Error {
	return newError(SituationTimeout, CodeTimeout, "", format, args)
}

// Outcome is the OperationOutcome of issues.
func Outcome(issues []Issue) *Resource {
	list := NewArray()
	for _, issue := range issues {
		item := NewObject(S("severity", string(issue.Severity)), S("code", string(issue.Code)))
		if issue.Text != "" {
			item.Set("details", NewObject(S("text", issue.Text)))
			item.Set("diagnostics", NewString(issue.Text))
		}
		if issue.Expression != "" {
			item.Set("expression", NewArray(NewString(issue.Expression)))
		}
		list.Append(item)
	}
	r := NewResource("OperationOutcome")
	r.root.Set("issue", list)
	return r
}
