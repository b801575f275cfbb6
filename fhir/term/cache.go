package term

import (
	"container/list"
	"sync"

	"vitalwire/fhir"
)

// A cache keeps compiled code systems by the resource they were made of, the
// last used ones up to a number of concepts. A stored resource, which a source
// may parse anew each time, is known by its identity and version.
type cache struct {
	mu      sync.Mutex
	special map[string]*system // unversioned systems that are no resources
	size    int                // concepts kept
	limit   int
	order   *list.List            // of *cached, last used first
	byFrom  map[any]*list.Element // by *fhir.Resource or stamp
}

type cached struct {
	from   any
	system *system
}

// A stamp tells versions of a stored resource apart.
type stamp struct{ url, version, id, versionID, updated string }

func identity(r *fhir.Resource) any {
	versionID := r.Path("meta", "versionId").Text()
	if versionID == "" {
		return r
	}
	return stamp{r.Get("url").Text(), r.Get("version").Text(), r.ID(), versionID, r.Path("meta", "lastUpdated").Text()}
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byFrom: map[any]*list.Element{}, special: map[string]*system{}}
}

// perSystem is what a code system costs beside its concepts.
const perSystem = 16

// system is the compiled form of a CodeSystem.
func (c *cache) system(r *fhir.Resource) *system {
	from := identity(r)
	c.mu.Lock()
	if e, ok := c.byFrom[from]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*cached).system
	}
	c.mu.Unlock()

	s := compile(r) // two callers may both do it; one result is kept
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byFrom[from]; ok {
		return e.Value.(*cached).system
	}
	c.byFrom[from] = c.order.PushFront(&cached{from: from, system: s})
	c.size += len(s.concepts) + perSystem
	for c.size > c.limit && c.order.Len() > 1 {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.byFrom, old.from)
		c.size -= len(old.system.concepts) + perSystem
	}
	return s
}

// special is the code system of that url that is no resource, nil for none.
func (s *Service) special(url, version string) *system {
	if version != "" || url == MDCSystem {
		return specialSystem(url, version) // the nomenclature keeps its own
	}
	c := s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	made, ok := c.special[url]
	if !ok {
		if made = specialSystem(url, ""); made != nil { // few, by a fixed list
			c.special[url] = made
		}
	}
	return made
}
