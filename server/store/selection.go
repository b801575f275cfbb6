package store

import "vitalwire/fhir"

// Selection names versions of the change feed: those that meet all of it. The
// zero Selection names every version there is.
type Selection struct {
	// Type and ID narrow to one resource type, and with an ID to one resource; ""
	// does not narrow.
	Type, ID string
	// Except leaves the versions of one type out; "" leaves out none.
	Except string
	// Above and Below are positions that the versions lie strictly between; a zero
	// Below is no bound.
	Above, Below int64
	// AsOf is the position that the selection is made at: what came later is not there, not
	// even to end the time of what it replaced (During). 0 is now.
	AsOf int64
	// During narrows to versions that were current at some moment of a period
	// (R4 http §3.1.0.10, _at). A deletion counts as a version.
	During *Period
	// Only narrows to the versions listed; nil does not narrow.
	Only []Named
	// Oldest turns the order round, which is newest first.
	Oldest bool
}

// Period is the half-open time from From up to To, in microseconds since 1970.
type Period struct{ From, To int64 }

// Named is a version of a resource, or with VersionID 0 all its versions.
type Named struct {
	Key       fhir.Key
	VersionID int64
}
