package profiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"vitalwire/fhir"
)

// Library holds the current Set. Readers take it without waiting; packages are
// read beside it and put in place at once. Use NewLibrary.
type Library struct {
	limits  Limits
	memory  int
	current atomic.Pointer[Set]
	loading sync.Mutex // one change of the set at a time
}

// DefaultMemory is how many bytes the packages of a Library keep at most.
const DefaultMemory = 256 << 20

// NewLibrary starts with a set, such as R4(). memory bounds what all packages
// together keep, in bytes (see Package.Memory).
func NewLibrary(set *Set, limits Limits, memory int) *Library {
	l := &Library{limits: limits, memory: memory}
	l.current.Store(set)
	return l
}

// Set is the current set. Take it once for one piece of work: the next call may
// give another.
func (l *Library) Set() *Set { return l.current.Load() }

// Load reads a package and puts it into the current set. Several may load at
// once. name is the archive's file name, used where it has no package.json. The
// errors are those of ReadPackage, and TooLong when the memory bound is reached.
func (l *Library) Load(ctx context.Context, in io.Reader, name string) (*Package, error) {
	p, err := ReadPackage(ctx, in, name, l.limits)
	if err != nil {
		return nil, err
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	set := l.Set()
	kept := p.Memory()
	for _, other := range set.Packages() {
		if other.Key() != p.Key() {
			kept += other.Memory()
		}
	}
	if kept > l.memory {
		return nil, fhir.TooLong("package: %s would bring the packages to %d MiB, over the bound of %d MiB",
			p.Key(), kept>>20, l.memory>>20)
	}
	l.current.Store(set.With(p))
	return p, nil
}

// Remove takes a package out of the current set and reports whether it was there.
func (l *Library) Remove(name, version string) bool {
	l.loading.Lock()
	defer l.loading.Unlock()
	for _, p := range l.Set().Packages() {
		if p.Name == name && p.Version == version {
			l.current.Store(l.Set().Without(name, version))
			return true
		}
	}
	return false
}

// LoadDir loads every .tgz file of a folder, in the order of their names. One
// that cannot be loaded does not stop the others; the error joins all.
func (l *Library) LoadDir(ctx context.Context, dir string) ([]*Package, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("packages: %w", err)
	}
	var loaded []*Package
	var failed []error
	for _, f := range files {
		if !f.Type().IsRegular() || !strings.HasSuffix(f.Name(), ".tgz") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return loaded, errors.Join(append(failed, err)...)
		}
		p, err := l.loadFile(ctx, filepath.Join(dir, f.Name()))
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.Name(), err))
			continue
		}
		loaded = append(loaded, p)
	}
	return loaded, errors.Join(failed...)
}

func (l *Library) loadFile(ctx context.Context, name string) (*Package, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return l.Load(ctx, f, filepath.Base(name))
}
