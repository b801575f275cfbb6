package profiles

import "vitalwire/profiles/internal/pack"

// OpenR4 reads the embedded definitions anew, as the first R4() of a process does.
func OpenR4() *Set {
	p, err := pack.Open(r4pack)
	if err != nil {
		panic(err)
	}
	return newSet([]*shelf{newShelf(p, nil)})
}

// CompareVersions lets tests see the order of versions.
var CompareVersions = compareVersions
