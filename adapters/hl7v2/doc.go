// Package hl7v2 reads HL7 version 2 messages in the vertical bar encoding (HL7
// 2.6, chapter 2) and writes their acknowledgements. It knows fields and not what
// they mean; adapters for message profiles build on it.
//
// It is strict where a wrong reading could pass for a right one (character sets,
// control characters, delimiters) and tolerant where senders are known to be
// careless: line ends, blank lines, trailing delimiters, unknown segments.
package hl7v2
