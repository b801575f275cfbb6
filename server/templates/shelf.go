// Package templates keeps the templates of a folder in service (adapters/template):
// it loads them, runs their cases, looks for changes while the server serves, and
// leaves what was there in service when a new version is broken.
package templates

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"vitalwire/adapters"
	"vitalwire/adapters/template"
)

// mostTemplates is how many folders are looked at.
const mostTemplates = 500

// reserved are the parts of /ingest/ that are no adapters.
var reserved = []string{"associations", "devices", "frames", "quarantine", "refused", "replays", "templates", "unknown-codes"}

// Shelf has the templates of a folder, a folder each. It is safe for concurrent use.
type Shelf struct {
	dir   string
	taken []string // names of adapters that are there anyway
	log   *slog.Logger

	mu   sync.RWMutex
	held map[string]*held
	list []adapters.Adapter
}

// held is what is known of one folder.
type held struct {
	template *template.Template // in service; nil for none
	print    string             // of the files that were loaded last
	fault    string             // why they are not in service
}

// Status is what an operator sees of a template.
type Status struct {
	Name string `json:"name"`
	// Version, Digest, Format and Cases of what is in service; empty for nothing.
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Format  string `json:"format,omitempty"`
	Cases   int    `json:"cases"`
	// Fault says why the files in the folder are not what is in service.
	Fault string `json:"fault,omitempty"`
}

// Open loads the templates of a folder. One that is broken is reported and not in
// service; only a folder that cannot be read is an error. Adapters are the others of
// the server, whose names are taken.
func Open(dir string, others []adapters.Adapter, log *slog.Logger) (*Shelf, error) {
	s := &Shelf{dir: dir, log: log, held: map[string]*held{}}
	for _, a := range others {
		s.taken = append(s.taken, a.Name)
	}
	return s, s.Look()
}

// Look loads what has changed since it looked last.
func (s *Shelf) Look() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if info, err := os.Stat(filepath.Join(s.dir, name)); err == nil && info.IsDir() && !strings.HasPrefix(name, ".") && len(names) < mostTemplates {
			names = append(names, name)
			s.look(name)
		}
	}
	for name, h := range s.held {
		if !slices.Contains(names, name) {
			delete(s.held, name)
			if h.template != nil {
				s.log.Info("template is gone", "template", name, "version", h.template.Version)
			}
		}
	}
	var list []adapters.Adapter
	for _, name := range names {
		if t := s.held[name].template; t != nil {
			list = append(list, t.Adapter())
		}
	}
	s.list = list
	return nil
}

// look loads one folder if its files are others than before.
func (s *Shelf) look(name string) {
	h := s.held[name]
	if h == nil {
		h = &held{}
		s.held[name] = h
	}
	print := fingerprint(filepath.Join(s.dir, name))
	if print == h.print {
		return
	}
	h.print, h.fault = print, ""
	if slices.Contains(s.taken, name) || slices.Contains(reserved, name) {
		h.fault = "the name is taken by the server's own"
		s.log.Error("template is not in service", "template", name, "fault", h.fault)
		return
	}
	t, err := template.Load(os.DirFS(filepath.Join(s.dir, name)), name)
	if err != nil {
		h.fault = err.Error()
		if h.template != nil {
			s.log.Error("template is broken; the version before it stays in service", "template", name, "version", h.template.Version, "fault", h.fault)
			return
		}
		s.log.Error("template is not in service", "template", name, "fault", h.fault)
		return
	}
	h.template = t
	s.log.Info("template is in service", "template", name, "version", t.Version, "digest", t.Digest, "cases", t.Cases())
}

// fingerprint tells a changed folder: names, sizes and times of its files.
func fingerprint(dir string) string {
	var b strings.Builder
	n := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if n++; err != nil || n > 1000 {
			return fs.SkipAll
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	if err != nil {
		return "?"
	}
	return b.String()
}

// Watch looks now and then until the context ends. A folder that cannot be read
// leaves what is there in service.
func (s *Shelf) Watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			err := s.Look()
			if err != nil && !failing {
				s.log.Error("the folder of templates cannot be read; they stay in service", "error", err)
			}
			failing = err != nil
		}
	}
}

// Adapters are the templates in service, by name.
func (s *Shelf) Adapters() []adapters.Adapter {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.list
}

// Get is a template in service, nil for none.
func (s *Shelf) Get(name string) *template.Template {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if h := s.held[name]; h != nil {
		return h.template
	}
	return nil
}

// List says how each folder stands, by name.
func (s *Shelf) List() []Status {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []Status{}
	for name, h := range s.held {
		status := Status{Name: name, Fault: h.fault}
		if t := h.template; t != nil {
			status.Version, status.Digest, status.Format, status.Cases = t.Version, t.Digest, t.Format, t.Cases()
		}
		list = append(list, status)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list
}
