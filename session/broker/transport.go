package broker

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"

	warrenv1 "warren/api/warren/v1"
)

// Bounds of a Transport from elsewhere.
const (
	maxCandidates = 8
	maxCandidate  = 64
	// ufragSize and passwordSize are exact, because both ends are warren:
	// 4 bytes of tag and 8 random bytes, 16 random bytes, both in hexadecimal.
	ufragSize    = 2 * (tagSize + 8)
	passwordSize = 32
)

// errTransport is what every refusal of a Transport wraps.
var errTransport = errors.New("transport not acceptable")

// credentials are one side's ICE names and addresses: the unsigned part of
// offer and answer. Whoever alters it can break a connection and no more: the
// certificates are signed.
type credentials struct {
	tag        tag
	ufrag      string
	password   string
	candidates []netip.AddrPort
}

// newCredentials makes the credentials of a session on path.
func newCredentials(p *path) credentials {
	var ufrag [tagSize + 8]byte
	var password [passwordSize / 2]byte
	rand.Read(ufrag[:])
	rand.Read(password[:])
	putTag(ufrag[:], p.tag)
	return credentials{
		tag: p.tag, ufrag: hex.EncodeToString(ufrag[:]), password: hex.EncodeToString(password[:]),
		candidates: []netip.AddrPort{p.hub.address},
	}
}

// encode gives the form that travels.
func (c credentials) encode() *warrenv1.Transport {
	t := &warrenv1.Transport{Ufrag: c.ufrag, Password: c.password}
	for _, a := range c.candidates {
		t.Candidates = append(t.Candidates, a.String())
	}
	return t
}

// decodeTransport reads the other side's credentials and keeps the candidates
// that allow lets through; without one left it refuses.
func decodeTransport(t *warrenv1.Transport, allow func(netip.Addr) bool) (credentials, error) {
	ufrag, err := hex.DecodeString(t.GetUfrag())
	if err != nil || len(t.GetUfrag()) != ufragSize {
		return credentials{}, fmt.Errorf("name %.40q: %w", t.GetUfrag(), errTransport)
	}
	if _, err := hex.DecodeString(t.GetPassword()); err != nil || len(t.GetPassword()) != passwordSize {
		return credentials{}, fmt.Errorf("password of the wrong form: %w", errTransport)
	}
	c := credentials{tag: getTag(ufrag), ufrag: t.GetUfrag(), password: t.GetPassword()}
	if c.tag&tagMark != tagMark {
		return credentials{}, fmt.Errorf("name %q has no tag: %w", t.GetUfrag(), errTransport)
	}
	if n := len(t.GetCandidates()); n == 0 || n > maxCandidates {
		return credentials{}, fmt.Errorf("%d candidates, want 1 to %d: %w", n, maxCandidates, errTransport)
	}
	for _, text := range t.GetCandidates() {
		a, err := netip.ParseAddrPort(text)
		if err != nil || len(text) > maxCandidate || a.Port() == 0 || a.Addr().Zone() != "" {
			return credentials{}, fmt.Errorf("candidate %.64q: %w", text, errTransport)
		}
		if addr := a.Addr().Unmap(); allow(addr) {
			c.candidates = append(c.candidates, netip.AddrPortFrom(addr, a.Port()))
		}
	}
	if len(c.candidates) == 0 {
		return credentials{}, fmt.Errorf("no candidate inside the overlay: %w", errTransport)
	}
	return c, nil
}
