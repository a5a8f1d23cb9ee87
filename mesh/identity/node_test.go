package identity_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"warren/mesh/identity"
)

// key is a node key that is the same in every run.
func key(t testing.TB, n byte) identity.NodeKey {
	t.Helper()
	k, err := identity.NodeKeyFromSeed(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mesh(n byte) (id identity.MeshID) {
	for i := range id {
		id[i] = n
	}
	return id
}

// What a node is called, and where it lives, must never change.
func TestNamesAreForEver(t *testing.T) {
	k := key(t, 1)
	for _, c := range []struct{ what, got, want string }{
		{"public key", hex.EncodeToString(k.Public()), "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"},
		{"node id", k.ID().String(), "b045975948a6bfc1007c0e2ed2621060"},
		{"prefix", mesh(7).Prefix().String(), "fd84:3294:a68f::/48"},
		{"address", mesh(7).Address(k.ID()).String(), "fd84:3294:a68f:b045:9759:48a6:bfc1:7c"},
	} {
		if c.got != c.want {
			t.Errorf("%s = %s, want %s", c.what, c.got, c.want)
		}
	}
}

func TestNodeID(t *testing.T) {
	id := key(t, 1).ID()
	got, err := identity.ParseNodeID(id.String())
	if err != nil || got != id {
		t.Errorf("ParseNodeID(String()) = %v, %v", got, err)
	}
	for _, bad := range []string{"", "zz", id.String()[2:], id.String() + "00", strings.Repeat("g", 32)} {
		if _, err := identity.ParseNodeID(bad); err == nil {
			t.Errorf("ParseNodeID(%q) took it", bad)
		}
	}
	if id.IsZero() || !(identity.NodeID{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	for prefix, want := range map[string]bool{
		id.Short(): true, strings.ToUpper(id.String()[:12]): true, id.String(): true,
		id.String()[:7]: false, "": false, "00000000": false, id.String() + "0": false,
	} {
		if got := id.HasPrefix(prefix); got != want {
			t.Errorf("HasPrefix(%q) = %t", prefix, got)
		}
	}
}

func TestMeshID(t *testing.T) {
	id := mesh(7)
	got, err := identity.ParseMeshID(id.String())
	if err != nil || got != id {
		t.Errorf("ParseMeshID(String()) = %v, %v", got, err)
	}
	for _, bad := range []string{"", "zz", id.String()[2:]} {
		if _, err := identity.ParseMeshID(bad); err == nil {
			t.Errorf("ParseMeshID(%q) took it", bad)
		}
	}
	if id.IsZero() || !(identity.MeshID{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	if p := id.Prefix(); !netip.MustParsePrefix("fd00::/8").Overlaps(p) || p.Bits() != 48 || p != p.Masked() {
		t.Errorf("prefix %s is no /48 of fd00::/8", p)
	}
	if mesh(8).Prefix() == id.Prefix() {
		t.Error("two meshes share a prefix")
	}
}

func TestNodeKey(t *testing.T) {
	k, err := identity.NewNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := identity.NodeKeyFromSeed(k.Seed())
	if err != nil || again.ID() != k.ID() || !again.Signer().Equal(k.Signer()) {
		t.Errorf("a key restored from its seed is another one: %v", err)
	}
	if other, _ := identity.NewNodeKey(); other.ID() == k.ID() {
		t.Error("two new keys are one")
	}
	if _, err := identity.NodeKeyFromSeed(make([]byte, 31)); err == nil {
		t.Error("a seed of 31 bytes was taken")
	}
	if k.IsZero() || !(identity.NodeKey{}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestNodeKeyIsNotPrinted(t *testing.T) {
	k := key(t, 0x5a)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", k, "in", struct{ K identity.NodeKey }{k})
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "key", k, "at", &k)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o"} {
		fmt.Fprintf(&log, verb+" ", k)
		fmt.Fprintf(&log, verb+" ", []any{&k, struct{ K identity.NodeKey }{k}})
	}
	out := strings.ToLower(log.String())
	for _, leak := range []string{"5a5a", "90 90", "zzz", "wlpa", "5a, 0x5a", "132 132", "zz"} {
		if strings.Contains(out, leak) {
			t.Errorf("%q shows the seed in %s", leak, out)
		}
	}
	if !strings.Contains(out, k.ID().Short()) {
		t.Errorf("nothing tells whose key it is in %s", out)
	}
	if got := fmt.Sprint(identity.NodeKey{}); got != "no node key" {
		t.Errorf("the zero key prints as %q", got)
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "cam-3": true, "0": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "-": false, "A": false, "a.b": false, "a b": false, "ä": false, "a\x00": false,
		strings.Repeat("a", 64): false, "a_b": false, "a`": false, "a{": false, "a/": false, "a:": false,
	} {
		if got := identity.ValidName(name); got != want {
			t.Errorf("ValidName(%q) = %t", name, got)
		}
	}
}

func TestValidText(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "Zürich, 2nd floor": true, "日本": true, strings.Repeat("x", 20): true,
		strings.Repeat("x", 21): false, "a\nb": false, "\x1b[2J": false, "a\u202eb": false, "\xff": false, "\ufffd": false, "a\u00a0b": false,
	} {
		if got := identity.ValidText(text, 20); got != want {
			t.Errorf("ValidText(%q) = %t", text, got)
		}
	}
}

func TestValidHostPort(t *testing.T) {
	for s, want := range map[string]bool{
		"host.example:443": true, "192.0.2.1:1": true, "[2001:db8::1]:65535": true, strings.Repeat("h", 253) + ":65535": true,
		"": false, "host": false, "host:": false, ":443": false, "host:0": false, "host:65536": false, "host:http": false, "host:-1": false,
		"2001:db8::1:443": false, "a b:443": false, "a\x1b:443": false, "ä:443": false, strings.Repeat("h", 254) + ":65535": false,
	} {
		if got := identity.ValidHostPort(s); got != want {
			t.Errorf("ValidHostPort(%q) = %t", s, got)
		}
	}
}
