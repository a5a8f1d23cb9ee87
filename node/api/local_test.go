package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"

	warrenv1 "warren/api/warren/v1"
	"warren/api/warren/v1/warrenv1connect"
	"warren/node/client"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/port"
)

// ask sends one request to the local server as a user, and gives the answer.
func (w *world) ask(uid int, procedure string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, procedure, strings.NewReader("{}")).WithContext(by(w.t.Context(), uid))
	r.Host = client.SocketHost
	r.Header.Set("Content-Type", "application/json")
	for _, e := range edit {
		e(r)
	}
	out := httptest.NewRecorder()
	LocalServer(w.local).Handler.ServeHTTP(out, r)
	return out
}

func TestWhichLocalUsersMayAskWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const technician, stranger = 4711, 4712 // see newWorld
	users := map[string]struct {
		uid    int
		member bool // may ask for more than the status
		signs  bool // may have the technician's key used
	}{
		"root":           {0, true, true},
		"the node's own": {os.Getuid(), true, os.Getuid() == 0},
		"the technician": {technician, true, true},
		"a stranger":     {stranger, false, false},
		"nobody knows":   {nobody, false, false},
	}
	for name, u := range users {
		t.Run(name, func(t *testing.T) {
			want := func(procedure string, may bool) {
				t.Helper()
				res := w.ask(u.uid, procedure)
				if may != (res.Code == http.StatusOK) {
					t.Errorf("%s: status %d, want it allowed: %v\n%s", procedure, res.Code, may, res.Body)
				}
				if !may && (res.Code != http.StatusForbidden || !strings.Contains(res.Body.String(), "permission_denied")) {
					t.Errorf("%s: status %d, want 403 and a Connect error\n%s", procedure, res.Code, res.Body)
				}
			}
			want(warrenv1connect.NodeServiceStatusProcedure, true)
			want(warrenv1connect.NodeServiceTechniciansProcedure, u.member)
			want(warrenv1connect.NodeServiceDevicesProcedure, u.member)
			want(warrenv1connect.NodeServiceDownProcedure, u.member)
			want(warrenv1connect.PolicyServiceGetProcedure, u.member)
			want(warrenv1connect.InviteServiceListProcedure, u.signs)
			want(warrenv1connect.InviteServicePendingProcedure, u.signs)
		})
	}
	// Without a key nobody signs, and the technician is a stranger.
	if err := os.Remove(w.home.Dir().TechnicianKey()); err != nil {
		t.Fatal(err)
	}
	if res := w.ask(0, warrenv1connect.InviteServiceListProcedure); !strings.Contains(res.Body.String(), "no technician works from this machine") {
		t.Errorf("root without a technician: %s", res.Body)
	}
	if res := w.ask(technician, warrenv1connect.NodeServiceTechniciansProcedure); res.Code != http.StatusForbidden {
		t.Errorf("a technician without a key: status %d", res.Code)
	}
	// A machine of one's own answers to who joined it.
	m := w.local.Member()
	m.OwnerUID = stranger
	w.local.Member = func() home.Member { return m }
	if res := w.ask(stranger, warrenv1connect.MeaningServiceRightsProcedure); res.Code != http.StatusOK {
		t.Errorf("an owner: status %d, %s", res.Code, res.Body)
	}
	if res := w.ask(stranger+1, warrenv1connect.MeaningServiceRightsProcedure); res.Code != http.StatusForbidden {
		t.Errorf("a stranger on an owner's machine: status %d", res.Code)
	}
}

func TestTheSocketIsForPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, edit := range map[string]func(*http.Request){
		"another host":       func(r *http.Request) { r.Host = "localhost" },
		"a rebound name":     func(r *http.Request) { r.Host = "evil.example.org" },
		"the name with port": func(r *http.Request) { r.Host = client.SocketHost + ":80" },
		"no host":            func(r *http.Request) { r.Host = "" },
		"an origin":          func(r *http.Request) { r.Header.Set("Origin", "http://"+client.SocketHost) },
		"the null origin":    func(r *http.Request) { r.Header.Set("Origin", "null") },
		"a referer":          func(r *http.Request) { r.Header.Set("Referer", "https://evil.example.org/") },
	} {
		res := w.ask(0, warrenv1connect.NodeServiceStatusProcedure, edit)
		if res.Code != http.StatusForbidden || strings.Contains(res.Body.String(), "firm") {
			t.Errorf("%s: status %d, %s", name, res.Code, res.Body)
		}
	}
	if res := w.ask(0, "/"); res.Code != http.StatusNotFound {
		t.Errorf("a path that is none: status %d", res.Code)
	}
}

// TestCredentialsComeFromTheSocket goes the whole way, over a real one.
func TestCredentialsComeFromTheSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir, err := os.MkdirTemp("", "warren") //nolint:usetesting // a short name, for the socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d := platform.Dir(dir)
	l, err := platform.ListenSocket(t.Context(), d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- port.Serve(ctx, LocalServer(w.local), l) }()
	c := client.NewLocal(d)
	defer c.Close()
	r, err := c.Node.Devices(t.Context(), &warrenv1.DevicesRequest{})
	if err != nil || len(r.GetDevices()) != 1 {
		t.Errorf("this very user is refused: %v, %v", r, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, err = c.Node.Devices(t.Context(), &warrenv1.DevicesRequest{})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "no warren node runs") {
		t.Errorf("nobody serves: %v", err)
	}
}

func TestWhileTheMachineWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.local.Running.Store(nil)
	res := w.ask(0, warrenv1connect.NodeServiceTechniciansProcedure)
	if !strings.Contains(res.Body.String(), "the node is starting") {
		t.Errorf("%s", res.Body)
	}
	if res := w.ask(0, warrenv1connect.NodeServiceStatusProcedure); res.Code != http.StatusOK {
		t.Errorf("status: %d", res.Code)
	}
}

// TestLimits: nobody fills memory through the socket.
func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mux := httptest.NewUnstartedServer(LocalServer(w.local).Handler)
	mux.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context { return by(ctx, 0) }
	mux.Start()
	defer mux.Close()
	c := warrenv1connect.NewPolicyServiceClient(&http.Client{Transport: renamed{}}, mux.URL)
	_, err := c.Apply(t.Context(), &warrenv1.ApplyPolicyRequest{Policy: make([]byte, maxLocal+1)})
	var e *connect.Error
	if !errors.As(err, &e) || e.Code() != connect.CodeResourceExhausted {
		t.Errorf("a message of %d bytes: %v", maxLocal+1, err)
	}
}

// renamed gives requests the host that the socket answers to.
type renamed struct{}

func (renamed) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Host = client.SocketHost
	return http.DefaultTransport.RoundTrip(r)
}
