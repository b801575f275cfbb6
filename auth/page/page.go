// Package page holds what the pages of the authorization server look like: a frame
// that all share (shell.html), and in it one file for each page, which defines its
// "title" and its "main". They are read by people with a keyboard, a screen reader
// or a telephone, need no script, and load nothing.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed *.html
var files embed.FS

// Style is the one style sheet. Its text stands in every page, so that a policy can
// name its hash.
//
//go:embed style.css
var Style string

const shell = "shell.html"

// sets are the templates of each page, with the shell.
var sets = sync.OnceValues(func() (map[string]*template.Template, error) {
	common, err := template.New(shell).ParseFS(files, shell)
	if err != nil {
		return nil, err
	}
	names, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	sets := map[string]*template.Template{}
	for _, file := range names {
		if file.Name() == shell {
			continue
		}
		set, err := common.Clone()
		if err == nil {
			set, err = set.ParseFS(files, file.Name())
		}
		if err != nil {
			return nil, err
		}
		sets[strings.TrimSuffix(file.Name(), path.Ext(file.Name()))] = set
	}
	return sets, nil
})

// Write writes the page of a name. The view has the members Data, User, Token,
// Style and Admin, which the shell uses.
func Write(w io.Writer, name string, view any) error {
	sets, err := sets()
	if err != nil {
		return err
	}
	set, ok := sets[name]
	if !ok {
		return fmt.Errorf("page: there is none named %q", name)
	}
	return set.ExecuteTemplate(w, shell, view)
}

// Names are those of all pages.
func Names() ([]string, error) {
	sets, err := sets()
	return slices.Sorted(maps.Keys(sets)), err
}
