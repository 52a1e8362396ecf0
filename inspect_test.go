package camgate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// inspect returns all complaints about the Go files of a tree.
func inspect(t *testing.T, tree fs.FS) (complaints []string) {
	t.Helper()
	fset := token.NewFileSet()
	packages := map[string][]*ast.File{}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if _, err := fs.Stat(tree, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // a module of its own
			}
			if name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(base) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, name, source, parser.ParseComments)
		if err != nil {
			return err
		}
		packages[path.Dir(name)] = append(packages[path.Dir(name)], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder, files := range packages {
		p := &room{fset: fset, folder: folder, files: files}
		p.imports()
		p.code()
		p.variables()
		complaints = append(complaints, p.complaints...)
	}
	slices.Sort(complaints)
	return complaints
}

// room is one folder under inspection.
type room struct {
	fset       *token.FileSet
	folder     string
	files      []*ast.File
	complaints []string
}

func (r *room) complain(at token.Pos, format string, args ...any) {
	r.complaints = append(r.complaints, fmt.Sprintf("%s: %s", r.fset.Position(at), fmt.Sprintf(format, args...)))
}

// product calls f for all files that are no tests.
func (r *room) product(f func(*ast.File)) {
	for _, file := range r.files {
		if !strings.HasSuffix(r.fset.Position(file.Pos()).Filename, "_test.go") {
			f(file)
		}
	}
}

func (r *room) imports() {
	line := slices.IndexFunc(house, func(h struct{ folder, may string }) bool {
		below, ok := strings.CutSuffix(h.folder, "/*")
		return h.folder == r.folder || ok && strings.HasPrefix(r.folder, below+"/")
	})
	r.product(func(file *ast.File) {
		if line < 0 {
			r.complain(file.Pos(), "%s is not in the plan of the house", r.folder)
			return
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				r.complain(spec.Pos(), "%v", err)
				continue
			}
			own, isOwn := strings.CutPrefix(name+"/", modulePath+"/")
			own = path.Join(".", own)
			if isOwn {
				name = own
			} else if host, _, _ := strings.Cut(name, "/"); !strings.Contains(host, ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(strings.Fields(house[line].may), func(word string) bool {
				lib, isLib := libraries[word]
				return isOwn && (word == "all" || word == own) || isLib && strings.HasPrefix(name+"/", lib+"/")
			}) {
				r.complain(spec.Pos(), "%s may not import %s", r.folder, name)
			}
		}
	})
}

// code looks for what ends the process, and what runs before anybody asked.
func (r *room) code() {
	top, _, _ := strings.Cut(r.folder, "/")
	r.product(func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					r.complain(n.Pos(), "func init: nothing runs before main asks for it")
				}
			case *ast.CallExpr:
				name := dotted(n.Fun)
				if (name == "os.Exit" || strings.HasPrefix(name, "log.Fatal")) && !slices.Contains(mayExit, top) {
					r.complain(n.Pos(), "%s: only a program may end the process", name)
				}
			}
			return true
		})
	})
}

// variables complains about package-level variables that are more than names for
// something that never changes: those without a value, with a value that is made
// to be changed, and those that any file of the package changes.
func (r *room) variables() {
	fixed := map[string]*ast.ValueSpec{}
	r.product(func(file *ast.File) {
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, s := range gen.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					switch {
					case name.Name == "_", embedded(gen.Doc), embedded(spec.Doc):
					case len(spec.Values) != len(spec.Names) || !constant(spec.Values[i]):
						r.complain(name.Pos(), "%s is state of the package: two gateways in one process would share it", name.Name)
					default:
						fixed[name.Name] = spec
					}
				}
			}
		}
	})
	for _, file := range r.files {
		ast.Inspect(file, func(n ast.Node) bool {
			for _, target := range targets(n) {
				id := rootOf(target)
				if id == nil || fixed[id.Name] == nil {
					continue
				}
				// The parser resolves names within a file: one that it did not find there,
				// or found as the variable itself, is no local one.
				if id.Obj == nil || id.Obj.Decl == fixed[id.Name] {
					r.complain(n.Pos(), "%s is changed here: a variable of the package must not be", id.Name)
				}
			}
			return true
		})
	}
}

// targets returns the expressions that a node changes, or lets others change.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// rootOf returns the variable that an expression begins with, or nil.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// constant reports whether a value is one that is made to stay as it is.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.SelectorExpr, *ast.FuncLit:
		return true
	case *ast.BinaryExpr:
		return constant(e.X) && constant(e.Y)
	case *ast.UnaryExpr:
		return e.Op != token.AND && constant(e.X)
	case *ast.CompositeLit:
		name := dotted(e.Type)
		return !strings.HasPrefix(name, "sync.") && !strings.HasPrefix(name, "atomic.")
	case *ast.CallExpr:
		if _, conversion := e.Fun.(*ast.ArrayType); conversion {
			return true
		}
		return slices.Contains(constructors, dotted(e.Fun))
	}
	return false
}

// dotted returns "pkg.Name" of a selector, else "".
func dotted(e ast.Expr) string {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return id.Name + "." + sel.Sel.Name
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool {
		return strings.HasPrefix(c.Text, "//go:embed ")
	})
}
