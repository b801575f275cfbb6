package validate

import "context"

// Codes answers for terminology. Implementations are safe for concurrent use.
// What they cannot decide is Unknown, never NotMember.
type Codes interface {
	// InValueSet tells whether a code is in a value set, given by canonical. A
	// coding without a system is the value of a code element: the value set's own
	// systems are meant.
	InValueSet(ctx context.Context, valueSet string, c Coding) Verdict
	// InSystem tells whether the coding's system has the code, and with that
	// display when there is one.
	InSystem(ctx context.Context, c Coding) Verdict
}

// Coding is what is asked about.
type Coding struct{ System, Version, Code, Display string }

// Verdict is an answer.
type Verdict struct {
	Membership Membership
	// Display is a right display where the one asked with is wrong, else "".
	Display string
	// Supplement is set by InSystem where the system names a code system
	// supplement, which defines no codes (R4 codesystem §4.8.5).
	Supplement bool
}

// Membership is the answer to whether a code belongs.
type Membership uint8

// The answers.
const (
	Unknown Membership = iota
	Member
	NotMember
)

// NoCodes is a Codes that knows nothing.
type NoCodes struct{}

// InValueSet is Unknown.
func (NoCodes) InValueSet(context.Context, string, Coding) Verdict { return Verdict{} }

// InSystem is Unknown.
func (NoCodes) InSystem(context.Context, Coding) Verdict { return Verdict{} }
