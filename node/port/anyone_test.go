package port_test

import (
	"crypto/sha256"
	"crypto/tls"
	"log/slog"
	"testing"

	"warren/mesh/identity"
	"warren/node/port"
)

// TestAnyoneGetsNoFurther opens the door of a rendezvous: who names none of
// our protocols gets to its listener without proving a key, and nowhere else;
// who names one proves its key as ever.
func TestAnyoneGetsNoFurther(t *testing.T) {
	t.Parallel()
	var g guests
	key := newKey(t)
	shown, err := identity.Certificate(key, "hq.example")
	if err != nil {
		t.Fatal(err)
	}
	d := run(t, port.Config{Key: key, Admit: g.admit, Anyone: &shown, Log: slog.New(slog.DiscardHandler)}, port.Node)
	caller := newKey(t)
	g.set(caller.ID(), true)
	mine, err := identity.Certificate(caller)
	if err != nil {
		t.Fatal(err)
	}
	dial := func(protocols []string, certificates ...tls.Certificate) (*tls.Conn, error) {
		dialer := tls.Dialer{Config: &tls.Config{NextProtos: protocols, Certificates: certificates, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}
		c, err := dialer.DialContext(t.Context(), "tcp", d.address)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { c.Close() })
		return c.(*tls.Conn), nil
	}
	for name, protocols := range map[string][]string{"no ALPN": nil, "a browser's": {"h2", "http/1.1"}, "another of ours": {port.Raft}} {
		c, err := dial(protocols)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw); got != sha256.Sum256(shown.Certificate[0]) {
			t.Errorf("%s: another certificate than the one that is stated", name)
		}
		here := next(t, d.Protocol(port.Anyone))
		if id, key := here.Peer(); !id.IsZero() || key != nil {
			t.Errorf("%s: a stranger counts as %s", name, id)
		}
		d.Recheck()
		go func() { _, _ = here.Write([]byte("x")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := dial([]string{port.Node}); err == nil && !closed(c) {
		t.Error("a member's protocol without a key was let in")
	}
	if c, err := dial([]string{"h2", port.Node}); err == nil && !closed(c) {
		t.Error("a member's protocol among others, without a key, was let in")
	}
	if _, err := dial([]string{"h2", port.Node}, mine); err != nil {
		t.Fatal(err)
	}
	if id, _ := next(t, d.Protocol(port.Node)).Peer(); id != caller.ID() {
		t.Errorf("the caller is %s, want %s", id, caller.ID())
	}
}
