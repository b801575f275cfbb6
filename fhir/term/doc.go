// Package term is the terminology of Vitalwire: the operations of the R4
// terminology service ($expand, $validate-code, $lookup, $subsumes, $translate)
// on the CodeSystem, ValueSet and ConceptMap resources of a Source, and the MDC
// terms (IEEE 11073-10101) that devices send, with the LOINC and UCUM codes of the
// same meaning.
//
// What cannot be decided, for want of a release of SNOMED CT or LOINC, is unknown
// and never wrong. Answers carry the issue codes of HL7's terminology ecosystem
// (tx-issue-type), so that validators can tell what went wrong.
//
// It leaves out $closure, post-coordinated expressions, and the codes of licensed
// terminologies.
package term
