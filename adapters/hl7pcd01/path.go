package hl7pcd01

import (
	"strings"

	"vitalwire/adapters/hl7v2"
)

// path is OBX-4: MDS.VMD.Channel.Metric[.Facet], 0 for a level that is not there
// (PCD TF-2, B.8.4). It is empty in a plain ORU.
type path []string

// maxDepth bounds the numbers of a path; five are defined.
const maxDepth = 8

func pathOf(s hl7v2.Segment) (path, error) {
	text := s.Field(4).Component(1).Text()
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return nil, nil // a sub-id of the sender's own
	}
	p := path(strings.Split(text, "."))
	if len(p) > maxDepth || len(text) > 100 {
		return nil, s.Errorf(4, "a sub-id has at most %d numbers", maxDepth)
	}
	return p, nil
}

// mds is the number of the MDS.
func (p path) mds() string {
	if len(p) == 0 {
		return ""
	}
	return p[0]
}

// String is the path as it was sent but for zeros at its end: "1.3".
func (p path) String() string {
	end := len(p)
	for end > 0 && strings.Trim(p[end-1], "0") == "" {
		end--
	}
	return strings.Join(p[:end], ".")
}

// parent is the path of the object that a metric, at the fourth place, is of.
func (p path) parent() path {
	if len(p) > 4 {
		return p[:4] // a facet is of its metric
	}
	return p[:max(len(p)-1, 0)]
}

// isObject reports whether the path is that of an MDS, VMD or channel.
func (p path) isObject() bool {
	return len(p) > 0 && (len(p) <= 3 || len(p) == 4 && strings.Trim(p[3], "0") == "")
}

// isFacet reports whether the path is that of a part of a metric.
func (p path) isFacet() bool {
	return len(p) > 4 && strings.Trim(p[4], "0") != "" && strings.Trim(p[3], "0") != ""
}
