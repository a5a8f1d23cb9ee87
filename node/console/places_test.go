package console

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"warren/api/warren/v1/warrenv1connect"
)

// TestAnotherUserCannotFillTheConsole: connections of a local user whom the
// node does not know take no place of those whom it does.
func TestAnotherUserCannotFillTheConsole(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell whose a connection is")
	}
	w := newWorld(t, true)
	bearer := w.enter(technician, os.Getuid())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.console.hosts = []string{l.Addr().String()}
	var known atomic.Bool
	places := &places{knows: func(int) bool { return known.Load() }, of: map[int]int{}}
	server := &http.Server{Handler: w.console, ConnContext: withOwner, ReadHeaderTimeout: time.Minute}
	go server.Serve(&bounded{l, places}) //nolint:errcheck // it ends with Close
	defer server.Close()

	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	// ask sends one request, and tells the status, and whether the connection stays.
	ask := func(c net.Conn, header string) (status int, stays bool) {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%sContent-Length: 2\r\n\r\n{}",
			warrenv1connect.NodeServiceStatusProcedure, l.Addr(), header)
		if err != nil {
			return 0, false
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, false
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return res.StatusCode, !res.Close
	}

	var idle []net.Conn
	for range maxGuest {
		idle = append(idle, dial())
	}
	if status, _ := ask(dial(), ""); status != 0 {
		t.Errorf("one connection too many of a stranger: status %d", status)
	}
	known.Store(true)
	if status, stays := ask(dial(), ""); status != http.StatusUnauthorized || !stays {
		t.Errorf("meanwhile, who is known: status %d, stays %v", status, stays)
	}
	known.Store(false)
	// One of them shows a bearer, and is none of them any more.
	auth := "Authorization: Bearer " + bearer + "\r\n"
	if status, stays := ask(idle[0], auth); status != http.StatusOK || !stays {
		t.Errorf("with a bearer: status %d, stays %v", status, stays)
	}
	if status, stays := ask(dial(), ""); status != http.StatusUnauthorized || stays {
		t.Errorf("in its place: status %d, stays %v", status, stays)
	}
	if status, _ := ask(idle[0], auth); status != http.StatusOK {
		t.Errorf("with a bearer again: status %d", status)
	}
	if status, stays := ask(idle[1], strings.Replace(auth, bearer[:4], "AAAA", 1)); status != http.StatusUnauthorized || stays {
		t.Errorf("with another's bearer: status %d, stays %v", status, stays)
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	p := &places{knows: func(uid int) bool { return uid < 1000 }, of: map[int]int{}}
	var taken []*place
	take := func(owner, times, want int) {
		t.Helper()
		got := 0
		for range times {
			if at := p.take(owner); at != nil {
				taken = append(taken, at)
				got++
			}
		}
		if got != want {
			t.Errorf("user %d has %d places of %d, want %d", owner, got, times, want)
		}
	}
	for uid := 2000; uid < 2010; uid++ { // many strangers
		want := maxGuest
		if uid >= 2000+maxGuests/maxGuest {
			want = 0
		}
		take(uid, maxGuest+3, want)
	}
	take(0, maxKnown-1, maxKnown-1)
	taken[0].vouch()
	taken[0].vouch()
	taken[1].vouch() // there is no room among the known
	if taken[0].isGuest() || !taken[1].isGuest() {
		t.Error("who showed a bearer is taken for another")
	}
	take(noOwner, 1, 0)
	for _, at := range taken {
		at.leave()
		at.leave()
		at.vouch()
	}
	if p.known != 0 || p.guests != 0 || len(p.of) != 0 {
		t.Errorf("left over: %d, %d, %v", p.known, p.guests, p.of)
	}
}
