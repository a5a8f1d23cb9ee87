package identity_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/mesh/identity/identitytest"
)

func TestKeys(t *testing.T) {
	k := key(t, 1)
	got, err := identity.OpenKeys(keysOf(t, k), mesh(7))
	if err != nil {
		t.Fatal(err)
	}
	if got.Node != k.ID() || !got.NodeKey.Equal(k.Public()) || got.Counter != 3 ||
		got.WireGuard != identitytest.Public(t, "wireguard a") || got.Disco != identitytest.Public(t, "disco a") {
		t.Errorf("got %+v", got)
	}
}

func TestKeysRefused(t *testing.T) {
	k, other := key(t, 1), key(t, 2)
	id := mesh(7)
	payload := func(s *warrenv1.Statement) *warrenv1.Keys {
		var m warrenv1.Keys
		if err := identity.Decode(s, identity.TypeKeys, &m); err != nil {
			t.Fatal(err)
		}
		return &m
	}
	others := payload(identitytest.Keys(t, other, id, "b", 3, noon))
	mine := payload(identitytest.Keys(t, k, id, "b", 3, noon))
	for name, c := range map[string]struct {
		spoil func(*warrenv1.Keys)
		by    []identity.NodeKey
	}{
		"another mesh":       {func(m *warrenv1.Keys) { m.Mesh = make32(9) }, nil},
		"no mesh":            {func(m *warrenv1.Keys) { m.Mesh = nil }, nil},
		"another node":       {func(m *warrenv1.Keys) { m.Node = other.Public() }, nil},
		"a short node":       {func(m *warrenv1.Keys) { m.Node = m.Node[1:] }, nil},
		"two signers":        {func(*warrenv1.Keys) {}, []identity.NodeKey{k, other}},
		"short wireguard":    {func(m *warrenv1.Keys) { m.Wireguard = m.Wireguard[1:] }, nil},
		"long disco":         {func(m *warrenv1.Keys) { m.Disco = append(m.Disco, 0) }, nil},
		"an empty wireguard": {func(m *warrenv1.Keys) { m.Wireguard = make([]byte, 32) }, nil},
		"an empty disco":     {func(m *warrenv1.Keys) { m.Disco = make([]byte, 32) }, nil},
		// What an earlier member would say to put a later one out of the mesh.
		"another's wireguard": {func(m *warrenv1.Keys) { m.Wireguard = others.GetWireguard() }, nil},
		"another's disco":     {func(m *warrenv1.Keys) { m.Disco = others.GetDisco() }, nil},
		"another's keys with its proofs": {func(m *warrenv1.Keys) {
			m.Wireguard, m.Disco = others.GetWireguard(), others.GetDisco()
			m.WireguardProof, m.DiscoProof = others.GetWireguardProof(), others.GetDiscoProof()
		}, nil},
		"one key of two statements": {func(m *warrenv1.Keys) {
			m.Wireguard, m.WireguardProof = mine.GetWireguard(), mine.GetWireguardProof()
		}, nil},
		"proofs swapped": {func(m *warrenv1.Keys) {
			m.WireguardProof, m.DiscoProof = m.GetDiscoProof(), m.GetWireguardProof()
		}, nil},
		"keys and proofs swapped": {func(m *warrenv1.Keys) {
			m.Wireguard, m.Disco = m.GetDisco(), m.GetWireguard()
			m.WireguardProof, m.DiscoProof = m.GetDiscoProof(), m.GetWireguardProof()
		}, nil},
		"no wireguard proof": {func(m *warrenv1.Keys) { m.WireguardProof = nil }, nil},
		"no disco proof":     {func(m *warrenv1.Keys) { m.DiscoProof = nil }, nil},
		"a long proof":       {func(m *warrenv1.Keys) { m.DiscoProof = append(m.DiscoProof, 0) }, nil},
		"another counter":    {func(m *warrenv1.Keys) { m.Counter++ }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := payload(keysOf(t, k))
			c.spoil(m)
			by := []ed25519.PrivateKey{k.Signer()}
			if c.by != nil {
				by = []ed25519.PrivateKey{c.by[0].Signer(), c.by[1].Signer()}
			}
			if _, err := identity.OpenKeys(raw(t, identity.TypeKeys, m, by...), id); !errors.Is(err, identity.ErrStatement) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := identity.OpenKeys(endpointsOf(t, k), id); !errors.Is(err, identity.ErrStatement) {
		t.Errorf("an endpoint statement as keys: %v", err)
	}
}

func make32(b byte) []byte {
	out := make([]byte, 32)
	for i := range out {
		out[i] = b
	}
	return out
}

func TestEndpoints(t *testing.T) {
	k := key(t, 1)
	got, err := identity.OpenEndpoints(endpointsOf(t, k, "192.0.2.1:41820", "[::ffff:192.0.2.2]:1", "127.0.0.1:9"), mesh(7))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Addresses) != "[192.0.2.1:41820 192.0.2.2:1 127.0.0.1:9]" || got.Node != k.ID() || got.Counter != 3 || !got.Time.Equal(noon) {
		t.Errorf("got %+v", got)
	}
}

// What OpenEndpoints refuses, SignEndpoints leaves out: a machine must not
// silence itself.
func TestEndpointsRefused(t *testing.T) {
	k, id := key(t, 1), mesh(7)
	overlay := netip.AddrPortFrom(id.Address(k.ID()), 41820)
	for _, bad := range []string{
		"", "nonsense", "192.0.2.1", "192.0.2.1:0", "host:1", "0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1", "224.0.0.1:1", "[ff02::1]:1", "[::ffff:224.0.0.1]:1",
		"[fe80::1%eth0]:1", overlay.String(), fmt.Sprintf("[%s%%eth0]:1", overlay.Addr()),
	} {
		s := raw(t, identity.TypeEndpoints, &warrenv1.Endpoints{Mesh: id[:], Node: k.Public(), Addresses: []string{bad}}, k.Signer())
		if _, err := identity.OpenEndpoints(s, id); !errors.Is(err, identity.ErrStatement) {
			t.Errorf("OpenEndpoints took %q: %v", bad, err)
		}
		if a, err := netip.ParseAddrPort(bad); err == nil {
			got, err := identity.OpenEndpoints(endpointsOf(t, k, a.String(), "192.0.2.1:7"), id)
			if err != nil || fmt.Sprint(got.Addresses) != "[192.0.2.1:7]" {
				t.Errorf("with %q signed: %v, %v", bad, got.Addresses, err)
			}
		}
	}
	none, err := identity.SignEndpoints(k, id, []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, 7)}, 3, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := identity.OpenEndpoints(none, id); err != nil || len(got.Addresses) != 0 {
		t.Errorf("no address signed: %v, %v", got.Addresses, err)
	}
	var many []string
	for i := range identity.MaxEndpoints + 1 {
		many = append(many, fmt.Sprintf("192.0.2.1:%d", i+1))
	}
	s := raw(t, identity.TypeEndpoints, &warrenv1.Endpoints{Mesh: id[:], Node: k.Public(), Addresses: many}, k.Signer())
	if _, err := identity.OpenEndpoints(s, id); !errors.Is(err, identity.ErrStatement) {
		t.Errorf("%d endpoints: %v", len(many), err)
	}
	if got, err := identity.OpenEndpoints(endpointsOf(t, k, many...), id); err != nil || len(got.Addresses) != identity.MaxEndpoints {
		t.Errorf("%d endpoints signed: %d, %v", len(many), len(got.Addresses), err)
	}
	if _, err := identity.OpenEndpoints(endpointsOf(t, k), mesh(8)); !errors.Is(err, identity.ErrStatement) {
		t.Errorf("endpoints of another mesh: %v", err)
	}
	if _, err := identity.OpenEndpoints(keysOf(t, k), id); !errors.Is(err, identity.ErrStatement) {
		t.Errorf("a key statement as endpoints: %v", err)
	}
}

func TestPublicAddresses(t *testing.T) {
	k, id := key(t, 1), mesh(7)
	good := []string{"warren.example:443", "192.0.2.1:41820"}
	s, err := identity.SignEndpoints(k, id, nil, 1, noon, good...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := identity.OpenEndpoints(s, id)
	if err != nil || fmt.Sprint(got.Public) != fmt.Sprint(good) {
		t.Errorf("got %q, %v", got.Public, err)
	}
	if s, err = identity.SignEndpoints(k, id, nil, 1, noon, "a:1", "b:1", "c:1", "d:1", "e:1"); err != nil {
		t.Fatal(err)
	}
	if got, err := identity.OpenEndpoints(s, id); err != nil || len(got.Public) != identity.MaxPublic {
		t.Errorf("5 signed: %q, %v", got.Public, err)
	}
	for _, bad := range [][]string{{"nonsense"}, {"good:1", ":2"}, {"a:1", "b:1", "c:1", "d:1", "e:1"}} {
		s := raw(t, identity.TypeEndpoints, &warrenv1.Endpoints{Mesh: id[:], Node: k.Public(), Public: bad}, k.Signer())
		if _, err := identity.OpenEndpoints(s, id); !errors.Is(err, identity.ErrStatement) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
