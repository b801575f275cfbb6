package hl7pcd01

import (
	"strings"

	"vitalwire/adapters/hl7v2"
)

// path is OBX-4: MDS.VMD.Channel.Metric[.Facet], 0 for a level that is not there
// (PCD TF-2, B.8.4). It is empty in a plain ORU.
type path string

// maxDepth bounds the numbers of a path; five are defined.
const maxDepth = 8

func pathOf(s *hl7v2.Segment) (path, error) {
	p := path(s.Field(4).Component(1).Text())
	for i := range len(p) {
		if p[i] != '.' && (p[i] < '0' || p[i] > '9') {
			return "", nil // a sub-id of the sender's own
		}
	}
	if p.depth() > maxDepth || len(p) > 100 {
		return "", s.Errorf(4, "a sub-id has at most %d numbers", maxDepth)
	}
	return p, nil
}

// depth is how many numbers the path has.
func (p path) depth() int {
	if p == "" {
		return 0
	}
	return strings.Count(string(p), ".") + 1
}

// mds is the number of the MDS.
func (p path) mds() string {
	mds, _, _ := strings.Cut(string(p), ".")
	return mds
}

// String is the path as it was sent but for zeros at its end: "1.3".
func (p path) String() string {
	for p != "" && p.last() == "" {
		p = p.up()
	}
	return string(p)
}

// last is the last number, without zeros in front.
func (p path) last() path {
	return path(strings.TrimLeft(string(p[strings.LastIndexByte(string(p), '.')+1:]), "0"))
}

// up is the path without its last number.
func (p path) up() path { return p[:max(strings.LastIndexByte(string(p), '.'), 0)] }

// metric is the path up to its fourth number.
func (p path) metric() path {
	for n := p.depth(); n > 4; n-- {
		p = p.up()
	}
	return p
}

// channel is the number of the channel, "" if the path has none.
func (p path) channel() path {
	channel := p.metric()
	for n := channel.depth(); n > 3; n-- {
		channel = channel.up()
	}
	if channel.depth() < 3 {
		return ""
	}
	return channel.last()
}

// parent is the path of the object that a metric, at the fourth place, is of.
func (p path) parent() path {
	if p.depth() > 4 {
		return p.metric() // a facet is of its metric
	}
	return p.up()
}

// isObject reports whether the path is that of an MDS, VMD or channel.
func (p path) isObject() bool {
	depth := p.depth()
	return depth > 0 && (depth <= 3 || depth == 4 && p.last() == "")
}

// isFacet reports whether the path is that of a part of a metric.
func (p path) isFacet() bool {
	metric := p.metric()
	if metric == p || metric.last() == "" {
		return false
	}
	facet, _, _ := strings.Cut(string(p[len(metric)+1:]), ".")
	return strings.Trim(facet, "0") != ""
}
