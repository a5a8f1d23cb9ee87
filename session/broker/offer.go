package broker

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/session"
)

// Bounds of an offer's fields, in bytes.
const (
	nonceSize  = 32
	maxVerb    = 32
	maxUser    = 64
	maxReason  = 256
	maxRequest = 48 << 10
)

// errOffer is what every refusal of an offer by its form or signature wraps.
var errOffer = errors.New("offer not acceptable")

// offer is a decoded Offer whose fields have the right sizes. Until verify has
// passed, nothing in it is proved.
type offer struct {
	mesh        identity.MeshID
	session     session.ID
	technician  ed25519.PublicKey
	node        identity.NodeID
	device      identity.NodeID
	nonce       [nonceSize]byte
	fingerprint [sha256.Size]byte
	verb        string
	user        string
	reason      string
	request     []byte
	time        time.Time // the technician's clock, for the record only

	statement *warrenv1.Statement
}

// decodeOffer reads the payload and checks sizes. Signatures come later, so
// that junk costs no elliptic curve.
func decodeOffer(s *warrenv1.Statement) (offer, error) {
	if s.GetType() != string(identity.TypeOffer) {
		return offer{}, fmt.Errorf("statement of type %.40q: %w", s.GetType(), errOffer)
	}
	if n := len(s.GetPayload()); n > identity.MaxPayload {
		return offer{}, fmt.Errorf("payload of %d bytes: %w", n, errOffer)
	}
	var m warrenv1.Offer
	if err := (proto.UnmarshalOptions{RecursionLimit: 4}).Unmarshal(s.GetPayload(), &m); err != nil {
		return offer{}, fmt.Errorf("decode: %w", errors.Join(errOffer, err))
	}
	if len(m.ProtoReflect().GetUnknown()) > 0 {
		return offer{}, fmt.Errorf("unknown fields: %w", errOffer)
	}
	o := offer{
		technician: m.GetTechnician(), verb: m.GetVerb(), user: m.GetOsUser(), reason: m.GetReason(),
		request: m.GetRequest(), time: time.UnixMilli(m.GetTime()), statement: s,
	}
	exact := fill(o.mesh[:], m.GetMesh()) && fill(o.session[:], m.GetSession()) &&
		len(m.GetTechnician()) == ed25519.PublicKeySize &&
		fill(o.node[:], m.GetTechnicianNode()) && fill(o.device[:], m.GetDevice()) &&
		fill(o.nonce[:], m.GetNonce()) && fill(o.fingerprint[:], m.GetFingerprint())
	switch {
	case !exact:
		return offer{}, fmt.Errorf("a field of the wrong size: %w", errOffer)
	case !word(o.verb, maxVerb):
		return offer{}, fmt.Errorf("verb %.40q: %w", o.verb, errOffer)
	case o.user != "" && !name(o.user, maxUser): // none where the verb acts as nobody: policy tells
		return offer{}, fmt.Errorf("user %.80q: %w", o.user, errOffer)
	case len(o.reason) > maxReason || !utf8.ValidString(o.reason):
		return offer{}, fmt.Errorf("reason of %d bytes: %w", len(o.reason), errOffer)
	case len(o.request) > maxRequest:
		return offer{}, fmt.Errorf("request of %d bytes: %w", len(o.request), errOffer)
	}
	return o, nil
}

// verify checks that exactly the technician signed.
func (o offer) verify() error {
	signers, err := identity.Verify(o.statement, identity.TypeOffer)
	if err != nil {
		return errors.Join(errOffer, err)
	}
	if len(signers) != 1 || !signers.Has(o.technician) {
		return fmt.Errorf("not signed by the technician it names: %w", errOffer)
	}
	return nil
}

// sign makes the statement that decodeOffer reads.
func (o offer) sign(key ed25519.PrivateKey) (*warrenv1.Statement, error) {
	return identity.Sign(identity.TypeOffer, &warrenv1.Offer{
		Mesh: o.mesh[:], Session: o.session[:], Technician: o.technician, TechnicianNode: o.node[:],
		Device: o.device[:], Nonce: o.nonce[:], Fingerprint: o.fingerprint[:], Verb: o.verb, OsUser: o.user,
		Reason: o.reason, Request: o.request, Time: o.time.UnixMilli(),
	}, key)
}

// signAnswer accepts an offer with the device's certificate.
func signAnswer(o offer, fingerprint [sha256.Size]byte, key identity.NodeKey, now time.Time) (*warrenv1.Statement, error) {
	hash := sha256.Sum256(o.statement.GetPayload())
	return identity.Sign(identity.TypeAnswer, &warrenv1.Answer{
		Offer: hash[:], Fingerprint: fingerprint[:], Verb: o.verb, OsUser: o.user, Time: now.UnixMilli(),
	}, key.Signer())
}

// openAnswer verifies the device's answer to o, which was sent as a statement,
// and gives the fingerprint of the device's certificate.
func openAnswer(s *warrenv1.Statement, o offer, device ed25519.PublicKey) ([sha256.Size]byte, error) {
	var fingerprint [sha256.Size]byte
	var m warrenv1.Answer
	signers, err := identity.Open(s, identity.TypeAnswer, &m)
	if err != nil {
		return fingerprint, errors.Join(session.ErrNoAnswer, err)
	}
	hash := sha256.Sum256(o.statement.GetPayload())
	switch {
	case len(signers) != 1 || !signers.Has(device):
		err = errors.New("not signed by the device")
	case !bytes.Equal(m.GetOffer(), hash[:]):
		err = errors.New("answers another offer")
	case m.GetVerb() != o.verb || m.GetOsUser() != o.user:
		err = errors.New("grants something else than was asked")
	case !fill(fingerprint[:], m.GetFingerprint()):
		err = errors.New("fingerprint of the wrong size")
	}
	if err != nil {
		return fingerprint, errors.Join(session.ErrNoAnswer, err)
	}
	return fingerprint, nil
}

// fill copies from into to where the sizes agree.
func fill(to, from []byte) bool { return len(from) == len(to) && copy(to, from) == len(to) }

// word is a verb's form: lower-case letters, digits and inner hyphens.
func word(s string, most int) bool {
	if s == "" || len(s) > most || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// name is an OS user's form: printable, and nothing that a passwd file, a
// path or a command line would read as more than a name.
func name(s string, most int) bool {
	if s == "" || len(s) > most || s[0] == '-' || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == ':' || r == '/' || r == ',' {
			return false
		}
	}
	return s != "." && s != ".."
}
