package lint

import (
	"bytes"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is the length of a hand-written file that still reads in one go.
const maxLines = 600

// lines checks the length of a file.
func lines(f *file) []finding {
	if n := bytes.Count(f.source, []byte("\n")); n > maxLines && !f.generated {
		return []finding{f.at(f.syntax.FileEnd, "%d lines; %d are the most for a file written by hand", n, maxLines)}
	}
	return nil
}

// emptyNames say nothing about what a package is for.
var emptyNames = []string{"base", "common", "helper", "helpers", "misc", "model", "models", "shared", "types", "util", "utils"}

// packageName checks the name of a package.
func packageName(f *file) []finding {
	name := strings.TrimSuffix(f.syntax.Name.Name, "_test")
	// internal/shared is the name of the folder it finds.
	if slices.Contains(emptyNames, name) && f.dir != "internal/shared" {
		return []finding{f.at(f.syntax.Name.Pos(), "package %s: a package is named for what it knows", name)}
	}
	return nil
}

// noInit refuses what runs before main and behind everybody's back.
func noInit(f *file) []finding {
	var found []finding
	for _, d := range f.syntax.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, f.at(fn.Pos(), "no func init: say it where it is used"))
		}
	}
	return found
}

// product says whether a file goes into the program, below a folder.
func (f *file) product(parent string) bool {
	return within(f.dir, parent) && !f.isTest && !forTests(f.dir)
}

// adapterRules refuse what makes an adapter unsafe or not repeatable: panics,
// the clock of the machine, floating point for clinical numbers.
func adapterRules(f *file) []finding {
	if !f.product("adapters") {
		return nil
	}
	var found []finding
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && name.Name == "panic" {
				found = append(found, f.at(n.Pos(), "an adapter does not panic: bytes from outside are never trusted"))
			}
		case *ast.Ident:
			if n.Name == "float64" || n.Name == "float32" {
				found = append(found, f.at(n.Pos(), "%s: a clinical number is decimal text", n.Name))
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Local", "After", "Tick", "NewTimer", "NewTicker", "Sleep"}, n.Sel.Name) {
				found = append(found, f.at(n.Pos(), "time.%s: the same frames give the same reports, so an adapter has no clock", n.Sel.Name))
			}
		}
		return true
	})
	return found
}

// packageComments wants one package comment for each package of the product and
// of internal.
func packageComments(files []*file) []finding {
	first := map[string]*file{}
	described := map[string]bool{}
	var dirs []string
	for _, f := range files {
		if f.isTest {
			continue
		}
		if first[f.dir] == nil {
			first[f.dir] = f
			dirs = append(dirs, f.dir)
		}
		if f.syntax.Doc != nil && strings.TrimSpace(f.syntax.Doc.Text()) != "" {
			described[f.dir] = true
		}
	}
	var found []finding
	for _, dir := range dirs {
		if f := first[dir]; !described[dir] {
			found = append(found, f.at(f.syntax.Package, "package %s has no comment: what it is, which clause it implements, what it leaves out", f.syntax.Name.Name))
		}
	}
	return found
}

// wellKnown methods do what their standard interface says.
var wellKnown = []string{"Error", "Is", "Len", "Less", "MarshalJSON", "MarshalText", "String", "Swap", "UnmarshalJSON", "UnmarshalText", "Unwrap"}

// exportedComments wants a comment on everything exported: a const, var or type
// may have it on its group.
func exportedComments(f *file) []finding {
	if f.isTest || f.generated || f.syntax.Name.Name == "main" || forTests(f.dir) || slices.Contains(strings.Split(f.dir, "/"), "internal") {
		return nil
	}
	var found []finding
	want := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		for _, doc := range docs {
			if doc != nil && strings.TrimSpace(doc.Text()) != "" {
				return
			}
		}
		if name.IsExported() {
			found = append(found, f.at(name.Pos(), "%s is exported and has no comment", name.Name))
		}
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || receiver(d).IsExported() && !slices.Contains(wellKnown, d.Name.Name) {
				want(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					want(s.Name, d.Doc, s.Doc, s.Comment)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						want(name, d.Doc, s.Doc, s.Comment)
					}
				}
			}
		}
	}
	return found
}

// receiver is the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) *ast.Ident {
	expr := fn.Recv.List[0].Type
	for {
		switch t := expr.(type) {
		case *ast.StarExpr:
			expr = t.X
		case *ast.IndexExpr:
			expr = t.X
		case *ast.IndexListExpr:
			expr = t.X
		case *ast.Ident:
			return t
		default:
			return ast.NewIdent("_")
		}
	}
}

var reminder = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b(\(#\d+\))?`)

// reminders wants an issue number with every reminder in a comment, so that it
// is found by those who plan.
func reminders(f *file) []finding {
	var found []finding
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			for _, m := range reminder.FindAllStringSubmatch(c.Text, -1) {
				if m[2] == "" {
					found = append(found, f.at(c.Pos(), "%s without an issue: %s(#12)", m[1], m[1]))
				}
			}
		}
	}
	return found
}

// adapterOf is the folder of the adapter that a file belongs to, or "": the
// cursor is where bytes are indexed, hl7v2 and records read text: none is an adapter.
func adapterOf(f *file) string {
	if !f.product("adapters") || f.dir == "adapters" || path.Base(f.dir) == "cursor" || path.Base(f.dir) == "hl7v2" || path.Base(f.dir) == "records" {
		return ""
	}
	return f.dir
}
