package landing

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func serve(t *testing.T, mesh string) (*Page, *httptest.Server) {
	t.Helper()
	p, err := New(mesh, "0badcafe")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s
}

func get(t *testing.T, url, language string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Language", language)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func TestPageInBothLanguages(t *testing.T) {
	t.Parallel()
	_, s := serve(t, "home")
	for language, want := range map[string]string{
		"":                        "You are invited",
		"en-GB,en;q=0.9":          "You are invited",
		"de-AT,de;q=0.9,en;q=0.8": "Sie sind eingeladen",
		"fr":                      "You are invited",
	} {
		code, header, body := get(t, s.URL+Path, language)
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%q: %d without %q", language, code, want)
		}
		for _, fact := range []string{"home", "0badcafe", "warren join 'LINK'", "PowerShell", "macOS", "warren leave"} {
			if !strings.Contains(body, fact) {
				t.Errorf("%q: nothing of %s", language, fact)
			}
		}
		if got := header.Get("Content-Language"); !strings.Contains(body, `<html lang="`+got+`">`) {
			t.Errorf("%q: said to be %q", language, got)
		}
	}
}

// TestBothLanguagesSayTheSame compares their skeletons: headings, lists,
// commands.
func TestBothLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	p, _ := serve(t, "home")
	tags := regexp.MustCompile(`</?[a-z][^>]*>`)
	skeleton := func(language string) string {
		_, body, _ := strings.Cut(string(p.pages[language]), "</head>")
		return strings.Join(tags.FindAllString(body, -1), "\n")
	}
	if en, de := skeleton("en"), skeleton("de"); en != de {
		t.Errorf("other parts in German:\n%s\n\nthan in English:\n%s", de, en)
	}
}

// TestPageCanDoNothing: what could carry the link away is neither in the page
// nor allowed by its policy.
func TestPageCanDoNothing(t *testing.T) {
	t.Parallel()
	p, s := serve(t, `<script>alert(1)</script>"'&`)
	active := regexp.MustCompile(`(?i)<(script|form|img|iframe|object|embed|svg|link|base|a|video|audio|input|button)\b|\son[a-z]+=|\b(href|src|action)=|javascript:|url\(|@import|http-equiv`)
	for language, page := range p.pages {
		if found := active.FindAllString(string(page), -1); found != nil {
			t.Errorf("%s: the page has %q", language, found)
		}
	}
	for _, path := range []string{Path, "/other"} {
		_, header, _ := get(t, s.URL+path, "")
		policy := header.Get("Content-Security-Policy")
		if !regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`).MatchString(policy) {
			t.Errorf("%s: policy %q", path, policy)
		}
		if got := header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("%s: Referrer-Policy %q", path, got)
		}
		for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "Location", "Refresh", "Link"} {
			if got := header.Values(name); got != nil {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
}

// raw sends a request as it is written, past what a client would tidy up.
func raw(t *testing.T, address, request string) (int, http.Header, string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", request)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func TestOnePathTwoMethods(t *testing.T) {
	t.Parallel()
	_, s := serve(t, "home")
	address := s.Listener.Addr().String()
	for _, target := range []string{
		"/", "/j/", "//j", "/J", "/j//", "/./j", "/x/../j", "/j/..", "/%6a", "/j%00", "/j%2f", "/j;x", "/j?", "/j?w1.x", "/j.html",
		"http://x/j", "/j/w1.abc", "/favicon.ico", "/robots.txt", "/.well-known/warren", "/pages/en.html",
	} {
		if code, _, body := raw(t, address, "GET "+target); code != http.StatusNotFound || strings.Contains(body, "home") {
			t.Errorf("GET %s: %d %q", target, code, body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		code, header, body := raw(t, address, method+" "+Path)
		if code != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" || strings.Contains(body, "home") {
			t.Errorf("%s: %d, Allow %q", method, code, header.Get("Allow"))
		}
	}
	code, header, body := raw(t, address, "HEAD "+Path)
	if code != http.StatusOK || body != "" || header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes, length %q", code, len(body), header.Get("Content-Length"))
	}
}

func TestOneAddressGetsSoMany(t *testing.T) {
	t.Parallel()
	p, _ := serve(t, "home")
	ask := func(from string) int {
		r := httptest.NewRequest(http.MethodGet, Path, nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Code
	}
	served := 0
	for range 3 * atOnce {
		if ask("[2001:db8::1]:1") == http.StatusOK {
			served++
		}
	}
	if served < atOnce || served > atOnce+5 {
		t.Errorf("%d pages at once, want about %d", served, atOnce)
	}
	if ask("[2001:db8::2]:2") != http.StatusTooManyRequests {
		t.Error("a neighbour in the same /64 counts as another")
	}
	if ask("192.0.2.1:1") != http.StatusOK {
		t.Error("somebody else has to wait as well")
	}
	for i := range 3 * maxSources {
		ask(fmt.Sprintf("10.%d.%d.1:1", i>>8, i&255))
	}
	if n := len(p.rates.sources); n > maxSources {
		t.Errorf("%d addresses are kept", n)
	}
}

func TestPreferred(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"de": "de", "DE-ch": "de", "en;q=0.1, de;q=0.2": "de", "en, de": "en", "de;q=0, en;q=0.1": "en", "de;q=0": "en",
		"de;q=2": "en", "de;q=x": "en", "de;q=NaN": "en", "de;q=-1": "en", "*": "en", ",,,": "en", "de ; Q=0.5": "de", "den": "en",
		strings.Repeat("xx,", 16) + "de": "en", strings.Repeat("x", 600) + ",de": "en",
	} {
		if got := preferred(header, languages()); got != want {
			t.Errorf("%.40q gives %s, want %s", header, got, want)
		}
	}
}

func FuzzPreferred(f *testing.F) {
	for _, seed := range []string{"", "de", "en-GB,en;q=0.9,de;q=0.8", "*;q=0.1", ";;;,,,q=", "de;q=1e-9", strings.Repeat(",", 2000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := preferred(header, languages())
		if got != "en" && got != "de" {
			t.Errorf("%q gives %q", header, got)
		}
		if got == "de" && !strings.Contains(strings.ToLower(header), "de") {
			t.Errorf("%q does not ask for German", header)
		}
	})
}

// TestCertificate shows it to a client that believes in it.
func TestCertificate(t *testing.T) {
	t.Parallel()
	cert, err := Certificate("hq.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	p, _ := serve(t, "home")
	s := httptest.NewUnstartedServer(p)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS13}
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	for _, name := range []string{"hq.example", "127.0.0.1", "other.example"} {
		d := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: name, MinVersion: tls.VersionTLS13}}
		c, err := d.DialContext(t.Context(), "tcp", s.Listener.Addr().String())
		if (err == nil) != (name != "other.example") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			c.Close()
		}
	}
	if leaf.PublicKeyAlgorithm != x509.ECDSA {
		t.Errorf("a key of kind %s", leaf.PublicKeyAlgorithm)
	}
}
