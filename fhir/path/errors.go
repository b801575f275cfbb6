package path

import (
	"errors"
	"fmt"
	"strings"
)

// ErrorKind tells at which stage an expression failed.
type ErrorKind uint8

// The kinds of error.
const (
	Syntax    ErrorKind = iota // the text is not FHIRPath
	Semantic                   // it names a function, type or element that does not exist
	Execution                  // the data do not fit it, such as two items where one is needed
	Budget                     // it took more steps, depth or space than allowed
)

func (k ErrorKind) String() string {
	return [...]string{"syntax", "semantic", "execution", "budget"}[k]
}

// Error is every error of this package; find it with errors.As.
type Error struct {
	Kind ErrorKind
	// Expression is the text that failed, shortened when it is long.
	Expression string
	// Offset is where in the expression, in bytes from 0; Line and Column count from 1.
	Offset, Line, Column int
	// Text says what is wrong. It names types and functions, never values of the data.
	Text string
	// Err is the cause, such as that of a cancelled context or a failed look-up.
	Err error
}

func (e *Error) Error() string {
	return fmt.Sprintf("FHIRPath %s error at line %d column %d: %s", e.Kind, e.Line, e.Column, e.Text)
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of err, and whether it is an error of this package at all.
func KindOf(err error) (ErrorKind, bool) {
	var e *Error
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.Kind, true
}

// errAt makes an error at an offset; locate adds the rest once the text is known.
func errAt(kind ErrorKind, offset int, format string, args ...any) *Error {
	return &Error{Kind: kind, Offset: offset, Text: fmt.Sprintf(format, args...)}
}

// locate fills in expression, line and column.
func locate(err error, text string) error {
	var e *Error
	if !errors.As(err, &e) || e.Line != 0 {
		return err
	}
	at := min(e.Offset, len(text))
	e.Line = 1 + strings.Count(text[:at], "\n")
	e.Column = at - strings.LastIndexByte(text[:at], '\n')
	e.Expression = clip(text, 200)
	return err
}

// clip shortens text for a message, at a character's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}
