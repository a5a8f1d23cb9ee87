package console

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// page is one file of the pages, held in memory.
type page struct {
	data []byte
	kind string // its Content-Type
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

// readPages reads every file of the pages but the hidden ones, by its path.
func readPages(from fs.FS) (map[string]page, error) {
	out := map[string]page{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		out["/"+name] = page{data, kinds(name)}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the console's pages: %w", err)
	}
	return out, nil
}

// importMap is the one script inside index.html: no code, but the hashes of the
// scripts that the others load later.
var importMap = regexp.MustCompile(`<script type="importmap">([^<]*)</script>`)

// mapPolicy is what the Content-Security-Policy says of index.html's import map.
func mapPolicy(index page) string {
	m := importMap.FindSubmatch(index.data)
	if m == nil {
		return ""
	}
	hash := sha256.Sum256(m[1])
	return " 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	p, ok := s.pages["/index.html"]
	if !ok {
		p = page{[]byte(unbuilt), "text/plain; charset=utf-8"}
	}
	p.serve(w, r)
}

func (p page) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Content-Length", strconv.Itoa(len(p.data)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(p.data) // who is gone reads nothing
}
