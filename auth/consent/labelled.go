package consent

// Labelled is the Formula of resources with one of some labels, or with one that these
// subsume, as a deny reads them: from a confidentiality upwards, and in doubt it holds.
func Labelled(labels []Coding) Formula { return met(Constraint{Labels: labels}) }
