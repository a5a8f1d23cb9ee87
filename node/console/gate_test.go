package console

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"warren/api/warren/v1/warrenv1connect"
	"warren/node/api"
	"warren/node/fault"
	"warren/node/platform"
)

// caught makes what gets through the gates visible, in place of the handlers.
func (w *world) caught() *[]string {
	var got []string
	catch := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.URL.Path) })
	w.console.api, w.console.begin = catch, catch
	return &got
}

// tricks are other ways to write a path.
func tricks(path string) []string {
	last := path[len(path)-1:]
	return []string{
		path + "/", path + "//", "/" + path, "//" + path, path + ";", path + ";a=b", path + "?", path + "?a=b", path + "%2f", path + "%2F..",
		path[:len(path)-1] + fmt.Sprintf("%%%02x", last[0]), "/%2f" + path[1:], "/." + path, "/./" + path[1:], "/x/.." + path, path + "/.", path + "/..",
		path + "%00", path + "%20", strings.ToUpper(path), swapped(path), strings.ReplaceAll(path, "/", `\`), strings.Replace(path, "/", "/%2e/", 1),
		"http://localhost:7780" + path, "http://evil.example.org" + path, path + "%3f", path + ".", path + "\u200b", path + "%ff",
	}
}

// swapped writes the last letter in the other case.
func swapped(s string) string {
	last := s[len(s)-1:]
	if other := strings.ToUpper(last); other != last {
		return s[:len(s)-1] + other
	}
	return s[:len(s)-1] + strings.ToLower(last)
}

// TestEveryRouteByEveryCaller is S-06: exactly what is declared passes, for
// whom it is declared.
func TestEveryRouteByEveryCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	got := w.caught()
	w.console.others.limit = rate.Inf
	w.console.known.SetLimit(rate.Inf)
	old := w.enter(technician, 1)
	w.pass(bearerLife)
	good := w.enter(technician, 1)
	callers := map[string]struct {
		bearer string
		want   int // of a call
	}{
		"nobody":      {"", http.StatusUnauthorized},
		"a wrong one": {good[:len(good)-2] + "AA", http.StatusUnauthorized},
		"a cut one":   {good[:len(good)-4], http.StatusUnauthorized},
		"an old one":  {old, http.StatusUnauthorized},
		"a stranger":  {w.enter(stranger, 1), http.StatusForbidden},
		"an admin":    {good, http.StatusOK},
		"root":        {w.enter(0, 1), http.StatusOK},
	}
	calls := w.local.Procedures()
	if len(calls) < 30 || slices.Contains(calls, warrenv1connect.ConsoleServiceEnterProcedure) || slices.Contains(calls, warrenv1connect.SessionServiceShellProcedure) {
		t.Fatalf("procedures: %q", calls)
	}
	undeclared := []string{
		warrenv1connect.FoundServiceFoundProcedure, warrenv1connect.ConsoleServiceEnterProcedure, warrenv1connect.SessionServiceShellProcedure,
		warrenv1connect.ControllerServiceProposeProcedure, warrenv1connect.PeerServiceOpenProcedure, "/warren.v1.NodeService", "/warren.v1.NodeService/",
		"/console", "/console/", "/.keep", "/assets", "/assets/", "/setup", "/init", "/index.htm", "/../index.html", "/debug/pprof/", "*",
	}
	for name, c := range callers {
		header := map[string]string{"Content-Type": "application/json"}
		if c.bearer != "" {
			header["Authorization"] = "Bearer " + c.bearer
		}
		ask := func(method, target string) int {
			*got = nil
			body := ""
			if method == http.MethodPost {
				body = "{}"
			}
			return w.do(request{method: method, target: target, body: body, header: header, owner: 1}).Code
		}
		for _, p := range calls {
			if code := ask(http.MethodPost, p); code != c.want || (len(*got) == 1) != (c.want == http.StatusOK) {
				t.Errorf("%s calls %s: %d, got through: %q", name, p, code, *got)
			}
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodPatch, http.MethodTrace} {
				if code := ask(method, p); code != http.StatusMethodNotAllowed || len(*got) != 0 {
					t.Errorf("%s: %s %s: %d", name, method, p, code)
				}
			}
		}
		for p, want := range map[string]int{"/": 200, "/index.html": 200, "/docs/": 200, "/docs/start": 200, "/docs/none": 404, "/assets/a-1.js": 200, terminalPath: 403, desktopPath: 403} {
			if code := ask(http.MethodGet, p); code != want {
				t.Errorf("%s gets %s: %d, want %d", name, p, code, want)
			}
			if code := ask(http.MethodPost, p); code != http.StatusMethodNotAllowed {
				t.Errorf("%s posts to %s: %d", name, p, code)
			}
		}
		if code := ask(http.MethodPost, enterPath); code != http.StatusBadRequest {
			t.Errorf("%s enters without a token: %d", name, code)
		}
		if code := ask(http.MethodGet, enterPath); code != http.StatusMethodNotAllowed {
			t.Errorf("%s gets %s: %d", name, enterPath, code)
		}
		tried := slices.Clone(undeclared)
		for _, p := range append([]string{"/index.html", enterPath, terminalPath, desktopPath, warrenv1connect.FoundServiceFoundProcedure}, calls...) {
			tried = append(tried, tricks(p)...)
		}
		for _, target := range tried {
			if _, err := url.ParseRequestURI(target); err != nil {
				continue // the server says 400 before anything of ours
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if code := ask(method, target); code != http.StatusNotFound || len(*got) != 0 {
					t.Errorf("%s: %s %s: %d, got through: %q", name, method, target, code, *got)
				}
			}
		}
	}
}

// TestNoSetupAfterTheBeginning: what founds a mesh is there only before, and
// nothing else is.
func TestNoSetupAfterTheBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	bearer := w.enter(technician, 1)
	for _, p := range append(w.local.Procedures(), enterPath+"/", terminalPath, desktopPath) {
		want := http.StatusNotFound
		if p == warrenv1connect.ConsoleServiceWhoamiProcedure {
			want = http.StatusOK
		}
		if res := w.call(p, bearer, 1); res.Code != want {
			t.Errorf("before there is a mesh %s: %d, want %d", p, res.Code, want)
		}
	}
	for _, b := range []string{"", "x", bearer[:len(bearer)-2] + "AA"} {
		if res := w.call(warrenv1connect.FoundServiceFoundProcedure, b, 1); res.Code != http.StatusUnauthorized {
			t.Errorf("with bearer %q: %d, %s", b, res.Code, res.Body)
		}
	}
	if res := w.call(warrenv1connect.FoundServiceFoundProcedure, bearer, 2); res.Code != http.StatusUnauthorized {
		t.Errorf("by another user's program: %d, %s", res.Code, res.Body)
	}
	if res := w.call(warrenv1connect.ConsoleServiceWhoamiProcedure, bearer, 1); !has(res.Body, `"suggested":"hub"`) || has(res.Body, "founded") {
		t.Errorf("whoami: %s", res.Body)
	}
	if res := w.call(warrenv1connect.FoundServiceFoundProcedure, bearer, 1); res.Code != http.StatusBadRequest || !has(res.Body, "mesh name") {
		t.Errorf("without a name: %d, %s", res.Code, res.Body)
	}
	found := request{
		method: http.MethodPost, target: warrenv1connect.FoundServiceFoundProcedure, body: `{"mesh":"firm"}`, owner: 1,
		header: map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + bearer},
	}
	if res := w.do(found); res.Code != http.StatusOK || !has(res.Body, `"mesh":"firm"`) {
		t.Fatalf("found: %d, %s", res.Code, res.Body)
	}
	again := []string{warrenv1connect.FoundServiceFoundProcedure}
	for _, target := range append(again, tricks(again[0])...) {
		if _, err := url.ParseRequestURI(target); err != nil {
			continue
		}
		found.target = target
		if res := w.do(found); res.Code != http.StatusNotFound {
			t.Errorf("once founded, %s: %d, %s", target, res.Code, res.Body)
		}
	}
	// The same page goes on.
	if res := w.call(warrenv1connect.ConsoleServiceWhoamiProcedure, bearer, 1); !has(res.Body, `"technician":"owner"`) || !has(res.Body, `"founded":true`) {
		t.Errorf("whoami of the founder: %s", res.Body)
	}
}

// TestWhatBrowsersAreMadeToSend is S-15: other names for this machine, other
// pages, frames.
func TestWhatBrowsersAreMadeToSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	got := w.caught()
	bearer := w.enter(technician, 1)
	ask := func(method, target, host string, header ...string) (int, http.Header) {
		t.Helper()
		*got = nil
		r := request{method: method, target: target, host: host, owner: 1, header: map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + bearer}}
		for i := 0; i < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		if method == http.MethodPost {
			r.body = "{}"
		}
		res := w.do(r)
		h := res.Result().Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
			if h.Get(name) != want {
				t.Errorf("%s %s at %q: %s is %q", method, target, host, name, h.Get(name))
			}
		}
		if p := h.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(p, "unsafe") || strings.Contains(p, "evil") {
			t.Errorf("%s %s at %q: policy %q", method, target, host, p)
		}
		if h.Get("Set-Cookie") != "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s at %q: %v", method, target, host, h)
		}
		return res.Code, h
	}
	call := warrenv1connect.NodeServiceStatusProcedure
	for _, host := range []string{"localhost:7780", "127.0.0.1:7780", "[::1]:7780"} {
		if code, _ := ask(http.MethodPost, call, host, "Origin", "http://"+host, "Sec-Fetch-Site", "same-origin"); code != http.StatusOK || len(*got) != 1 {
			t.Errorf("at %s: %d", host, code)
		}
	}
	for _, host := range []string{
		"evil.example.org", "evil.example.org:7780", "localhost", "localhost:7781", "LOCALHOST:7780", "localhost.:7780", "a.localhost:7780",
		"localhost:7780.evil.example.org", "127.0.0.1", "127.1:7780", "127.0.0.2:7780", "0.0.0.0:7780", "[::]:7780", "[::ffff:127.0.0.1]:7780",
		"[0:0:0:0:0:0:0:1]:7780", "::1:7780", "hub.firm.internal:7780", "localhost:7780,evil", "localhost:07780", " localhost:7780",
	} {
		for _, target := range []string{"/", "/index.html", "/assets/a-1.js", "/nothing"} {
			if code, _ := ask(http.MethodGet, target, host); code != http.StatusForbidden {
				t.Errorf("get %s at %q: %d", target, host, code)
			}
		}
		for _, target := range []string{call, enterPath, terminalPath, desktopPath} {
			if code, _ := ask(http.MethodPost, target, host, "Origin", "http://"+host); code != http.StatusForbidden || len(*got) != 0 {
				t.Errorf("post %s at %q: %d", target, host, code)
			}
		}
	}
	for _, origin := range []string{
		"null", "http://evil.example.org", "http://localhost", "http://localhost:7781", "https://localhost:7780", "http://localhost:7780/",
		"http://localhost:7780.evil.example.org", "http://LOCALHOST:7780", "file://", "", "chrome-extension://abc",
	} {
		for _, target := range []string{call, enterPath} {
			if code, _ := ask(http.MethodPost, target, "", "Origin", origin); code != http.StatusForbidden || len(*got) != 0 {
				t.Errorf("%s from origin %q: %d", target, origin, code)
			}
		}
		for path, protocol := range map[string]string{terminalPath: protocol, desktopPath: desktopProtocol} {
			upgrade := []string{"Origin", origin, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol", protocol}
			if code, _ := ask(http.MethodGet, path, "", upgrade...); code != http.StatusForbidden {
				t.Errorf("a WebSocket to %s from origin %q: %d", path, origin, code)
			}
		}
	}
	for _, site := range []string{"cross-site", "same-site", "x"} {
		if code, _ := ask(http.MethodPost, call, "", "Sec-Fetch-Site", site); code != http.StatusForbidden || len(*got) != 0 {
			t.Errorf("a call that is %s: %d", site, code)
		}
	}
	if code, _ := ask(http.MethodGet, "/", "", "Sec-Fetch-Site", "cross-site"); code != http.StatusOK {
		t.Errorf("a link that leads here: %d", code)
	}
	for _, path := range []string{terminalPath, desktopPath} {
		if code, _ := ask(http.MethodGet, path, ""); code != http.StatusForbidden {
			t.Errorf("a WebSocket to %s without an origin: %d", path, code)
		}
	}
}

// TestOtherUsersOfTheMachine is S-15's other local users.
func TestOtherUsersOfTheMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	url, expires, err := w.console.Enter(technician)
	if err != nil || expires.Sub(w.now) != ticketLife {
		t.Fatalf("%v, %v", expires, err)
	}
	if res := w.askForToken(technician); res.Code != http.StatusOK || !has(res.Body, "http://localhost:7780/#t=") {
		t.Errorf("the technician asks: %d, %s", res.Code, res.Body)
	}
	if res := w.askForToken(stranger); res.Code != http.StatusForbidden {
		t.Errorf("a stranger asks: %d, %s", res.Code, res.Body)
	}
	_, token, _ := strings.Cut(url, "#t=")
	for _, wrong := range []string{"", "x", token[1:], token + "A", strings.ToUpper(token), strings.ToLower(token)} {
		if res := w.exchange(wrong, 1); res.Code == http.StatusOK {
			t.Errorf("token %q was taken", wrong)
		}
	}
	if res := w.exchange(token, 1); res.Code != http.StatusOK {
		t.Fatalf("exchange: %d, %s", res.Code, res.Body)
	}
	if res := w.exchange(token, 1); res.Code != http.StatusUnauthorized || !has(res.Body, "was used already") {
		t.Errorf("a token twice: %d, %s", res.Code, res.Body)
	}
	url, _, _ = w.console.Enter(technician)
	w.pass(ticketLife)
	if res := w.exchange(url[strings.Index(url, "#t=")+3:], 1); res.Code != http.StatusUnauthorized {
		t.Errorf("an old token: %d", res.Code)
	}
	// Only so many wait.
	url, _, _ = w.console.Enter(technician)
	for range maxTickets {
		_, _, _ = w.console.Enter(technician)
	}
	if res := w.exchange(url[strings.Index(url, "#t=")+3:], 1); res.Code != http.StatusUnauthorized {
		t.Errorf("one token too many: %d", res.Code)
	}
	who := warrenv1connect.ConsoleServiceWhoamiProcedure
	bearer := w.enter(technician, 1)
	for owner, want := range map[int]int{1: 200, 2: 401, 0: 401, noOwner: 401} {
		if res := w.call(who, bearer, owner); res.Code != want {
			t.Errorf("the bearer of user 1's browser in the hands of %d: %d", owner, res.Code)
		}
	}
	unknown := w.enter(technician, noOwner) // a system that does not tell
	if res := w.call(who, unknown, 2); res.Code != http.StatusOK {
		t.Errorf("where the system does not tell: %d, %s", res.Code, res.Body)
	}
	if res := w.call(who, bearer, 1); !has(res.Body, `"technician":"owner"`) || !has(res.Body, `"admin":true`) || !has(res.Body, `"version":"1.2.3"`) {
		t.Errorf("whoami: %s", res.Body)
	}
	// The caller is who asked for the token, not whose browser it is.
	if res := w.call(who, w.enter(os.Getuid(), technician), technician); os.Getuid() != 0 && has(res.Body, `"technician"`) {
		t.Errorf("the node's own user has the technician's key: %s", res.Body)
	}
	// What a technician may not do, the page may not.
	revoke := warrenv1connect.NodeServiceRevokeProcedure
	if res := w.call(revoke, bearer, 1); res.Code != http.StatusBadRequest && res.Code != http.StatusNotFound {
		t.Errorf("an admin revokes nobody: %d, %s", res.Code, res.Body)
	}
	w.demote()
	if res := w.call(who, bearer, 1); !has(res.Body, `"technician":"bob"`) || has(res.Body, "admin") {
		t.Errorf("whoami of no admin: %s", res.Body)
	}
	if res := w.call(revoke, bearer, 1); res.Code != http.StatusForbidden || !has(res.Body, "is no admin") {
		t.Errorf("revoke by no admin: %d, %s", res.Code, res.Body)
	}
}

// TestBearersEnd: with their time, with their key and with the technician; not
// with the node.
func TestBearersEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	who := warrenv1connect.ConsoleServiceWhoamiProcedure
	bearer := w.enter(technician, 1)
	want := func(what string, code int) {
		t.Helper()
		if res := w.call(who, bearer, 1); res.Code != code {
			t.Errorf("%s: %d, want %d; %s", what, res.Code, code, res.Body)
		}
	}
	w.pass(bearerLife - 2*time.Second)
	want("shortly before its end", http.StatusOK)
	w.restart()
	want("after a restart", http.StatusOK)
	w.pass(3 * time.Second)
	want("after twelve hours", http.StatusUnauthorized)

	bearer = w.enter(technician, 1)
	w.revokeTechnician()
	want("of a revoked technician", http.StatusForbidden)
	if res := w.askForToken(technician); res.Code != http.StatusForbidden || !has(res.Body, "was revoked") {
		t.Errorf("a revoked technician asks for another: %d, %s", res.Code, res.Body)
	}

	w = newWorld(t, true)
	bearer = w.enter(technician, 1)
	if err := platform.WriteFile(w.home.Dir().Path("console.key"), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	w.restart()
	want("with another key", http.StatusUnauthorized)
}

// askForToken asks as the local socket lets a user ask.
func (w *world) askForToken(uid int) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, warrenv1connect.ConsoleServiceEnterProcedure, strings.NewReader("{}"))
	req.Header.Set("Content-Type", "application/json")
	out := httptest.NewRecorder()
	w.local.Services().ServeHTTP(out, req.WithContext(api.As(w.t.Context(), uid)))
	return out
}

func TestTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	got := w.caught()
	bearer := w.enter(technician, 1)
	large := request{
		method: http.MethodPost, target: warrenv1connect.PolicyServiceApplyProcedure, body: strings.Repeat("x", maxBody+1), owner: 1,
		header: map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + bearer},
	}
	if res := w.do(large); res.Code != http.StatusTooManyRequests || len(*got) != 0 || !has(res.Body, "over 4194304 bytes") {
		t.Errorf("a large request: %d, %.200s", res.Code, res.Body)
	}
	if res := w.exchange(strings.Repeat("x", maxEnter), 1); res.Code != http.StatusTooManyRequests {
		t.Errorf("a large token: %d", res.Code)
	}
	// Somebody guesses; who is in does not notice.
	refused := 0
	for range 4 * othersBurst {
		if res := w.exchange("guess", 2); res.Code == http.StatusTooManyRequests && res.Header().Get("Retry-After") != "" {
			refused++
		}
	}
	if refused < othersBurst {
		t.Errorf("%d of %d guesses were refused", refused, 4*othersBurst)
	}
	if res := w.call(warrenv1connect.NodeServiceStatusProcedure, bearer, 1); res.Code != http.StatusOK {
		t.Errorf("meanwhile, with a bearer: %d", res.Code)
	}
	w.enter(technician, 1) // and another user's program is let in
}

// TestBothOrNone: a port that another has on one of the two addresses is taken
// on neither.
func TestBothOrNone(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "::1"} {
		squatter, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("no %s here: %v", host, err)
			continue
		}
		defer squatter.Close()
		_, port, _ := net.SplitHostPort(squatter.Addr().String())
		w := newWorld(t, true)
		s, err := New(Config{Address: "localhost:" + port, Key: make([]byte, 32), Local: w.local, Pages: os.DirFS(t.TempDir()), Log: w.console.cfg.Log})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Listen(t.Context()); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), port+" is taken") {
			t.Errorf("squatted at %s: %v", host, err)
		}
		if _, _, err := s.Enter(technician); fault.KindOf(err) != fault.Conflict {
			t.Errorf("a token for a page of somebody else: %v", err)
		}
		if warn := s.Warnings(); len(warn) != 1 || !strings.Contains(warn[0], "is taken by another program") {
			t.Errorf("status says %q", warn)
		}
		other := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1"}[host]
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(other, port), time.Second); err == nil {
			c.Close()
			t.Errorf("squatted at %s, served at %s", host, other)
		}
	}
}
