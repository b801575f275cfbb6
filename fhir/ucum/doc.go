// Package ucum is the Unified Code for Units of Measure, version 2.2, case
// sensitive: Parse reads a unit by the full grammar (UCUM §2.1), Convert, Mul and
// Div compute exactly with fractions. Only units on logarithmic and tangent
// scales leave exactness, at 40 significant digits; no machine floats are used.
//
// The case insensitive codes (c/i) are left out: FHIR uses the case sensitive
// ones (R4 datatypes Quantity).
package ucum

//go:generate ./fetch-essence.sh
