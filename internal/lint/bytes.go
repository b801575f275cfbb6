package lint

import (
	"go/ast"
)

// byteIndexing refuses indexing and slicing of bytes in adapters: only the
// cursor does that, with its bounds checked. Types are judged by what is written
// in the adapter itself: declared variables, fields and results of type []byte
// (or string made of such), conversions, and the cursor's Take.
func byteIndexing(files []*file) []finding {
	folders := map[string][]*file{}
	for _, f := range files {
		if dir := adapterOf(f); dir != "" {
			folders[dir] = append(folders[dir], f)
		}
	}
	var found []finding
	for _, f := range files {
		folder := folders[adapterOf(f)]
		if folder == nil {
			continue
		}
		known := byteNames(folder)
		for _, d := range f.syntax.Decls {
			scope := known
			if fn, ok := d.(*ast.FuncDecl); ok {
				scope = known.function(fn)
			}
			ast.Inspect(d, func(n ast.Node) bool {
				var of ast.Expr
				switch n := n.(type) {
				case *ast.IndexExpr:
					of = n.X
				case *ast.SliceExpr:
					of = n.X
				default:
					return true
				}
				if scope.isBytes(of) {
					found = append(found, f.at(n.Pos(), "bytes are read through the cursor, not by index"))
				}
				return true
			})
		}
	}
	return found
}

// byteTypes knows by name what holds bytes in one adapter.
type byteTypes struct {
	types     map[string]bool // named types that are []byte
	fields    map[string]bool
	functions map[string]bool // functions and methods whose first result is bytes
	variables map[string]bool
}

// byteNames collects the names that hold bytes anywhere in a package.
func byteNames(files []*file) byteTypes {
	b := byteTypes{
		types:     map[string]bool{},
		fields:    map[string]bool{},
		functions: map[string]bool{"Take": true},
		variables: map[string]bool{},
	}
	// Named types first: the rest may use them.
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if t, ok := n.(*ast.TypeSpec); ok && b.isByteType(t.Type) {
				b.types[t.Name.Name] = true
			}
			return true
		})
	}
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if t, ok := n.(*ast.StructType); ok {
				b.declare(b.fields, t.Fields)
			}
			return true
		})
		for _, d := range f.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if r := d.Type.Results; r != nil && len(r.List) > 0 && b.isByteType(r.List[0].Type) {
					b.functions[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok {
						b.declareValue(v)
					}
				}
			}
		}
	}
	return b
}

func (b byteTypes) declare(names map[string]bool, fields *ast.FieldList) {
	if fields == nil {
		return
	}
	for _, field := range fields.List {
		if b.isByteType(field.Type) {
			for _, name := range field.Names {
				names[name.Name] = true
			}
		}
	}
}

func (b byteTypes) declareValue(v *ast.ValueSpec) {
	for i, name := range v.Names {
		if b.isByteType(v.Type) || i < len(v.Values) && b.isBytes(v.Values[i]) {
			b.variables[name.Name] = true
		}
	}
}

// function adds what a function declares: its parameters and variables.
func (b byteTypes) function(fn *ast.FuncDecl) byteTypes {
	scope := b
	scope.variables = map[string]bool{}
	for name := range b.variables {
		scope.variables[name] = true
	}
	scope.declare(scope.variables, fn.Recv)
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			scope.declare(scope.variables, n.Params)
			scope.declare(scope.variables, n.Results)
		case *ast.ValueSpec:
			scope.declareValue(n)
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				name, ok := left.(*ast.Ident)
				if !ok || len(n.Rhs) != len(n.Lhs) && i > 0 {
					continue
				}
				if i < len(n.Rhs) && scope.isBytes(n.Rhs[i]) {
					scope.variables[name.Name] = true
				}
			}
		}
		return true
	})
	return scope
}

// isByteType says whether a written type is []byte or one named for it.
func (b byteTypes) isByteType(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.ArrayType:
		name, ok := t.Elt.(*ast.Ident)
		return ok && t.Len == nil && (name.Name == "byte" || name.Name == "uint8")
	case *ast.Ident:
		return b.types[t.Name]
	}
	return false
}

// isBytes says whether an expression is known to be bytes, or a string made of them.
func (b byteTypes) isBytes(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return b.variables[e.Name]
	case *ast.SelectorExpr:
		return b.fields[e.Sel.Name]
	case *ast.ParenExpr:
		return b.isBytes(e.X)
	case *ast.SliceExpr:
		return b.isBytes(e.X)
	case *ast.CompositeLit:
		return b.isByteType(e.Type)
	case *ast.CallExpr:
		switch fn := e.Fun.(type) {
		case *ast.Ident:
			if fn.Name == "append" || fn.Name == "string" {
				return len(e.Args) > 0 && b.isBytes(e.Args[0])
			}
			if fn.Name == "make" {
				return len(e.Args) > 0 && b.isByteType(e.Args[0])
			}
			return b.functions[fn.Name] || b.types[fn.Name]
		case *ast.SelectorExpr:
			return b.functions[fn.Sel.Name]
		default:
			return b.isByteType(fn)
		}
	}
	return false
}
