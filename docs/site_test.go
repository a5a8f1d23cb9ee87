package docs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func ask(t *testing.T, method, path string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequest(method, "http://x/", nil)
	if err := setPath(r, path); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	return w, string(body)
}

func setPath(r *http.Request, path string) (err error) {
	r.URL, err = r.URL.Parse(path)
	return err
}

// TestEveryLinkLeadsSomewhere: on the site and, as the pages are read in the
// repository too, among its files.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	all := render()
	ids := func(path string) []string {
		var out []string
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(string(all[path]), -1) {
			out = append(out, m[1])
		}
		return out
	}
	for path, body := range all {
		if strings.Contains(string(body), "<!-- raw HTML omitted -->") {
			t.Errorf("%s: HTML in markdown is left out", path)
		}
		for _, m := range regexp.MustCompile(` href="([^"]*)"`).FindAllStringSubmatch(string(body), -1) {
			to, fragment, _ := strings.Cut(m[1], "#")
			if strings.HasPrefix(to, "https://") {
				continue
			}
			if to == "" {
				to = path
			}
			if all[to] == nil {
				t.Errorf("%s leads to %s, which is not there", path, m[1])
			} else if fragment != "" && !slices.Contains(ids(to), fragment) {
				t.Errorf("%s leads to %s: no such section", path, m[1])
			}
		}
	}
	for _, name := range pages() {
		source, err := files.ReadFile(name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(string(source), -1) {
			if strings.HasPrefix(m[1], "https://") || strings.Contains(m[1], " ") {
				continue
			}
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s.md: %v", name, err)
			}
		}
	}
}

// TestEveryPageIsShown: a page that somebody adds is part of the site, or named
// here as none.
func TestEveryPageIsShown(t *testing.T) {
	t.Parallel()
	found, err := files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found {
		name, ok := strings.CutSuffix(e.Name(), ".md")
		if ok && name != "DESIGN" && !slices.Contains(pages(), name) {
			t.Errorf("%s is no page of the site", e.Name())
		}
	}
}

func TestPagesAreMarkdown(t *testing.T) {
	t.Parallel()
	for path, words := range map[string][]string{
		"/docs/":         {"<h1", `<a href="/docs/start"`, `<a href="/docs/" aria-current="page"`},
		"/docs/start":    {"<pre><code class=\"language-sh\">sudo warren init --name home", "<title>A mesh in five minutes"},
		"/docs/cli":      {"<table>", `href="/docs/verbs"`, `id="exit-codes"`},
		"/docs/features": {"<td>works</td>"},
	} {
		w, body := ask(t, http.MethodGet, path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d, %q", path, w.Code, w.Header())
		}
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s: no %s", path, word)
			}
		}
		if strings.Contains(body, "<th></th>") || strings.Count(body, "<table>") != strings.Count(body, `tabindex="0" role="group" aria-label="Table"><table>`) {
			t.Errorf("%s: a table that the keyboard does not reach", path)
		}
		if regexp.MustCompile(`(?i)<script|<img|<iframe|\bstyle=|\son[a-z]+=|javascript:`).MatchString(body) {
			t.Errorf("%s: something active", path)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", path, got)
		}
	}
	if w, _ := ask(t, http.MethodGet, "/docs/style.css"); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style: %d, %q", w.Code, w.Header())
	}
}

func TestNothingElseIsShown(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/", "/docs", "/docs//", "/docs/start/", "/docs/START", "/docs/start.md", "/docs/DESIGN", "/docs/%73tart", "/docs/../docs/start2",
		"/docs/site/frame.html", "/docs/start%2f", "/docs/start;x", "/docs/..%2fgo.mod", "/docs/index", "/start",
	} {
		if w, body := ask(t, http.MethodGet, path); w.Code != http.StatusNotFound || strings.Contains(body, "<h1") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
		if w, _ := ask(t, method, "/docs/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if w, body := ask(t, http.MethodHead, "/docs/start"); w.Code != http.StatusOK || body != "" || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, len(body))
	}
}
