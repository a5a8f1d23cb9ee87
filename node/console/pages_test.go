package console

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// opened tells which files of the pages were.
type opened struct {
	fstest.MapFS
	names []string
	gone  bool
}

func (o *opened) Open(name string) (fs.File, error) {
	if o.gone {
		return nil, fs.ErrNotExist
	}
	o.names = append(o.names, name)
	return o.MapFS.Open(name)
}

func (o *opened) ReadFile(name string) ([]byte, error) {
	o.names = append(o.names, name)
	return o.MapFS.ReadFile(name)
}

// TestPagesAreReadWhenAskedFor: a machine that shows none keeps none in memory.
func TestPagesAreReadWhenAskedFor(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 100_000)
	from := &opened{MapFS: fstest.MapFS{"assets/a-1.js": {Data: []byte(long)}, "index.html": {Data: []byte("x")}, ".keep": {}}}
	pages, err := listPages(from)
	if err != nil || len(pages) != 2 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, name := range from.names {
		if strings.HasSuffix(name, ".js") {
			t.Errorf("%s is read before anybody asks", name)
		}
	}
	p := pages["/assets/a-1.js"]
	for method, want := range map[string]string{http.MethodGet: long, http.MethodHead: ""} {
		w := httptest.NewRecorder()
		p.serve(w, httptest.NewRequest(method, "/assets/a-1.js", nil))
		if w.Body.String() != want || w.Header().Get("Content-Length") != "1000000" || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d bytes, %v", method, w.Body.Len(), w.Header())
		}
	}
	from.gone = true
	w := httptest.NewRecorder()
	if p.serve(w, httptest.NewRequest(http.MethodGet, "/assets/a-1.js", nil)); w.Code != http.StatusInternalServerError {
		t.Errorf("a page that cannot be read is %d", w.Code)
	}
	if _, err := mapPolicy(fstest.MapFS{}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no pages at all: %v", err)
	}
}
