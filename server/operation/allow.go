package operation

import "vitalwire/fhir"

// Allow lists the methods served on the path of an operation, for Allow and
// OPTIONS; none when it is not served there.
func (s *Set) Allow(path string) []string {
	code, c, ok := place(path)
	o := s.find(code, c)
	switch {
	case !ok, o == nil, c.VersionID != "" && !o.Versions, c.ID != "" && !fhir.ValidID(c.ID):
		return nil
	case o.affectsState:
		return []string{"POST"}
	}
	return []string{"GET", "HEAD", "POST"}
}
