// Package fhir holds the words of HL7 FHIR R4 (4.0.1): Resource as an ordered
// JSON tree, Key and Reference, partial dates and instants, and Error with the
// issue codes of OperationOutcome. It does no I/O and knows no definitions:
// whether a resource is valid is asked of fhir/validate.
package fhir
