//go:build unix

package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/coder/websocket"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
)

// page is a browser's tab, let in to the console of a machine.
type page struct {
	t      *testing.T
	base   string // "http://localhost:PORT"
	bearer string
}

// console gives the machine a port for its console, from its next start on.
func (o *machine) console() int {
	o.mesh.t.Helper()
	port := freePort(o.mesh.t)
	text := fmt.Sprintf("console: localhost:%d\n", port)
	if err := os.WriteFile(filepath.Join(o.dir, "warren.yaml"), []byte(text), 0o600); err != nil {
		o.mesh.t.Fatal(err)
	}
	return port
}

// browse opens the console of the machine.
func (o *machine) browse() *page {
	o.mesh.t.Helper()
	return enter(o.mesh.t, read[struct{ URL string }](o, "console").URL)
}

func enter(t *testing.T, url string) *page {
	t.Helper()
	base, token, ok := strings.Cut(url, "/#t=")
	if !ok {
		t.Fatalf("address %q", url)
	}
	p := &page{t: t, base: base}
	body, _ := json.Marshal(map[string]string{"token": token})
	res, err := http.Post(base+"/console/enter", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	var got struct{ Bearer string }
	if err := json.Unmarshal(text, &got); err != nil || res.StatusCode != http.StatusOK || got.Bearer == "" {
		t.Fatalf("enter: %d, %s", res.StatusCode, text)
	}
	p.bearer = got.Bearer
	return p
}

// RoundTrip implements http.RoundTripper: with the bearer.
func (p *page) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+p.bearer)
	return http.DefaultTransport.RoundTrip(r)
}

func (p *page) client() *http.Client { return &http.Client{Transport: p} }

// tab is a terminal in the page.
type tab struct {
	t    *testing.T
	ws   *websocket.Conn
	seen bytes.Buffer // output
	all  int          // bytes of output
	// acks tells the node of what came.
	acks bool
	word map[string]json.RawMessage // the last text message
}

