// Package xml reads and writes application/fhir+xml (R4 xml §2.6.1): the same
// Resource as in JSON, decimals as written, elements in the order of their
// definitions.
//
// XML does not say what repeats, what is a number or where an element's name
// ends and its type begins; the definitions do, so both directions take a
// definition.Structures. Comments and processing instructions are dropped; the
// narrative's div is kept byte for byte. What XML can do and FHIR never needs is
// refused: document types, entities other than the five of XML, encodings other
// than UTF-8.
//
// Left out: whether a resource is valid. fhir/validate is asked for that, and
// ParseElement reads for it.
package xml

import "vitalwire/fhir"

const (
	nsFHIR  = "http://hl7.org/fhir"
	nsXHTML = "http://www.w3.org/1999/xhtml"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXSI   = "http://www.w3.org/2001/XMLSchema-instance"
)

// Bounds on what is read. Depth is that of the JSON form, fhir.MaxDepth, so that
// what was read as XML can be read again as JSON.
const (
	// MaxSize is how many bytes are read at most.
	MaxSize = 64 << 20
	// MaxTags is how deep tags may nest, narratives included.
	MaxTags = 256

	maxNarrative  = 128 // tags inside a div; with those around it fewer than MaxTags
	maxAttributes = 64  // of one tag; FHIR needs three, XHTML a dozen
	maxBindings   = 256 // namespace declarations in scope
	maxIssues     = 100 // collected; more would not help a person
)

// The depth of the JSON form is what limits nesting.
const maxDepth = fhir.MaxDepth
