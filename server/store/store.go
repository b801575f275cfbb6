// Package store is the contract of a versioned resource store. storetest holds
// every implementation to it; sqlite and postgres implement it.
//
// Versions are immutable. Every write gets a Position: a time-ordered 64-bit
// integer, microseconds since 1970 and never the same twice, that is at once its
// row id, its lastUpdated and its place in the one change feed. Positions become
// visible in order: who has seen a position has seen every earlier one there
// will ever be.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vitalwire/fhir"
	"vitalwire/fhir/search"
)

// Store keeps resources and records. All methods are safe for concurrent use.
// Errors are *fhir.Error (see each method); anything else is our fault.
// A cancelled context gives fhir.Timeout; a database that cannot be reached or
// is full gives fhir.Unavailable, and nothing of the write is kept.
type Store interface {
	// View runs fn on a snapshot: all its reads see one moment.
	View(ctx context.Context, fn func(Reader) error) error

	// Glance runs fn with reads of which each sees the newest moment by itself: for
	// one read it is quicker than a View. It is run again after a lost connection.
	Glance(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in a serializable transaction that commits when fn returns
	// nil. It is retried inside after a lost race, so fn may run again and must
	// leave nothing behind outside tx.
	Update(ctx context.Context, fn func(tx Tx) error) error

	// Apply commits units, each all or nothing on its own: a failing
	// precondition fails its unit alone. Units of many callers share a commit.
	// There is one Outcome for each unit, in order. When Apply returns, what
	// succeeded survives kill -9.
	Apply(ctx context.Context, units ...Unit) []Outcome

	// Reindex makes current versions findable by other search parameters, a bounded
	// number at a time. It may be repeated. What is written meanwhile is as findable
	// as the Registry of the store says.
	Reindex(ctx context.Context, r Reindexing) (Reindexed, error)

	// Follow has the Registry of the store know what other servers have made of its
	// custom parameters: learn is called when the database has newer ones, before
	// anything is committed and while a reader looks at Position or searches. A
	// search that was parsed by others is then refused with Stale.
	Follow(learn Learn)

	// Close ends the store after running calls are done.
	Close() error
}

// Reader reads one snapshot.
type Reader interface {
	// Position is the newest feed position the snapshot sees; 0 when empty.
	Position() (int64, error)

	// Marks are those of the snapshot.
	Marks() (Marks, error)

	// Read gives the current version, which may be Deleted.
	// fhir.NotFound when there never was one.
	Read(key fhir.Key) (Version, error)

	// ReadVersion gives that version, which may be Deleted.
	// fhir.NotFound when there is none.
	ReadVersion(key fhir.Key, versionID int64) (Version, error)

	// Versions gives the versions that a selection names, at most limit: newest
	// first, or oldest first when it asks for that.
	Versions(of Selection, limit int) ([]Version, error)

	// CountVersions is how many versions a selection names; -1 when they are more
	// than atMost.
	CountVersions(of Selection, atMost int64) (int64, error)

	// Current gives the current versions of those keys that are known, which may be
	// Deleted. One call for many keys is much quicker than many reads.
	Current(keys []fhir.Key) (map[fhir.Key]Version, error)

	// Holders gives the resources of a type, not deleted, that have an identifier:
	// newest first, at most 3. It is the question that a conditional create asks,
	// and quicker than a Search.
	Holders(typ string, id Identifier) ([]Version, error)

	// Newest gives for each identifier the newest of its Holders; the zero Version for
	// none. One call for many is much quicker than many Holders.
	Newest(typ string, ids []Identifier) ([]Version, error)

	// Search answers a query. Matches are current at the snapshot (or at the
	// Snapshot of query.After), never deleted, and lie in query.Sight, as does all
	// that was asked to find them; so does what is included, or in query.Brings.
	// A query without a Sight is an error.
	Search(query *search.Query) (Result, error)

	// Facts gives what the index knows of every match of a query, in no order, each
	// once; Sort, Count, Include and After do not count. give must not read.
	Facts(query *search.Query, give func(Fact) error) error

	// At gives the versions at positions, newest first; those there are none at are
	// left out.
	At(positions []int64) ([]Version, error)

	// Consented gives the classes that patients came to be of after a position, in the
	// order of that, at most limit; those without a class never had a Consent.
	Consented(after int64, limit int) ([]Consented, error)

	// Changes gives versions after a position in feed order, at most limit.
	Changes(after int64, limit int) ([]Version, error)

	// Record gives a record's value; ok is false when there is none.
	Record(collection, key string) (value []byte, ok bool, err error)

	// RecordsOf gives the values of those records that there are. One call for many is
	// much quicker than many of Record.
	RecordsOf(names []RecordName) (map[RecordName][]byte, error)

	// Records gives records whose key begins with prefix and comes after the key
	// `after`, in byte order of the keys, at most limit.
	Records(collection, prefix, after string, limit int) ([]Record, error)

	// LastRecord gives the record with the greatest key (byte order) that begins
	// with prefix and is not greater than `atMost`.
	LastRecord(collection, prefix, atMost string) (Record, bool, error)
}

// Explainer is a Reader that tells how it answers a search. Those of this module's
// stores do.
type Explainer interface {
	// Explain is Search, with the plan; also of a search that failed.
	Explain(query *search.Query) (Result, Plan, error)
}

// Plan says how a search was answered. It tells how many rows there are, so it is
// for those who may know.
type Plan struct {
	// Driver is what was walked; everything else was asked of each of its rows.
	Driver string
	Steps  []Step
}

// Step is a part of the work.
type Step struct {
	Name string
	// Rows are those the step gave, where it gives any.
	Rows int64
	Took time.Duration
}

// Tx is a Reader that sees its own writes, and writes.
type Tx interface {
	Reader

	// Write performs one write and gives the version made (for an absent delete:
	// the zero Version). Errors as in Outcome.Err; after an error the transaction
	// must be given up.
	Write(w Write) (Version, error)

	// WriteAll performs writes in order, all at once: for many much quicker than
	// one by one. After an error the transaction must be given up.
	WriteAll(writes []Write) Outcome

	// PutRecord performs one record write.
	PutRecord(w RecordWrite) error

	// Expunge removes versions for ever, and all that the index has of them. What is
	// left of a resource must be its newest versions without gaps, or nothing; then
	// it never was. Searches and histories begun before do not find them any more.
	Expunge(versions []Version) error
}

// Version is one version of a resource.
type Version struct {
	Key       fhir.Key
	VersionID int64 // 1, 2, 3 ... without gaps
	Position  int64
	Op        Op // what made it
	Deleted   bool
	// Body is the resource's canonical JSON without meta.versionId and
	// meta.lastUpdated; nil when Deleted. It must not be changed.
	Body []byte
	// Whole is nil, but for who is not shown all of the resource: then it is the Body that
	// is stored, to judge and to audit by, and never to be told. No store sets it.
	Whole []byte
}

// Stored is the Body as it is stored, also where the caller is not shown all of it.
func (v Version) Stored() []byte {
	if v.Whole != nil {
		return v.Whole
	}
	return v.Body
}

// LastUpdated is when the version was made, in UTC with microseconds.
func (v Version) LastUpdated() time.Time { return time.UnixMicro(v.Position).UTC() }

// ETag is the weak entity tag of R4 http §3.1.0.1.3.
func (v Version) ETag() string { return fmt.Sprintf(`W/"%d"`, v.VersionID) }

// Op says what a write does, or what made a version.
type Op uint8

// The writes.
const (
	// Create makes version 1. fhir.Conflict when the key was ever used.
	Create Op = iota + 1
	// Put makes the next version, or version 1 when there is none (R4 http
	// §3.1.0.4.1 update as create), also over a deletion.
	Put
	// Delete makes a deletion version; of what is absent or deleted it makes nothing.
	Delete
	// PutNew is what a Version says of a Put that brought the resource into being:
	// there was none, or a deleted one. It is not written.
	PutNew
)

// Write is one write with its preconditions.
type Write struct {
	Op  Op
	Key fhir.Key
	// Body is canonical JSON as in Version.Body, with resourceType, id and (if
	// present) meta as the first members. Not for Delete.
	Body []byte
	// Resource is Body, parsed: the store makes the searchable facts of it, and keeps
	// it no longer than the write takes. It must not be changed meanwhile. Nil has
	// Body parsed.
	Resource *fhir.Resource
	// Shard is the patient-compartment hash that places the resource when it is
	// new; later versions keep the first one's shard.
	Shard int64
	// IfMatch, when not 0, is the version that must be current:
	// fhir.PreconditionFailed otherwise, also when there is none.
	IfMatch int64
	// Makes, when not 0, is the version that the write must make, or MakesNothing:
	// fhir.Conflict with the cause ErrMoved otherwise. It is for who writes, in the same
	// unit, what that version will be.
	Makes int64
	// IfAbsent fails with *Exists when the key has a current version that is not deleted.
	IfAbsent bool
	// Unless makes a keyed conditional create (R4 http §3.1.0.8.1): when a
	// resource of the type that is not deleted has this identifier, the unit
	// fails with *Exists. Two racing writers with one key create one resource.
	Unless *Identifier
}

// MakesNothing is what a Delete of what is absent makes.
const MakesNothing = -1

// ErrMoved is the cause of the error of a write that would make another version than
// Write.Makes.
var ErrMoved = errors.New("another version would be made")

// Made is the version that a write makes of a resource whose current version is
// versionID (0 for none), live unless it is a deletion.
func (w *Write) Made(versionID int64, live bool) int64 {
	if w.Op == Delete && !live {
		return MakesNothing
	}
	return versionID + 1
}

// Identifier is the business identifier a conditional create is keyed by.
// A nil System is any system.
type Identifier struct {
	System *string
	Value  string
}

// Unit is what commits together.
type Unit struct {
	Writes  []Write
	Records []RecordWrite
}

// Outcome of one unit: Versions match Writes one to one (a Delete of what is
// absent gives a zero Version), or Err says why nothing of it was kept.
type Outcome struct {
	Versions []Version
	Err      error
	// Failed is the index of the write that Err is about; -1 when it is about none.
	Failed int
}

// Exists says that what a write must not find is there.
type Exists struct { //nolint:errname // what is there, not what went wrong
	// Write is the index in Unit.Writes.
	Write int
	// Matches are the resources found, newest first; more than one when several
	// carry the identifier (at most 3 are listed).
	Matches []Version
}

func (e *Exists) Error() string { return e.Matches[0].Key.String() + " exists already" }

// Record is a value of the server's own books (associations, quarantine,
// adapters' memory): plain bytes under collection and key.
type Record struct {
	Key   string
	Value []byte
}

// RecordName is where a record lies.
type RecordName struct{ Collection, Key string }

// RecordWrite puts a record, or removes it when Value is nil.
type RecordWrite struct {
	Collection, Key string
	Value           []byte
	// IfAbsent fails the unit with fhir.Conflict when the record exists.
	IfAbsent bool
	// IfValue, when not nil, is what the record must hold now, else fhir.Conflict.
	IfValue []byte
}

// Result is one page of a search.
type Result struct {
	Matches  []Version
	Included []Version // each once, none that is also a match
	// Total is the exact number of matches over all pages; -1 when not asked for.
	Total int64
	// Next continues after the last match; nil on the last page.
	Next *search.Cursor
}
