package search

// Expressions are the FHIRPath expressions that the values of a parameter are found by,
// each on its own; those of a composite are its components, below what it is about. The
// internal ones, _id and _lastUpdated, and full text have none.
func (p *Param) Expressions() []string {
	if len(p.Components) == 0 {
		return p.arms
	}
	var list []string
	for _, arm := range p.arms {
		for _, c := range p.Components {
			list = append(list, arm+"."+c.expression.String())
		}
	}
	return list
}
