// Package proto goes between Resource and the protocol buffers of google/fhir/go
// (R4): for analytics that want protobuf, and as a second opinion on what we
// read.
//
// It is the only importer of that library, and the default binary does not
// import it: linking it costs start-up time and memory (docs/adr/0006-proto.md).
// It is not for the way to the store and back, since the library changes what it
// is given. Known of v0.7.4, and shown example by example in
// docs/conformance.md: fractions of a second are brought to milli- or
// microseconds, "-00:00" becomes "+00:00", extensions of Reference.reference are
// dropped, members come in alphabetical order. Two more it refuses are handled
// here: resources in Parameters, and null in lists of primitives.
package proto
