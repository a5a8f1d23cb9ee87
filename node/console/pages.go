package console

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// page is one file of the pages. It is read when it is asked for: few machines
// show them, and all carry them.
type page struct {
	from fs.FS
	name string
	kind string // its Content-Type
	size int64
}

// unbuilt is what a binary without the pages shows in their place.
const unbuilt = "This warren was built without the pages of its console.\n" +
	"Build it with make, or use the command line: warren --help\n"

// kinds are of files that a system's own table may call something else.
func kinds(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json", ".map":
		return "application/json"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// listPages lists every file of the pages but the hidden ones, by its path.
func listPages(from fs.FS) (map[string]page, error) {
	out := map[string]page{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out["/"+name] = page{from, name, kinds(name), info.Size()}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the console's pages: %w", err)
	}
	return out, nil
}

// importMap is the one script inside index.html: no code, but the hashes of the
// scripts that the others load later.
var importMap = regexp.MustCompile(`<script type="importmap">([^<]*)</script>`)

// mapPolicy is what the Content-Security-Policy says of index.html's import map.
func mapPolicy(pages fs.FS) (string, error) {
	index, err := fs.ReadFile(pages, "index.html")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the console's first page: %w", err)
	}
	m := importMap.FindSubmatch(index)
	if m == nil {
		return "", nil
	}
	hash := sha256.Sum256(m[1])
	return " 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'", nil
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if p, ok := s.pages["/index.html"]; ok {
		p.serve(w, r)
		return
	}
	reply(w, r, strings.NewReader(unbuilt), "text/plain; charset=utf-8", int64(len(unbuilt)))
}

func (p page) serve(w http.ResponseWriter, r *http.Request) {
	f, err := p.from.Open(p.name)
	if err != nil {
		http.Error(w, "this page cannot be read", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	reply(w, r, f, p.kind, p.size)
}

func reply(w http.ResponseWriter, r *http.Request, from io.Reader, kind string, size int64) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = io.Copy(w, from) // who is gone reads nothing
}
