// Package path is FHIRPath (release 2.0.0, normative, as R4 fhirpath.html uses
// it): Compile turns text into closures once, Eval runs them on resources.
//
// Numbers are exact decimals, dates keep the precision they were written with
// and compare in three-valued logic, quantities compare and compute through
// UCUM. Every evaluation has a budget of steps and depth. Of the trial-use parts
// it has what R4's own test suite uses (aggregate, sort, boundaries, encode,
// escape, string functions of 2.1); defineVariable and the long integers of later
// releases are left out. Elements are known by a Model made of definitions.
package path
