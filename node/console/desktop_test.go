package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
)

func TestWhatADesktopBeginsWith(t *testing.T) {
	t.Parallel()
	good := `{"bearer":"b","open":{"device":"kiosk","verb":"control","display":":0","monitor":2,"maxWidth":800,"maxHeight":4294967295,"resize":true,"virtual":true}}`
	m, err := readDesktop([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	open := m.open()
	if s := open.Screen; open.Device != "kiosk" || open.Verb != "control" || s.GetDisplay() != ":0" || s.GetMonitor() != 2 || s.GetMaxWidth() != 800 || s.GetMaxHeight() != maxPixels || !s.GetResize() || !s.GetVirtual() {
		t.Errorf("asks for %+v", open)
	}
	for what, text := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "no bearer": strings.Replace(good, `"bearer":"b",`, "", 1), "no device": strings.Replace(good, "kiosk", "", 1),
		"another verb": strings.Replace(good, "control", "shell", 1), "no verb": strings.Replace(good, `"verb":"control",`, "", 1), "an unknown field": strings.Replace(good, "resize", "resizes", 1),
		"a long display": strings.Replace(good, ":0", strings.Repeat("x", maxWord+1), 1), "twice": good + good, "a negative monitor": strings.Replace(good, `"monitor":2`, `"monitor":-1`, 1),
		"a long message": good + strings.Repeat(" ", maxFirst), "a terminal": `{"bearer":"b","open":{"device":"kiosk","columns":80}}`,
	} {
		if m, err := readDesktop([]byte(text)); !errors.Is(err, errMessage) {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
}

func FuzzFirstOfDesktop(f *testing.F) {
	f.Add([]byte(`{"bearer":"b","open":{"device":"kiosk","verb":"view"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readDesktop(b)
		if err != nil {
			if !errors.Is(err, errMessage) {
				t.Fatalf("error %v does not wrap errMessage", err)
			}
			return
		}
		o := m.open()
		if m.Bearer == "" || o.Device == "" || o.Verb != "view" && o.Verb != "control" || o.Screen.GetMaxWidth() > maxPixels || len(o.Screen.GetDisplay()) > maxWord {
			t.Fatalf("accepted %+v", m)
		}
	})
}

// served gives the base address of the console on a port of its own.
func (w *world) served() string {
	w.t.Helper()
	server := httptest.NewUnstartedServer(w.console)
	server.Config.ConnContext = withOwner
	server.Start()
	w.t.Cleanup(server.Close)
	w.console.hosts = []string{server.Listener.Addr().String()}
	return server.URL
}

func dialAs(t *testing.T, base, path, protocol string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), base+path, &websocket.DialOptions{ //nolint:bodyclose // it has none by then
		Subprotocols: []string{protocol}, HTTPHeader: http.Header{"Origin": {base}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// TestPagesThatBeginWrong: each is told why, and closed.
func TestPagesThatBeginWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	base := w.served()
	url, _, err := w.console.Enter(technician)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(url, "#t=")
	bearer, _, err := w.console.keys.exchange(token, noOwner)
	if err != nil {
		t.Fatal(err)
	}
	good := `{"bearer":"` + bearer + `","open":{"device":"nobody","verb":"view"}}`
	for what, c := range map[string]struct {
		kind websocket.MessageType
		say  string
		told string
		code websocket.StatusCode
	}{
		"bytes":            {websocket.MessageBinary, good, "in words", websocket.StatusNormalClosure},
		"nonsense":         {websocket.MessageText, "{}", "what to look at", websocket.StatusNormalClosure},
		"a wrong bearer":   {websocket.MessageText, strings.Replace(good, bearer, "x", 1), "not let in", websocket.StatusPolicyViolation},
		"a device unknown": {websocket.MessageText, good, "nobody", websocket.StatusNormalClosure},
	} {
		ws := dialAs(t, base, desktopPath, desktopProtocol)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := ws.Write(ctx, c.kind, []byte(c.say)); err != nil {
			t.Fatal(err)
		}
		_, text, err := ws.Read(ctx)
		var word struct {
			Error struct{ Kind, Message, Hint string }
		}
		if err != nil || json.Unmarshal(text, &word) != nil || !strings.Contains(word.Error.Message, c.told) {
			t.Errorf("%s: it is told %s, %v", what, text, err)
		}
		if _, _, err := ws.Read(ctx); websocket.CloseStatus(err) != c.code {
			t.Errorf("%s: closed with %v", what, err)
		}
		cancel()
	}
	if ws := dialAs(t, base, desktopPath, protocol); ws.Subprotocol() != "" {
		t.Errorf("a terminal's protocol was taken")
	}
}

// TestNotTooManyDesktops: one more than may be open is turned away, and who has
// no bearer takes no place.
func TestNotTooManyDesktops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	good := w.enter(technician, noOwner)
	base := w.served()
	w.console.desktops.Store(maxDesktops)
	for bearer, told := range map[string]string{"x": "not let in", good: "16 of them are open"} {
		ws := dialAs(t, base, desktopPath, desktopProtocol)
		first := `{"bearer":"` + bearer + `","open":{"device":"nobody","verb":"view"}}`
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(first)); err != nil {
			t.Fatal(err)
		}
		if _, text, err := ws.Read(t.Context()); err != nil || !strings.Contains(string(text), told) {
			t.Errorf("%s, %v; want %q", text, err, told)
		}
		_, _, _ = ws.Read(t.Context()) // its end
	}
	if n := w.console.desktops.Load(); n != maxDesktops {
		t.Errorf("%d are counted afterwards", n)
	}
}

// TestWhatAPageMaySend: what is no input ends the session.
func TestWhatAPageMaySend(t *testing.T) {
	t.Parallel()
	type received struct {
		data []byte
		err  error
	}
	got := make(chan received)
	world := newWorld(t, true)
	first, err := world.console.keys.check(world.enter(technician, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	wide := world.console.lease(first, 1, func() {})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		conn.SetReadLimit(session.MaxMessage)
		v := newViewer(r.Context(), conn, wide)
		if err := v.Opened("s", &warrenv1.Path{Kind: "lan", RttMs: 1.5}); err != nil {
			return
		}
		for {
			data, err := v.Receive()
			got <- received{data, err}
			if err != nil {
				return
			}
		}
	}))
	defer server.Close()
	dial := func() *websocket.Conn {
		ws, _, err := websocket.Dial(t.Context(), server.URL, nil) //nolint:bodyclose // it has none by then
		if err != nil {
			t.Fatal(err)
		}
		if _, text, err := ws.Read(t.Context()); err != nil || !bytes.Contains(text, []byte(`"rttMs":1.5`)) || !bytes.Contains(text, []byte(`"session":"s"`)) {
			t.Fatalf("opened: %s, %v", text, err)
		}
		return ws
	}
	longest := append([]byte{kindInput}, make([]byte, session.MaxMessage-1)...)
	ws := dial()
	for _, data := range [][]byte{{kindInput, 8}, longest} {
		if err := ws.Write(t.Context(), websocket.MessageBinary, data); err != nil {
			t.Fatal(err)
		}
		if r := <-got; r.err != nil || !bytes.Equal(r.data, data) {
			t.Errorf("%d bytes of input: %v", len(data), r.err)
		}
	}
	// A later bearer prolongs what is open, and is no input.
	world.pass(time.Hour)
	bearer := world.enter(technician, 1)
	for _, text := range []string{`{"bearer":"x"}`, `{"bearer":"` + bearer + `"}`} {
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := ws.Write(t.Context(), websocket.MessageBinary, []byte{kindInput, 8}); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.err != nil || !bytes.Equal(r.data, []byte{kindInput, 8}) {
		t.Errorf("input behind a bearer: %v", r.err)
	}
	if longer := time.Unix(wide.expires.Load(), 0).Sub(time.Unix(first.expires.Unix(), 0)); longer != time.Hour {
		t.Errorf("an hour later, a new bearer prolonged it by %v", longer)
	}
	_ = ws.CloseNow()
	if r := <-got; r.err == nil {
		t.Error("a page that is gone gives no error")
	}
	for what, c := range map[string]struct {
		kind websocket.MessageType
		data []byte
	}{
		"no bearer": {websocket.MessageText, []byte("{}")}, "more than a bearer": {websocket.MessageText, []byte(`{"bearer":"b","open":{}}`)},
		"a long bearer": {websocket.MessageText, []byte(`{"bearer":"` + strings.Repeat("b", maxWord+1) + `"}`)}, "nothing": {websocket.MessageBinary, nil}, "a kind alone": {websocket.MessageBinary, []byte{kindInput}},
		"a frame": {websocket.MessageBinary, []byte("\x03x")}, "too much": {websocket.MessageBinary, append(longest, 0)},
	} {
		ws := dial()
		if err := ws.Write(t.Context(), c.kind, c.data); err != nil {
			t.Fatal(err)
		}
		if r := <-got; r.err == nil {
			t.Errorf("%s is taken for input", what)
		}
		_ = ws.CloseNow()
	}
}

// TestAPageThatReadsNothing: it is not waited for once it has to leave.
func TestAPageThatReadsNothing(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	viewers, ended := make(chan *viewer, 1), make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		v := newViewer(context.WithoutCancel(r.Context()), conn, nil)
		viewers <- v
		frame := append([]byte{3}, make([]byte, session.MaxMessage-1)...)
		for {
			if err := v.Send(frame); err != nil {
				ended <- err
				return
			}
			sent.Add(1)
		}
	}))
	defer server.Close()
	ws, _, err := websocket.Dial(t.Context(), server.URL, nil) //nolint:bodyclose // it has none by then
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	v := <-viewers
	for before := int64(0); before == 0 || sent.Load() != before; { // until the way is full
		before = sent.Load()
		time.Sleep(200 * time.Millisecond)
	}
	v.Leave()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("it is waited for")
	}
}

// TestADeviceThatTellsTooMuch waits; frames and the parts of a copy do not wait
// behind its events.
func TestADeviceThatTellsTooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newViewer(t.Context(), nil, nil)
		took := func(n int, message []byte) time.Duration {
			began := time.Now()
			for range n {
				whole, err := v.joiner.Add(message)
				if err != nil {
					t.Fatal(err)
				}
				if err := v.pass(whole); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began)
		}
		event := func(e *warrenv1.ScreenEvent) []byte {
			m, err := proto.MarshalOptions{}.MarshalAppend([]byte{kindEvent}, e)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		pointer := event(&warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Pointer{Pointer: &warrenv1.ScreenPlace{X: 1}}})
		part := event(&warrenv1.ScreenEvent{Event: &warrenv1.ScreenEvent_Clipboard{
			Clipboard: &warrenv1.ScreenClipboard{Mime: "image/png", Total: 8 << 20, Offset: 12 << 10, Part: make([]byte, 12<<10)},
		}})
		if d := took(150, pointer); d != 0 {
			t.Errorf("as many as are usual took %v", d)
		}
		if d := took(1000, pointer); d < 9*time.Second || d > 11*time.Second {
			t.Errorf("1,000 events took %v", d)
		}
		if d := took(700, part); d != 0 {
			t.Errorf("a copy took %v", d)
		}
		if d := took(500, []byte{3, 1}); d != 0 {
			t.Errorf("500 frames took %v", d)
		}
	})
}

func FuzzBearerOfDesktop(f *testing.F) {
	f.Add([]byte(`{"bearer":"b"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		bearer, err := readBearer(b)
		if (err == nil) == (bearer == "") || len(bearer) > maxWord {
			t.Fatalf("%q gives %q, %v", b, bearer, err)
		}
		if err != nil && !errors.Is(err, errMessage) {
			t.Fatalf("error %v does not wrap errMessage", err)
		}
	})
}
