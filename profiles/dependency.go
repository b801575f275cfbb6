package profiles

import (
	"slices"
	"strings"
)

// Missing is a dependency of a package that the set does not hold as stated.
type Missing struct {
	Package string // name#version that needs it
	Needs   Dependency
	// Instead is the version of the dependency that is used in its place, ""
	// where there is none.
	Instead string
}

// Missing are the dependencies that the packages of the set state and that are
// not there in that version, by package and name.
func (s *Set) Missing() []Missing { return slices.Clone(s.missing) }

// core is the package that is embedded.
const core = "hl7.fhir.r4.core"

// resolve finds the dependencies of each package among those present.
func (s *Set) resolve() {
	direct := make(map[int][]int)
	for i, sh := range s.shelves {
		if sh.from == nil {
			continue
		}
		for _, d := range sh.from.Dependencies {
			if d.Name == core {
				continue
			}
			found := s.dependency(d)
			if found >= 0 {
				direct[i] = append(direct[i], found)
			}
			if found < 0 || !matches(s.shelves[found].from.Version, d.Version) {
				m := Missing{Package: sh.from.Key(), Needs: d}
				if found >= 0 {
					m.Instead = s.shelves[found].from.Version
				}
				s.missing = append(s.missing, m)
			}
		}
	}
	// What a package means by a canonical is looked up in itself, then in its
	// dependencies, nearest first.
	s.deps = make(map[string][]int)
	for i, sh := range s.shelves {
		if sh.from == nil {
			continue
		}
		order := []int{i}
		for at := 0; at < len(order); at++ {
			for _, next := range direct[order[at]] {
				if !slices.Contains(order, next) {
					order = append(order, next)
				}
			}
		}
		s.deps[sh.from.Key()] = order
	}
}

// dependency finds the shelf for a dependency: the version it states, or else
// the newest of that name; -1 where there is none. HL7 publishes a package for
// several FHIR versions under its name with a suffix: .r4 is ours.
func (s *Set) dependency(d Dependency) int {
	best := -1
	for i, sh := range s.shelves {
		if sh.from == nil || sh.from.Name != d.Name && sh.from.Name != d.Name+".r4" {
			continue
		}
		switch {
		case best < 0:
			best = i
		case matches(s.shelves[best].from.Version, d.Version):
		case matches(sh.from.Version, d.Version) || compareVersions(sh.from.Version, s.shelves[best].from.Version) > 0:
			best = i
		}
	}
	return best
}

// matches reports whether a version is the wanted one; "x" in it stands for any
// number, "current" and "dev" for any version.
func matches(version, wanted string) bool {
	if version == wanted || wanted == "current" || wanted == "dev" || wanted == "latest" {
		return true
	}
	prefix, ok := strings.CutSuffix(wanted, ".x")
	return ok && strings.HasPrefix(version, prefix+".")
}
