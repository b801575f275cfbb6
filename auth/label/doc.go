// Package label is a security labelling service (IHE PCF 1.1, HL7 DS4P): from the codes
// in a resource it tells how sensitive the resource is, and from that how confidential.
// It reads a resource and changes nothing; where labels are kept is the caller's matter.
package label
