package search

import "vitalwire/fhir"

// unserved refuses what the stores do not answer yet.
func unserved(c *Clause) *fhir.Error {
	if c.Group != nil || c.By == ByText || c.Match > Below {
		return fhir.BadSearch("and, or and not between parameters, and the modifier :text of codes, are not supported yet").WithCode(fhir.CodeNotSupported)
	}
	if c.Has != nil {
		return unserved(&c.Has.Clause)
	}
	for i := range c.Chain {
		if err := unserved(&c.Chain[i].Clause); err != nil {
			return err
		}
	}
	return nil
}
