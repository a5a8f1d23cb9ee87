package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Root is where the site wants to be.
const Root = "/docs/"

//go:embed *.md site
var files embed.FS

// pages are those of the manual, in the order people need them; the first is
// Root itself. What else lies here is for who builds warren.
func pages() []string {
	return []string{"index", "start", "byod", "desktop", "policy", "cli", "verbs", "security", "troubleshooting", "features", "benchmarks", "benchmarks-desktop"}
}

const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type link struct{ Path, Title string }

// page is what the frame is filled with.
type page struct {
	Path, Title string
	Body        string
	Sections    []link // of this one
}

type site struct {
	once sync.Once
	body map[string][]byte // by path
}

// Handler shows the manual below Root, of the paths as they are in the
// request, and 404 for all others.
func Handler() http.Handler { return &site{} }

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the manual is there to be read", http.StatusMethodNotAllowed)
		return
	}
	s.once.Do(func() { s.body = render() })
	body, ok := s.body[r.URL.EscapedPath()]
	if !ok {
		http.Error(w, "the manual has no such page; it begins at "+Root, http.StatusNotFound)
		return
	}
	kind := "text/html; charset=utf-8"
	if strings.HasSuffix(r.URL.Path, ".css") {
		kind = "text/css; charset=utf-8"
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache") // another version may run tomorrow
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// render makes every page. What it reads is built in, so what fails here fails
// in the tests.
func render() map[string][]byte {
	frame, err := files.ReadFile("site/frame.html")
	if err != nil {
		panic(err)
	}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	)
	// Tables that are wider than the screen scroll by keyboard too, and a
	// corner without words is no heading. Text has no bare angle brackets.
	reachable := strings.NewReplacer(
		"<table>", `<div class="wide" tabindex="0" role="group" aria-label="Table"><table>`, "</table>", "</table></div>",
		"<th></th>", "<td></td>",
	)
	var all []page
	var site []link
	for _, name := range pages() {
		source, err := files.ReadFile(name + ".md")
		if err != nil {
			panic(err)
		}
		tree := md.Parser().Parse(text.NewReader(source))
		p := page{Path: pathOf(name), Title: name}
		p.shape(tree, source)
		var b bytes.Buffer
		if err := md.Renderer().Render(&b, source, tree); err != nil {
			panic(err)
		}
		p.Body = reachable.Replace(b.String()) // our own text; HTML in it is left out
		all = append(all, p)
		site = append(site, link{p.Path, p.Title})
	}
	style, err := files.ReadFile("site/style.css")
	if err != nil {
		panic(err)
	}
	out := map[string][]byte{Root + "style.css": style}
	for _, p := range all {
		out[p.Path] = []byte(p.in(string(frame), site))
	}
	return out
}

// in is a page in its frame. There is no template: with package reflect's way
// to methods by name the linker keeps them all.
func (p page) in(frame string, pages []link) string {
	sections := ""
	if len(p.Sections) > 0 {
		sections = "<details class=\"sections\">\n<summary>On this page</summary>\n" + list(p.Sections, "") + "</details>\n"
	}
	return strings.NewReplacer(
		"{{.Title}}", html.EscapeString(p.Title), "{{.Pages}}", list(pages, p.Path), "{{.Sections}}", sections, "{{.Body}}", p.Body,
	).Replace(frame)
}

func list(links []link, here string) string {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for _, l := range links {
		current := ""
		if l.Path == here {
			current = ` aria-current="page"`
		}
		fmt.Fprintf(&b, "<li><a href=\"%s\"%s>%s</a></li>\n", html.EscapeString(l.Path), current, html.EscapeString(l.Title))
	}
	b.WriteString("</ul>\n")
	return b.String()
}

func pathOf(name string) string {
	if name == pages()[0] {
		return Root
	}
	return Root + name
}

// shape reads title and sections off a page, and turns its links into those of
// the site.
func (p *page) shape(tree ast.Node, source []byte) {
	var words []*ast.Link
	// The walker never fails.
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			title := plain(n, source)
			if n.Level == 1 {
				p.Title = title
			}
			if id, ok := n.AttributeString("id"); ok && n.Level == 2 {
				if id, ok := id.([]byte); ok {
					p.Sections = append(p.Sections, link{"#" + string(id), title})
				}
			}
		case *ast.Link:
			if to, ok := target(string(n.Destination)); ok {
				n.Destination = []byte(to)
			} else {
				words = append(words, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, l := range words {
		for c := l.FirstChild(); c != nil; c = l.FirstChild() {
			l.Parent().InsertBefore(l.Parent(), l, c)
		}
		l.Parent().RemoveChild(l.Parent(), l)
	}
}

// target is where a link leads on the site; not ok is to a file that is not
// part of it.
func target(to string) (string, bool) {
	if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "#") {
		return to, true
	}
	file, fragment, found := strings.Cut(to, "#")
	for _, name := range pages() {
		if file == name+".md" {
			to = pathOf(name)
			if found {
				to += "#" + fragment
			}
			return to, true
		}
	}
	return "", false
}

// plain is the text of a node without marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
