// Package lint holds the house rules that a machine can check: who may import
// whom, which module is used where and why, how long a file is, what has a
// comment. It reads the files itself; nothing is asked of the go command, whose
// answers a test cache would not notice to be stale. docs/adr/0001 has the
// reasons. What go vet, gofmt and golangci-lint check is left to them.
package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// module is this module's path.
const module = "vitalwire"

// file is one Go file.
type file struct {
	path      string // from the module's folder, with slashes
	dir       string
	source    []byte
	syntax    *ast.File
	set       *token.FileSet
	isTest    bool // a _test.go file
	generated bool
}

// finding is what a rule objects to, with its place.
type finding string

// at makes a finding in a file.
func (f *file) at(pos token.Pos, format string, args ...any) finding {
	return finding(fmt.Sprintf("%s:%d: %s", f.path, f.set.Position(pos).Line, fmt.Sprintf(format, args...)))
}

var generatedMark = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// parseFile reads one Go file from its source.
func parseFile(name string, source []byte) (*file, error) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	header := source[:set.Position(syntax.Package).Offset]
	return &file{
		path: name, dir: path.Dir(name), source: source, syntax: syntax, set: set,
		isTest:    strings.HasSuffix(name, "_test.go"),
		generated: generatedMark.Match(header),
	}, nil
}

// zone is the top-level folder of a package: "." is the main package.
func zone(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// forTests says whether a package exists for tests only: internal and what is
// named so, such as storetest.
func forTests(dir string) bool {
	return zone(dir) == "internal" || strings.HasSuffix(path.Base(dir), "test")
}

// within says whether a folder is another or lies below it.
func within(dir, parent string) bool {
	return dir == parent || strings.HasPrefix(dir, parent+"/")
}

// walk calls fn for every file of the module: not for hidden folders, other
// modules, the server's own data, or what git would not take either.
func walk(root string, fn func(name string) error) error {
	return filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if entry.IsDir() {
			switch {
			case name == ".":
				return nil
			case name == ".git", name == "data", entry.Name() == "node_modules":
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || name == ".git" { // a file in a linked work tree
			return nil
		}
		return fn(name)
	})
}

// load reads every Go file of the module. Folders that the go command leaves
// out are left out here as well.
func load(root string) ([]*file, error) {
	var files []*file
	err := walk(root, func(name string) error {
		if !strings.HasSuffix(name, ".go") || hiddenFromGo(name) {
			return nil
		}
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		f, err := parseFile(name, source)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func hiddenFromGo(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "testdata" || strings.HasPrefix(part, ".") || strings.HasPrefix(part, "_") {
			return true
		}
	}
	return false
}
