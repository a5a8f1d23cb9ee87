package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"warren/mesh/identity"
)

func admitAll(identity.NodeID, ed25519.PublicKey, string) error { return nil }

// shake runs one handshake and gives both sides' outcome; the client's is that
// of its first read too, because in TLS 1.3 it learns there of a refusal.
func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, tls.ConnectionState, error, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	s, c := tls.Server(a, server), tls.Client(b, client)
	done := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		_ = s.Close()
		done <- err
	}()
	clientErr := c.Handshake()
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	_ = b.Close()
	return s.ConnectionState(), c.ConnectionState(), <-done, clientErr
}

func configs(t *testing.T, server, client identity.NodeKey, check identity.PeerCheck) (*tls.Config, *tls.Config) {
	t.Helper()
	s, err := identity.ServerConfig(server, []string{"warren-a/1", "warren-b/1"}, check)
	if err != nil {
		t.Fatal(err)
	}
	c, err := identity.ClientConfig(client, []string{"warren-b/1"}, server.ID())
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func TestTLS(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	var asked string
	s, c := configs(t, a, b, func(peer identity.NodeID, k ed25519.PublicKey, proto string) error {
		if peer != b.ID() || !k.Equal(b.Public()) {
			t.Errorf("asked about %s", peer)
		}
		asked = proto
		return nil
	})
	ss, cs, serr, cerr := shake(t, s, c)
	if serr != nil || cerr != nil {
		t.Fatal(serr, cerr)
	}
	if asked != "warren-b/1" || ss.NegotiatedProtocol != asked || ss.Version != tls.VersionTLS13 || ss.DidResume {
		t.Errorf("asked about %q; state %+v", asked, ss)
	}
	for side, c := range map[string]struct {
		cs   tls.ConnectionState
		want identity.NodeKey
	}{"server": {ss, b}, "client": {cs, a}} {
		id, k, err := identity.PeerOf(c.cs)
		if err != nil || id != c.want.ID() || !k.Equal(c.want.Public()) {
			t.Errorf("%s met %s, %v", side, id, err)
		}
	}
}

func TestTLSRefuses(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	refuse := errors.New("nobody we know")
	stranger, err := identity.Certificate(key(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		check        identity.PeerCheck
		spoil        func(s, c *tls.Config)
		server, clnt string // part of each side's error
	}{
		"a peer the check refuses": {check: func(identity.NodeID, ed25519.PublicKey, string) error { return refuse }, server: "nobody we know"},
		"another server":           {spoil: func(s, _ *tls.Config) { s.Certificates = []tls.Certificate{stranger} }, clnt: "was expected"},
		"TLS 1.2":                  {spoil: func(_, c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, server: "unsupported versions"},
		"no client certificate":    {spoil: func(_, c *tls.Config) { c.Certificates = nil }, server: "didn't provide a certificate"},
		"no protocol offered":      {spoil: func(_, c *tls.Config) { c.NextProtos, c.VerifyConnection = nil, nil }, server: "no protocol in common"},
		"another protocol offered": {spoil: func(_, c *tls.Config) { c.NextProtos = []string{"h2"} }, server: "unsupported application protocols"},
		"no protocol answered":     {spoil: func(s, _ *tls.Config) { s.NextProtos, s.VerifyConnection = nil, nil }, clnt: "no protocol in common"},
		"a client's certificate with another key": {
			spoil: func(_, c *tls.Config) {
				forged := c.Certificates[0]
				forged.PrivateKey = key(t, 3).Signer()
				c.Certificates = []tls.Certificate{forged}
			}, server: "invalid signature",
		},
		"a server's certificate with another key": {
			spoil: func(s, _ *tls.Config) {
				forged := s.Certificates[0]
				forged.PrivateKey = key(t, 3).Signer()
				s.Certificates = []tls.Certificate{forged}
			}, clnt: "invalid signature",
		},
		"two certificates": {
			spoil: func(_, c *tls.Config) {
				two := c.Certificates[0]
				two.Certificate = append(two.Certificate[:1:1], stranger.Certificate[0])
				c.Certificates = []tls.Certificate{two}
			}, server: "2 certificates",
		},
		"an ECDSA key": {spoil: func(_, c *tls.Config) { c.Certificates = []tls.Certificate{ecdsaCertificate(t)} }, server: "without an Ed25519 key"},
	} {
		t.Run(name, func(t *testing.T) {
			check := c.check
			if check == nil {
				check = admitAll
			}
			s, cl := configs(t, a, b, check)
			if c.spoil != nil {
				c.spoil(s, cl)
			}
			_, _, serr, cerr := shake(t, s, cl)
			if serr == nil && cerr == nil {
				t.Fatal("they shook hands")
			}
			if c.server != "" && (serr == nil || !strings.Contains(serr.Error(), c.server)) {
				t.Errorf("server: %v, want %q", serr, c.server)
			}
			if c.clnt != "" && (cerr == nil || !strings.Contains(cerr.Error(), c.clnt)) {
				t.Errorf("client: %v, want %q", cerr, c.clnt)
			}
		})
	}
}

// A peer that was good once must be asked about again.
func TestTLSDoesNotResume(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	asked := 0
	s, c := configs(t, a, b, func(identity.NodeID, ed25519.PublicKey, string) error { asked++; return nil })
	c.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	c.ServerName = "a" // a name makes sessions cacheable
	for range 3 {
		ss, _, serr, cerr := shake(t, s, c)
		if serr != nil || cerr != nil || ss.DidResume {
			t.Fatal(serr, cerr, ss.DidResume)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times about 3 connections", asked)
	}
}

func TestCertificate(t *testing.T) {
	k := key(t, 1)
	one, err := identity.Certificate(k)
	if err != nil {
		t.Fatal(err)
	}
	two, err := identity.Certificate(k)
	if err != nil {
		t.Fatal(err)
	}
	if string(one.Certificate[0]) != string(two.Certificate[0]) {
		t.Error("the certificate is another one each time: it cannot be pinned by hash")
	}
	leaf := one.Leaf
	for _, now := range []time.Time{time.Unix(1, 0), noon, time.Date(9998, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
			t.Errorf("not valid at %s", now)
		}
	}
	if leaf.Subject.String() != "CN=warren" || len(leaf.DNSNames)+len(leaf.IPAddresses)+len(leaf.URIs)+len(leaf.EmailAddresses) != 0 {
		t.Errorf("it names somebody: %s", leaf.Subject)
	}
	if leaf.IsCA {
		t.Error("it could sign others")
	}
}

func TestConfigsRefuseNonsense(t *testing.T) {
	k := key(t, 1)
	protos := []string{"warren-a/1"}
	for name, f := range map[string]func() (*tls.Config, error){
		"server without check":    func() (*tls.Config, error) { return identity.ServerConfig(k, protos, nil) },
		"server without protocol": func() (*tls.Config, error) { return identity.ServerConfig(k, nil, admitAll) },
		"server without key":      func() (*tls.Config, error) { return identity.ServerConfig(identity.NodeKey{}, protos, admitAll) },
		"client without node":     func() (*tls.Config, error) { return identity.ClientConfig(k, protos, identity.NodeID{}) },
		"client with no protocol": func() (*tls.Config, error) { return identity.ClientConfig(k, []string{""}, k.ID()) },
	} {
		if cfg, err := f(); err == nil || cfg != nil {
			t.Errorf("%s: made", name)
		}
	}
}

func TestPeerOfRefuses(t *testing.T) {
	good, _ := identity.Certificate(key(t, 1))
	short := *good.Leaf
	short.PublicKey = ed25519.PublicKey{1, 2, 3}
	for name, certs := range map[string][]*x509.Certificate{
		"none": nil, "two": {good.Leaf, good.Leaf}, "a short key": {&short}, "no key": {{}},
	} {
		if _, _, err := identity.PeerOf(tls.ConnectionState{PeerCertificates: certs}); !errors.Is(err, identity.ErrPeer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ecdsaCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}
}
