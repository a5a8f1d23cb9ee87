package console

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/docs"
	"warren/mesh/gossip"
	"warren/mesh/identity"
	"warren/node/api"
	"warren/node/enrol"
	"warren/node/home"
	"warren/node/plan"
	"warren/node/platform"
	"warren/node/view"
)

const (
	at = 7780
	// technician is the uid of who joined from the world's machine.
	technician, stranger = 4711, 4712
)

// world is a machine with a console, without a network below: in a mesh that
// it founded, or in none yet.
type world struct {
	t       testing.TB
	home    home.Home
	view    *view.Cache
	local   *api.Local
	console *Server

	mu     sync.Mutex
	member home.Member
	now    time.Time
}

func newWorld(t testing.TB, founded bool) *world {
	t.Helper()
	w := &world{t: t, home: home.At(platform.Dir(t.TempDir())), now: time.Now()}
	var running atomic.Pointer[api.Running]
	w.local = &api.Local{
		Home: w.home, Running: &running, Ready: func() bool { return true }, Stop: func(bool) {},
		Version: "1.2.3", Suggested: "hub",
		Member: func() home.Member {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.member
		},
	}
	w.local.Found = w.found
	w.restart()
	if founded {
		if _, err := w.found(technician, "firm", "hub"); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// restart gives the machine a new console, as a restarted node has one.
func (w *world) restart() {
	w.t.Helper()
	key, err := w.home.EnsureConsoleKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.console, err = New(Config{
		Address: fmt.Sprintf("localhost:%d", at), Key: key, Local: w.local, Log: slog.New(slog.DiscardHandler),
		Manual: docs.Handler(),
		Pages: fstest.MapFS{
			"index.html": {Data: []byte("<!doctype html>")}, "assets/a-1.js": {Data: []byte("1")}, ".keep": {},
		},
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.local.Console = w.console
	// As if it listened; requests are handed to it.
	w.console.listeners = append(w.console.listeners, nil)
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) found(uid int, mesh, node string) (*warrenv1.FoundResponse, error) {
	m, err := enrol.Found(w.home, enrol.Founding{
		Mesh: mesh, Node: node, UID: uid, Now: time.Now(), Range: netip.MustParsePrefix("10.99.0.0/16"),
	})
	if err != nil {
		return nil, err
	}
	id, err := m.MeshID()
	if err != nil {
		return nil, err
	}
	if w.view, err = view.Open(id, w.home.View()); err != nil {
		return nil, err
	}
	key, err := w.home.NodeKey()
	if err != nil {
		return nil, err
	}
	now := func() plan.Plan { return plan.Plan{} }
	w.local.Running.Store(&api.Running{
		Self: key.ID(), Home: w.home, View: w.view, Plan: now, Presence: api.NewPresence(nil, now), Gossip: silent{},
		Opened: api.NewOpened(), Controllers: func(context.Context) []api.Controller { return nil },
		Audit: api.Audit{Warnings: func() []string { return nil }}, Log: slog.New(slog.DiscardHandler),
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.member = m
	return &warrenv1.FoundResponse{Mesh: m.MeshName}, nil
}

// revokeTechnician makes the mesh revoke who joined from this machine, by the
// recovery key.
func (w *world) revokeTechnician() {
	w.t.Helper()
	text, err := os.ReadFile(w.home.Dir().Recovery())
	if err != nil {
		w.t.Fatal(err)
	}
	recovery, err := home.ReadRecoveryKey(text)
	if err != nil {
		w.t.Fatal(err)
	}
	log := w.view.Now().Log
	t, _ := log.TechnicianByName(enrol.Owner)
	s, err := trust.SignRevocation(log.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_TECHNICIAN, t.Key, "test", time.Now(), recovery)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.view.Revoke(s); err != nil {
		w.t.Fatal(err)
	}
}

// demote gives this machine's technician a key that makes no admin: bob's.
func (w *world) demote() {
	w.t.Helper()
	kept, err := w.home.Technician()
	if err != nil {
		w.t.Fatal(err)
	}
	owner := ed25519.NewKeyFromSeed(kept.Seed)
	add := func(body any) {
		log := w.view.Now().Log
		s, err := trust.SignEntry(log.Draft(time.Now(), body), owner)
		if err == nil {
			_, err = w.view.Merge(&warrenv1.View{FromSequence: log.Len(), Entries: []*warrenv1.Statement{s}})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	node, err := identity.NewNodeKey()
	if err != nil {
		w.t.Fatal(err)
	}
	id := node.ID()
	ipv4, err := w.view.Now().Log.FreeIPv4(id)
	if err != nil {
		w.t.Fatal(err)
	}
	add(&warrenv1.DeviceRecord{
		Key: node.Public(), Name: "bobs", Roles: []string{"technician"}, Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED,
		Ipv4: ipv4.AsSlice(), NotBefore: time.Now().Unix(),
	})
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	add(&warrenv1.TechnicianRecord{Name: "bob", Key: public, Node: id[:], NotBefore: time.Now().Unix()})
	if err := w.home.SaveTechnician(home.Technician{Seed: key.Seed(), UID: technician}); err != nil {
		w.t.Fatal(err)
	}
}

// silent is gossip without peers.
type silent struct{}

func (silent) Picture() []gossip.Member { return nil }
func (silent) Say(*warrenv1.Statement)  {}
func (silent) Warnings() []string       { return nil }

// request is one from a program of owner.
type request struct {
	method, target, host, body string
	header                     map[string]string
	owner                      int
}

func (w *world) do(r request) *httptest.ResponseRecorder {
	w.t.Helper()
	if r.host == "" {
		r.host = fmt.Sprintf("localhost:%d", at)
	}
	req := httptest.NewRequest(r.method, "/", strings.NewReader(r.body))
	// What is asked for as it stands in the request, cleaned by nobody.
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", r.method, r.target)
	parsed, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		w.t.Fatalf("%q: %v", r.target, err)
	}
	req.URL, req.RequestURI, req.Host = parsed.URL, parsed.RequestURI, r.host
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	out := httptest.NewRecorder()
	w.console.ServeHTTP(out, req.WithContext(context.WithValue(req.Context(), ownerKey{}, r.owner)))
	return out
}

// enter lets the browser of owner in for uid.
func (w *world) enter(uid, owner int) string {
	w.t.Helper()
	url, _, err := w.console.Enter(uid)
	if err != nil {
		w.t.Fatal(err)
	}
	_, token, _ := strings.Cut(url, "#t=")
	res := w.exchange(token, owner)
	var got struct {
		Bearer  string `json:"bearer"`
		Expires int64  `json:"expires"`
	}
	if err := json.Unmarshal(res.Body.Bytes(), &got); res.Code != http.StatusOK || err != nil || got.Bearer == "" || got.Expires == 0 {
		w.t.Fatalf("exchange: %d, %s", res.Code, res.Body)
	}
	return got.Bearer
}

func (w *world) exchange(token string, owner int) *httptest.ResponseRecorder {
	w.t.Helper()
	body, _ := json.Marshal(map[string]string{"token": token})
	return w.do(request{method: http.MethodPost, target: enterPath, body: string(body), owner: owner})
}

// call calls a procedure without fields.
func (w *world) call(procedure, bearer string, owner int) *httptest.ResponseRecorder {
	w.t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	if bearer != "" {
		header["Authorization"] = "Bearer " + bearer
	}
	return w.do(request{method: http.MethodPost, target: procedure, body: "{}", header: header, owner: owner})
}

func has(b *bytes.Buffer, text string) bool { return strings.Contains(b.String(), text) }