func (p *page) dial() *websocket.Conn {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, p.base+"/console/terminal", &websocket.DialOptions{ //nolint:bodyclose // it has none by then
		Subprotocols: []string{"warren.terminal.v1"}, HTTPHeader: http.Header{"Origin": {p.base}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func (p *page) open(device string) *tab {
	p.t.Helper()
	t := &tab{t: p.t, ws: p.dial(), acks: true}
	t.ws.SetReadLimit(1 << 20)
	t.say(map[string]any{"bearer": p.bearer, "open": map[string]any{"device": device, "columns": 80, "rows": 24, "term": "xterm"}})
	return t
}

func (t *tab) say(v any) {
	t.t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = t.ws.Write(t.t.Context(), websocket.MessageText, text)
	}
	if err != nil {
		t.t.Fatal(err)
	}
}

func (t *tab) typed(text string) {
	t.t.Helper()
	if err := t.ws.Write(t.t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
		t.t.Fatal(err)
	}
}

// read takes one message; false is the end, or none within limit.
func (t *tab) read(limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(t.t.Context(), limit)
	defer cancel()
	kind, data, err := t.ws.Read(ctx)
	if err != nil {
		return false
	}
	t.word = nil
	if kind == websocket.MessageText {
		if err := json.Unmarshal(data, &t.word); err != nil {
			t.t.Fatalf("%q: %v", data, err)
		}
		return true
	}
	t.all += len(data)
	t.seen.Write(data)
	if t.acks {
		t.say(map[string]any{"acked": t.all})
	}
	return true
}

// until reads to the first text message that has the word, and gives it.
func (t *tab) until(word string) string {
	t.t.Helper()
	for t.read(patience) {
		if m, ok := t.word[word]; ok {
			return string(m)
		}
	}
	t.t.Fatalf("no %s; the terminal shows %q", word, t.seen.String())
	return ""
}

// shows reads until the terminal shows what matches.
func (t *tab) shows(pattern string) {
	t.t.Helper()
	want := regexp.MustCompile(pattern)
	for !want.Match(t.seen.Bytes()) {
		if !t.read(patience) {
			t.t.Fatalf("the terminal shows %q, want %s", t.seen.String(), pattern)
		}
	}
}

// TestTerminalInThePage: a terminal over the WebSocket is whole, waits for a
// slow page, and is listed and ended; it ends with the technician's rights.
func TestTerminalInThePage(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	m.join(hq, "kiosk")
	anna.stop()
	anna.console()
	anna.up()
	p := anna.browse()

	tab := p.open("kiosk")
	if got := tab.until("opened"); !strings.Contains(got, `"kind":"lan"`) || !strings.Contains(got, `"osUser":"`) {
		t.Errorf("opened: %s", got)
	}
	tab.typed("PS1=; stty -echo; echo re''ady\n")
	tab.shows(`ready\r\n`)

	// A page that does not acknowledge is waited for, and gets it all.
	tab.acks = false
	before := tab.all
	tab.typed("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo do''ne\n")
	for tab.all-before < 200<<10 {
		if !tab.read(patience) {
			t.Fatalf("output stops after %d bytes", tab.all-before)
		}
	}
	ahead := tab.quiet()
	if ahead-before > 300<<10 {
		t.Errorf("%d bytes were sent ahead", ahead-before)
	}
	tab.acks = true
	tab.say(map[string]any{"acked": tab.all})
	tab.shows(`x\r\ndone\r\n`)
	if got := tab.all - before; got < 3000000 {
		t.Errorf("%d bytes of output, want 3000000 and more", got)
	}
	tab.seen.Reset()
	tab.say(map[string]any{"window": map[string]any{"columns": 101, "rows": 33}})
	tab.typed("stty size\n")
	tab.shows(`33 101\r\n`)

	sessions := warrenv1connect.NewSessionServiceClient(p.client(), p.base)
	list, err := sessions.List(t.Context(), &warrenv1.ListSessionsRequest{})
	if err != nil || len(list.GetSessions()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	one := list.GetSessions()[0]
	if one.GetDirection() != "out" || one.GetDevice() != "kiosk" || one.GetTechnician() != "anna" || one.GetVerb() != "shell" || one.GetPath().GetKind() != "lan" {
		t.Errorf("listed: %v", one)
	}
	tab.typed("exit 7\n")
	if got := tab.until("exit"); !strings.Contains(got, `"code":7`) {
		t.Errorf("exit: %s", got)
	}

	// One that somebody ends.
	tab = p.open("kiosk")
	tab.until("opened")
	list, err = sessions.List(t.Context(), &warrenv1.ListSessionsRequest{})
	if err != nil || len(list.GetSessions()) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	id := list.GetSessions()[0].GetId()
	if _, err := sessions.End(t.Context(), &warrenv1.EndSessionRequest{Id: id}); err != nil {
		t.Error(err)
	}
	if got := tab.until("error"); !strings.Contains(got, "ended from this machine") {
		t.Errorf("ended: %s", got)
	}
	if _, err := sessions.End(t.Context(), &warrenv1.EndSessionRequest{Id: id}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("ended twice: %v", err)
	}

	// What is no beginning, and nobody.
	for what, first := range map[string]any{
		"nothing": "x", "another bearer": map[string]any{"bearer": p.bearer[:len(p.bearer)-2] + "AA", "open": map[string]any{"device": "kiosk"}},
		"no such device": map[string]any{"bearer": p.bearer, "open": map[string]any{"device": "nosuch"}},
	} {
		ws := p.dial()
		text, _ := json.Marshal(first)
		_ = ws.Write(t.Context(), websocket.MessageText, text)
		_, answer, err := ws.Read(t.Context())
		if err != nil || !strings.Contains(string(answer), `"error"`) {
			t.Errorf("%s: %q, %v", what, answer, err)
		}
		_, _, err = ws.Read(t.Context())
		if want := websocket.StatusPolicyViolation; what == "another bearer" && websocket.CloseStatus(err) != want {
			t.Errorf("%s: closed by %v, want %v", what, err, want)
		}
		_ = ws.CloseNow()
	}

	// A restart of the node, and the page is still in.
	anna.stop()
	anna.up()
	tab = p.open("kiosk")
	tab.until("opened")
	hq.must("revoke", "anna", "--reason", "left", "--yes")
	tab.until("error")
	_, err = sessions.List(t.Context(), &warrenv1.ListSessionsRequest{})
	if code := connect.CodeOf(err); code != connect.CodePermissionDenied && code != connect.CodeUnavailable {
		t.Errorf("a revoked technician's page: %v", err)
	}
}

// quiet reads until nothing comes any more, and tells how much there was. It
// asks another goroutine, since a read that is given up ends the connection.
func (t *tab) quiet() int {
	var all atomic.Int64
	all.Store(int64(t.all))
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			kind, data, err := t.ws.Read(t.t.Context())
			if err != nil {
				return
			}
			if kind == websocket.MessageBinary {
				all.Add(int64(len(data)))
				t.seen.Write(data)
			}
		}
	}()
	for last := int64(-1); last != all.Load(); {
		last = all.Load()
		time.Sleep(500 * time.Millisecond)
	}
	got := int(all.Load())
	close(stop)
	t.say(map[string]any{"acked": got}) // wakes the reader
	<-done
	t.all = int(all.Load())
	return got
}

// TestWatch: a page hears of what changes, without asking.
func TestWatch(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	hq.stop()
	hq.console()
	hq.up()
	p := hq.browse()
	watch, err := warrenv1connect.NewConsoleServiceClient(p.client(), p.base).Watch(t.Context(), &warrenv1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	messages := make(chan *warrenv1.WatchResponse, 100)
	go func() { // ends with the stream
		defer close(messages)
		for watch.Receive() {
			messages <- watch.Msg()
		}
	}()
	var times []time.Time
	hears := func(what string, holds func(*warrenv1.WatchResponse) bool) {
		t.Helper()
		deadline := time.After(patience)
		for {
			select {
			case msg, ok := <-messages:
				if !ok {
					t.Fatalf("the stream ended: %v", watch.Err())
				}
				times = append(times, time.Now())
				if holds(msg) {
					return
				}
			case <-deadline:
				t.Fatalf("never heard: %s", what)
			}
		}
	}
	topic := func(word string) func(*warrenv1.WatchResponse) bool {
		return func(r *warrenv1.WatchResponse) bool { return slices.Contains(r.GetChanged(), word) }
	}
	row := func(name string, online bool) func(*warrenv1.WatchResponse) bool {
		return func(r *warrenv1.WatchResponse) bool {
			return slices.ContainsFunc(r.GetDevices(), func(d *warrenv1.Device) bool { return d.GetName() == name && d.GetOnline() == online })
		}
	}
	hears("all, at first", func(r *warrenv1.WatchResponse) bool { return len(r.GetChanged()) == 10 })
	hq.must("invite")
	hears("an invite", topic("invites"))
	kiosk := m.join(hq, "kiosk")
	hears("a claim that waits, or a machine that is there", func(r *warrenv1.WatchResponse) bool {
		return topic("pending")(r) || topic("devices")(r)
	})
	hears("it is up", row("kiosk", true))
	hears("how it is reached, and what it runs on", func(r *warrenv1.WatchResponse) bool {
		return slices.ContainsFunc(r.GetDevices(), func(d *warrenv1.Device) bool {
			return d.GetName() == "kiosk" && d.GetPath().GetKind() == "lan" && d.GetOs() != ""
		})
	})
	hq.apply(openPolicy)
	hears("a policy", topic("policy"))
	tab := p.open("kiosk")
	tab.until("opened")
	hears("a session", topic("sessions"))
	kiosk.stop()
	hears("it is away", row("kiosk", false))
	for i := 4; i < len(times); i++ { // four a second
		if d := times[i].Sub(times[i-4]); d < 900*time.Millisecond {
			t.Errorf("five messages within %s", d)
		}
	}
}

// TestFirstMinute: a machine in no mesh founds one by its page and goes on as
// that node, in one process, up to a terminal.
func TestFirstMinute(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.at("hq")
	if err := os.Mkdir(hq.dir, 0o711); err != nil {
		t.Fatal(err)
	}
	hq.refused(4, "this machine is in no mesh", "up", "--loopback")
	hq.console()
	proc := hq.begin()
	said := regexp.MustCompile(`open (http://localhost:\d+/#t=\S+)`)
	until(t, patience, "the node tells an address", func() bool { return said.MatchString(proc.text()) })
	p := enter(t, said.FindStringSubmatch(proc.text())[1])
	console := warrenv1connect.NewConsoleServiceClient(p.client(), p.base)
	who, err := console.Whoami(t.Context(), &warrenv1.WhoamiRequest{})
	if err != nil || who.GetFounded() || who.GetSuggested() == "" {
		t.Fatalf("%v, %v", who, err)
	}
	found := warrenv1connect.NewFoundServiceClient(p.client(), p.base)
	if _, err := found.Found(t.Context(), &warrenv1.FoundRequest{Mesh: "No Name"}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a bad name: %v", err)
	}
	began := time.Now()
	got, err := found.Found(t.Context(), &warrenv1.FoundRequest{Mesh: "home", Node: "hq"})
	if err != nil || got.GetMesh() != "home" || !strings.Contains(got.GetRecovery(), "Recovery key") {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := found.Found(t.Context(), &warrenv1.FoundRequest{Mesh: "other"}); connect.CodeOf(err) != connect.CodeUnimplemented {
		t.Errorf("founded twice: %v", err)
	}
	node := warrenv1connect.NewNodeServiceClient(p.client(), p.base)
	until(t, patience, "the node is ready", func() bool {
		s, err := node.Status(t.Context(), &warrenv1.StatusRequest{})
		return err == nil && s.GetReady() && s.GetLeader() == "hq"
	})
	t.Logf("from the page's word to a leader: %s", time.Since(began).Round(time.Millisecond))
	if who, err = console.Whoami(t.Context(), &warrenv1.WhoamiRequest{}); err != nil || !who.GetFounded() || who.GetTechnician() != "owner" || !who.GetAdmin() {
		t.Errorf("%v, %v", who, err)
	}
	invites := warrenv1connect.NewInviteServiceClient(p.client(), p.base)
	if inv, err := invites.Create(t.Context(), &warrenv1.CreateInviteRequest{Role: "device", Uses: 1, Expires: 3600}); err != nil || !strings.HasPrefix(inv.GetLink(), "warren://join#w1.") {
		t.Errorf("the first invite: %v, %v", inv, err)
	}
	tab := p.open("hq")
	tab.until("opened")
	tab.typed("echo he''llo; exit\n")
	tab.shows("hello")
	if proc.ended() {
		t.Errorf("the process ended: %s", proc.text())
	}
	hq.stop()
	hq.up()
	hq.must("status")
}

// TestKeyToEcho measures what the page's side adds to a keystroke: from the
// WebSocket through two nodes to the device's terminal and back.
func TestKeyToEcho(t *testing.T) {
	if race {
		t.Skip("the detector makes it slow")
	}
	m := newMesh(t)
	hq := m.found()
	kiosk := m.join(hq, "kiosk")
	hq.stop()
	hq.console()
	hq.up()
	hq.must("ping", kiosk.name)
	tab := hq.browse().open("kiosk")
	tab.until("opened")
	tab.typed("PS1=; stty -icanon; echo re''ady; cat >/dev/null\n")
	tab.shows(`ready\r\n`)
	var took []time.Duration
	for i := range 300 {
		before := tab.all
		began := time.Now()
		tab.typed(string(rune('a' + i%26)))
		for tab.all == before {
			if !tab.read(patience) {
				t.Fatal("no echo")
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("key to echo through the WebSocket: p50 %s, p95 %s, p99 %s", took[150], took[285], took[297])
	if took[150] > 20*time.Millisecond {
		t.Errorf("the half of all keystrokes takes more than %s", took[150])
	}
	if err := tab.ws.Close(websocket.StatusNormalClosure, ""); err != nil && !errors.Is(err, io.EOF) {
		t.Log(err)
	}
}

// TestWhoWorksHere: a machine that is worked on shows by whom, and ends it. It
// needs no technician of its own for that.
func TestWhoWorksHere(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	kiosk := m.join(hq, "kiosk")
	kiosk.stop()
	kiosk.console()
	kiosk.up()
	p := kiosk.browse()
	rights, err := warrenv1connect.NewMeaningServiceClient(p.client(), p.base).Rights(t.Context(), &warrenv1.RightsRequest{})
	if err != nil || !slices.ContainsFunc(rights.GetRights(), func(r *warrenv1.Right) bool {
		return r.GetTechnician() == "owner" && r.GetAdmin() && r.GetNode() == "hq" && slices.Contains(r.GetVerbs(), "shell") && len(r.GetUsers()) > 0
	}) {
		t.Errorf("%v, %v", rights, err)
	}
	hq.must("ping", "kiosk")
	work := hq.command(t.Context(), "shell", "kiosk", "--", "sleep", "600")
	if err := work.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = work.Process.Kill() }()
	sessions := warrenv1connect.NewSessionServiceClient(p.client(), p.base)
	var in *warrenv1.Session
	until(t, patience, "the page shows who is there", func() bool {
		list, err := sessions.List(t.Context(), &warrenv1.ListSessionsRequest{})
		if err != nil || len(list.GetSessions()) != 1 {
			return false
		}
		in = list.GetSessions()[0]
		return true
	})
	if in.GetDirection() != "in" || in.GetTechnician() != "owner" || in.GetDevice() != "kiosk" || in.GetVerb() != "shell" || in.GetOsUser() == "" {
		t.Errorf("listed: %v", in)
	}
	if _, err := sessions.End(t.Context(), &warrenv1.EndSessionRequest{Id: in.GetId()}); err != nil {
		t.Error(err)
	}
	if err := work.Wait(); err == nil {
		t.Error("the session ended well")
	}
}

// TestOwnersPage: on a machine of one's own the console is there without being
// asked for: who may do what, and the way out.
func TestOwnersPage(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	mine := m.join(hq, "mine", "--owner-device")
	mine.stop()
	mine.console()
	mine.up()
	p := mine.browse()
	who, err := warrenv1connect.NewConsoleServiceClient(p.client(), p.base).Whoami(t.Context(), &warrenv1.WhoamiRequest{})
	if err != nil || who.GetOwnership() != "owner" || who.GetTechnician() != "" {
		t.Fatalf("%v, %v", who, err)
	}
	rights, err := warrenv1connect.NewMeaningServiceClient(p.client(), p.base).Rights(t.Context(), &warrenv1.RightsRequest{})
	var verbs []string
	for _, r := range rights.GetRights() {
		verbs = append(verbs, r.GetVerbs()...)
		if len(r.GetUsers()) != 0 {
			t.Errorf("as a user: %v", r)
		}
	}
	if err != nil || !slices.Equal(verbs, []string{"view by consent", "control by consent", "ping"}) {
		t.Errorf("%v, %v", rights, err)
	}
	// Out of the mesh, and nothing of it stays.
	node := warrenv1connect.NewNodeServiceClient(p.client(), p.base)
	if _, err := node.Down(t.Context(), &warrenv1.DownRequest{Leave: true}); err != nil {
		t.Error(err)
	}
	until(t, patience, "the node has ended", mine.proc.ended)
	for _, name := range []string{"member", "node.key", "tunnel.key", "view", "console.key"} {
		if _, err := os.Stat(filepath.Join(mine.dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	until(t, patience, "the mesh knows", func() bool { return read[struct{ Revoked bool }](hq, "device", "mine").Revoked })
}
