package invite

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"warren/mesh/identity"
)

// Bounds of a link.
const (
	MaxEndpoints = 3
	// MaxAddress is what one length byte can say, 4 short of the longest DNS
	// name with the longest port.
	MaxAddress = 255
	// maxLink is well over what three full endpoints come to: 1,200.
	maxLink = 4096
)

var (
	// ErrNotLink says that a text is no invite link at all.
	ErrNotLink = errors.New("not an invite link")
	// ErrAltered says that a text began as an invite link and was cut or
	// changed on its way.
	ErrAltered = errors.New("invite link was cut or altered")
)

const (
	linkVersion = 1
	marker      = "w1."
	page        = "/j#"
	scheme      = "warren://join"
	checksumLen = 4
	bareLen     = 1 + len(identity.MeshID{}) + len(ID{}) + SecretSize + 1
)

// ID names an invite: 8 random bytes.
type ID [8]byte

// Endpoint is a controller an invite's holder may turn to.
type Endpoint struct {
	Node identity.NodeID
	// Address is "host:port".
	Address string
}

// Link is what an invite looks like to the one who is invited.
type Link struct {
	Mesh        identity.MeshID
	ID          ID
	Secret      Secret
	Controllers []Endpoint
}

// String writes the link, secret included. With public, "host:port" of a
// landing page, it is an https address, else a warren address. Endpoints
// beyond MaxEndpoints, or with an address a link cannot hold, are left out.
func (l Link) String(public string) string {
	var body bytes.Buffer
	body.WriteByte(linkVersion)
	body.Write(l.Mesh[:])
	body.Write(l.ID[:])
	body.Write(l.Secret[:])
	var usable []Endpoint
	for _, e := range l.Controllers {
		if len(usable) < MaxEndpoints && validAddress(e.Address) {
			usable = append(usable, e)
		}
	}
	body.WriteByte(byte(len(usable)))
	for _, e := range usable {
		body.Write(e.Node[:])
		body.WriteByte(byte(len(e.Address)))
		body.WriteString(e.Address)
	}
	body.Write(checksum(body.Bytes()))
	text := marker + base64.RawURLEncoding.EncodeToString(body.Bytes())
	if public == "" {
		return scheme + "#" + text
	}
	return "https://" + public + page + text
}

// Format keeps fmt from printing the secret.
func (l Link) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "invite %x of mesh %s", l.ID[:], l.Mesh)
}

// LogValue keeps slog from printing the secret.
func (l Link) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(l)) }

// ParseLink reads what String wrote, from either form, whatever the host and
// with white space around it. It fails with ErrNotLink or ErrAltered.
func ParseLink(s string) (Link, error) {
	text, err := payload(strings.TrimSpace(s))
	if err != nil {
		return Link{}, err
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Link{}, fmt.Errorf("%w: it is no longer base64url", ErrAltered)
	}
	if len(body) < bareLen+checksumLen {
		return Link{}, fmt.Errorf("%w: its end is missing", ErrAltered)
	}
	body, sum := body[:len(body)-checksumLen], body[len(body)-checksumLen:]
	if !bytes.Equal(sum, checksum(body)) {
		return Link{}, fmt.Errorf("%w: the checksum differs", ErrAltered)
	}
	return decode(body)
}

// payload finds the base64url part of s.
func payload(s string) (string, error) {
	if len(s) > maxLink {
		return "", fmt.Errorf("%w: %d characters are too many", ErrNotLink, len(s))
	}
	if text, ok := strings.CutPrefix(s, marker); ok {
		return text, nil
	}
	if _, text, ok := strings.Cut(s, "#"+marker); ok {
		return text, nil
	}
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, scheme) || strings.HasPrefix(lower, "https://") && strings.Contains(s, page) {
		return "", fmt.Errorf("%w: it does not go on with %q after the '#'", ErrAltered, marker)
	}
	return "", ErrNotLink
}

func decode(body []byte) (Link, error) {
	if body[0] != linkVersion {
		return Link{}, fmt.Errorf("%w: version %d is not known here", ErrAltered, body[0])
	}
	r := bytes.NewBuffer(body[1:])
	var l Link
	copy(l.Mesh[:], r.Next(len(l.Mesh)))
	copy(l.ID[:], r.Next(len(l.ID)))
	copy(l.Secret[:], r.Next(len(l.Secret)))
	count, _ := r.ReadByte()
	if count > MaxEndpoints {
		return Link{}, fmt.Errorf("%w: %d endpoints, want at most %d", ErrAltered, count, MaxEndpoints)
	}
	for range count {
		var e Endpoint
		if r.Len() < len(e.Node)+1 {
			return Link{}, fmt.Errorf("%w: an endpoint is missing", ErrAltered)
		}
		copy(e.Node[:], r.Next(len(e.Node)))
		n, _ := r.ReadByte()
		if r.Len() < int(n) {
			return Link{}, fmt.Errorf("%w: an address is cut", ErrAltered)
		}
		e.Address = string(r.Next(int(n)))
		if !validAddress(e.Address) {
			return Link{}, fmt.Errorf("%w: %.80q is no address", ErrAltered, e.Address)
		}
		l.Controllers = append(l.Controllers, e)
	}
	if r.Len() != 0 {
		return Link{}, fmt.Errorf("%w: %d bytes too many", ErrAltered, r.Len())
	}
	return l, nil
}

func checksum(body []byte) []byte {
	h := sha256.New()
	_, _ = io.WriteString(h, "warren/link/v1")
	h.Write(body)
	return h.Sum(nil)[:checksumLen]
}

// validAddress takes what one length byte can announce.
func validAddress(s string) bool { return len(s) <= MaxAddress && identity.ValidHostPort(s) }
