package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	comfort = 400 // lines; above, a note
	limit   = 600 // lines; above, a finding
)

// rooms are the folders that must explain themselves.
func rooms() []string {
	return []string{"consensus", "gateway", "mesh", "node", "session", "web"}
}

// pure are the packages that start no goroutine, sub-packages included.
func pure() []string {
	return []string{
		"consensus/command", "consensus/invite", "consensus/policy", "consensus/state", "consensus/trust",
		"mesh/filter", "mesh/identity", "node/plan",
	}
}

func skipped(dir string) bool {
	base := path.Base(dir)
	return dir == "tools" || dir == "bin" || dir == "dist" || base == "testdata" || base == "node_modules" ||
		(strings.HasPrefix(base, ".") && base != ".")
}

func meaningless(name string) bool {
	switch strings.TrimSuffix(name, ".go") {
	case "util", "utils", "common", "helper", "helpers", "types", "misc":
		return true
	}
	return false
}

// report holds what was found, one line each, sorted.
type report struct{ findings, warnings []string }

func (r *report) find(where, format string, args ...any) {
	r.findings = append(r.findings, where+": "+fmt.Sprintf(format, args...))
}

// pkg is one folder of Go files.
type pkg struct {
	name    string
	written bool // holds a file that is neither generated nor a test
	doc     string
	hasDoc  bool
}

func inspect(root string) (*report, error) {
	r := &report{}
	pkgs := map[string]*pkg{}
	err := filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			// Other programs may be at work in the tree.
			if errors.Is(err, fs.ErrNotExist) && full != root {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && skipped(rel):
			return fs.SkipDir
		case d.IsDir() && meaningless(d.Name()), strings.HasSuffix(rel, ".go") && meaningless(d.Name()):
			r.find(rel, "the name says nothing; name it by what it does")
			return nil
		case d.IsDir() || !strings.HasSuffix(rel, ".go"):
			return nil
		}
		return r.file(root, rel, pkgs)
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range rooms() {
		if _, err := os.Stat(filepath.Join(root, dir, "DESIGN.md")); err != nil {
			r.find(dir, "the room has no DESIGN.md")
		}
	}
	for dir, p := range pkgs {
		r.docs(dir, p)
	}
	slices.Sort(r.findings)
	slices.Sort(r.warnings)
	return r, nil
}

func (r *report) file(root, rel string, pkgs map[string]*pkg) error {
	src, err := os.ReadFile(filepath.Join(root, rel))
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, rel, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	if ast.IsGenerated(tree) {
		return nil
	}
	switch lines := bytes.Count(src, []byte("\n")); {
	case lines > limit:
		r.find(rel, "%d lines, want at most %d; split it by meaning", lines, limit)
	case lines > comfort:
		r.warnings = append(r.warnings, fmt.Sprintf("%s: %d lines, comfort ends at %d", rel, lines, comfort))
	}
	dir := path.Dir(rel)
	if strings.HasSuffix(rel, "_test.go") {
		r.corpora(root, dir, tree)
		return nil
	}
	p := pkgs[dir]
	if p == nil {
		p = &pkg{}
		pkgs[dir] = p
	}
	p.name, p.written = tree.Name.Name, true
	if path.Base(rel) == "doc.go" {
		p.hasDoc, p.doc = true, tree.Doc.Text()
	}
	if slices.ContainsFunc(pure(), func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") }) {
		ast.Inspect(tree, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				r.find(fmt.Sprintf("%s:%d", rel, fset.Position(g.Pos()).Line), "a pure package starts no goroutine")
			}
			return true
		})
	}
	return nil
}

func (r *report) corpora(root, dir string, tree *ast.File) {
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
			continue
		}
		corpus := path.Join(dir, "testdata", "fuzz", f.Name.Name)
		if found, _ := os.ReadDir(filepath.Join(root, corpus)); len(found) == 0 {
			r.find(dir, "%s has no corpus in %s", f.Name.Name, corpus)
		}
	}
}

func (r *report) docs(dir string, p *pkg) {
	if !p.written {
		return
	}
	want := []string{"Package " + p.name + " "}
	if p.name == "main" {
		want = append(want, "Command "+path.Base(dir)+" ")
	}
	begins := func(w string) bool { return strings.HasPrefix(strings.ReplaceAll(p.doc, "\n", " "), w) }
	switch {
	case !p.hasDoc:
		r.find(dir, "the package has no doc.go")
	case !slices.ContainsFunc(want, begins):
		r.find(path.Join(dir, "doc.go"), "the comment does not begin with %q", want[len(want)-1])
	}
}
