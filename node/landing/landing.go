package landing

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// Path is where an invite link leads, without its fragment.
const Path = "/j"

//go:embed pages
var files embed.FS

// languages that there are; the first is for whoever asks for none of them.
func languages() []string { return []string{"en", "de"} }

// Page is the handler of Path and of nothing else.
type Page struct {
	pages  map[string][]byte // by language
	policy string
	rates  rates
}

// New makes the pages for a mesh of that name; id is the beginning of the
// mesh's id, by which people tell meshes of one name apart.
func New(mesh, id string) (*Page, error) {
	style, err := files.ReadFile("pages/style.css")
	if err != nil {
		return nil, fmt.Errorf("landing page: %w", err)
	}
	hash := sha256.Sum256(style)
	p := &Page{
		pages: map[string][]byte{},
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
	for _, language := range languages() {
		frame, err := files.ReadFile("pages/frame.html")
		if err != nil {
			return nil, fmt.Errorf("landing page: %w", err)
		}
		text, err := files.ReadFile("pages/" + language + ".html")
		if err != nil {
			return nil, fmt.Errorf("landing page: %w", err)
		}
		// The first line is the title. No template: with package reflect's way to
		// methods by name the linker keeps them all.
		title, body, _ := strings.Cut(string(text), "\n")
		ours := strings.NewReplacer("{{.Language}}", language, "{{.Style}}", string(style), "{{.Title}}", title, "{{.Body}}", body)
		theirs := strings.NewReplacer("{{.Mesh}}", html.EscapeString(mesh), "{{.ID}}", html.EscapeString(id))
		p.pages[language] = []byte(theirs.Replace(ours.Replace(string(frame))))
	}
	return p, nil
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cache-Control", "no-store")
	switch {
	case r.RequestURI != Path: // as it was sent: no path becomes this one
		http.Error(w, "there is nothing here", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is there to be read", http.StatusMethodNotAllowed)
		return
	case !p.rates.allow(r.RemoteAddr):
		h.Set("Retry-After", "10")
		http.Error(w, "too many requests from your address; try again in a moment", http.StatusTooManyRequests)
		return
	}
	language := preferred(r.Header.Get("Accept-Language"), languages())
	page := p.pages[language]
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(page)
	}
}
