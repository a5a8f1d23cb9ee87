package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"

	"warren/api/warren/v1/warrenv1connect"
)

// TestRunEndsWhole: whatever hangs on it, the console ends with its context and
// leaves no goroutine behind.
func TestRunEndsWhole(t *testing.T) { // alone: it counts goroutines
	w := newWorld(t, true)
	before := runtime.NumGoroutine()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	key, err := w.home.EnsureConsoleKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Address: "localhost:" + port, Key: key, Local: w.local, Pages: fstest.MapFS{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Errorf("listen twice: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	base := "http://localhost:" + port
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	res, err := client.Get(base + "/")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if string(text) != unbuilt {
		t.Errorf("without pages: %q", text)
	}
	// A connection that says nothing, one that stops within its header, one
	// within its body, and a terminal that does not begin.
	url, _, err := s.Enter(technician)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(url, "#t=")
	bearer, _, err := s.keys.exchange(token, noOwner)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{
		"", "POST / HT", fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost:%s\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n{", warrenv1connect.NodeServiceStatusProcedure, port, bearer),
	} {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, said); err != nil {
			t.Fatal(err)
		}
	}
	ws, _, err := websocket.Dial(t.Context(), base+terminalPath, &websocket.DialOptions{ //nolint:bodyclose // it has none by then
		HTTPClient: client, Subprotocols: []string{protocol}, HTTPHeader: http.Header{"Origin": {base}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	// A page that watches.
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	body := "\x00\x00\x00\x00\x02{}"
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost:%s\r\nAuthorization: Bearer %s\r\nContent-Type: application/connect+json\r\nContent-Length: %d\r\n\r\n%s",
		warrenv1connect.ConsoleServiceWatchProcedure, port, bearer, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("watch: %q, %v", line, err)
	}
	began := time.Now()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the console does not end")
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("it took %s to end", d)
	}
	_ = ws.CloseNow()
	transport.CloseIdleConnections()
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}
