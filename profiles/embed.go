package profiles

import (
	_ "embed"
	"sync"

	"vitalwire/profiles/internal/pack"
)

//go:embed r4.pack
var r4pack []byte

// R4 is the set of the embedded R4 (4.0.1) definitions alone. The first call
// reads the index; a definition is decoded when it is first used.
func R4() *Set { return r4() }

var r4 = sync.OnceValue(func() *Set {
	p, err := pack.Open(r4pack)
	if err != nil {
		// The file is part of the program, and the package's tests read all of it.
		panic("profiles: embedded definitions: " + err.Error())
	}
	return newSet([]*shelf{newShelf(p, nil)})
})
