package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	warrenv1 "warren/api/warren/v1"
)

// Bounds of a statement that comes from elsewhere.
const (
	MaxPayload    = 64 << 10
	MaxSignatures = 16
)

// Type is a statement's domain tag: a signature over one type never counts
// for another.
type Type string

// The closed list of statement types.
const (
	TypeEntry      Type = "warren/entry/v1"
	TypeRevocation Type = "warren/revocation/v1"
	TypeKeys       Type = "warren/keys/v1"
	TypeEndpoints  Type = "warren/endpoints/v1"
	TypeInvite     Type = "warren/invite/v1"
	TypeClaim      Type = "warren/claim/v1"
	TypeRejection  Type = "warren/rejection/v1"
	TypeOffer      Type = "warren/offer/v1"
	TypeAnswer     Type = "warren/answer/v1"
	TypeStillHere  Type = "warren/still-here/v1"
	TypeNote       Type = "warren/note/v1"
	TypeCheckpoint Type = "warren/checkpoint/v1"
)

// ErrStatement is what every refusal of a statement wraps.
var ErrStatement = errors.New("statement not acceptable")

// encode is DSSE's pre-authentication encoding (secure-systems-lab/dsse,
// protocol.md): unambiguous, because both lengths are inside.
func encode(t Type, payload []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(payload) + len(t) + 32)
	b.WriteString("DSSEv1 ")
	b.WriteString(strconv.Itoa(len(t)))
	b.WriteByte(' ')
	b.WriteString(string(t))
	b.WriteByte(' ')
	b.WriteString(strconv.Itoa(len(payload)))
	b.WriteByte(' ')
	b.Write(payload)
	return b.Bytes()
}

// Sign encodes message once and signs those bytes with every key given.
func Sign(t Type, message proto.Message, keys ...ed25519.PrivateKey) (*warrenv1.Statement, error) {
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", t, err)
	}
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("%s of %d bytes is over %d: %w", t, len(payload), MaxPayload, ErrStatement)
	}
	if len(keys) == 0 || len(keys) > MaxSignatures {
		return nil, fmt.Errorf("%s with %d signatures, want 1 to %d: %w", t, len(keys), MaxSignatures, ErrStatement)
	}
	signed := encode(t, payload)
	s := &warrenv1.Statement{Type: string(t), Payload: payload}
	for _, k := range keys {
		pub, _ := k.Public().(ed25519.PublicKey)
		s.Signatures = append(s.Signatures, &warrenv1.Signature{Key: pub, Signature: ed25519.Sign(k, signed)})
	}
	return s, nil
}

// Signers are the keys whose signatures a statement carries, each checked.
type Signers []ed25519.PublicKey

// Has reports whether pub signed.
func (s Signers) Has(pub []byte) bool {
	for _, k := range s {
		if bytes.Equal(k, pub) {
			return true
		}
	}
	return false
}

// Verify checks type, bounds and every signature. One bad signature, or two
// by the same key, spoil the whole. Who had to sign is the caller's question.
func Verify(s *warrenv1.Statement, t Type) (Signers, error) {
	if s == nil {
		return nil, fmt.Errorf("no %s: %w", t, ErrStatement)
	}
	if s.GetType() != string(t) {
		return nil, fmt.Errorf("type %.40q where %s is due: %w", s.GetType(), t, ErrStatement)
	}
	if err := bounds(s); err != nil {
		return nil, err
	}
	signed := encode(t, s.GetPayload())
	signers := make(Signers, 0, len(s.GetSignatures()))
	for _, sig := range s.GetSignatures() {
		pub := ed25519.PublicKey(sig.GetKey())
		if signers.Has(pub) {
			return nil, fmt.Errorf("%s signed twice by one key: %w", t, ErrStatement)
		}
		if !ed25519.Verify(pub, signed, sig.GetSignature()) {
			return nil, fmt.Errorf("%s has a bad signature: %w", t, ErrStatement)
		}
		signers = append(signers, pub)
	}
	return signers, nil
}

func bounds(s *warrenv1.Statement) error {
	if n := len(s.GetPayload()); n > MaxPayload {
		return fmt.Errorf("payload of %d bytes is over %d: %w", n, MaxPayload, ErrStatement)
	}
	n := len(s.GetSignatures())
	if n == 0 || n > MaxSignatures {
		return fmt.Errorf("%d signatures, want 1 to %d: %w", n, MaxSignatures, ErrStatement)
	}
	for _, sig := range s.GetSignatures() {
		if len(sig.GetKey()) != ed25519.PublicKeySize || len(sig.GetSignature()) != ed25519.SignatureSize {
			return fmt.Errorf("key or signature of the wrong size: %w", ErrStatement)
		}
	}
	return nil
}

// Open verifies s and decodes its payload into message. Unknown fields are
// refused: a field nobody here understands must not ride on a signature.
func Open(s *warrenv1.Statement, t Type, message proto.Message) (Signers, error) {
	signers, err := Verify(s, t)
	if err != nil {
		return nil, err
	}
	if err := Decode(s, t, message); err != nil {
		return nil, err
	}
	return signers, nil
}

// Decode is Open without the signatures: for who has to look into a statement
// to find whose signatures it needs.
func Decode(s *warrenv1.Statement, t Type, message proto.Message) error {
	if s.GetType() != string(t) {
		return fmt.Errorf("type %.40q where %s is due: %w", s.GetType(), t, ErrStatement)
	}
	if n := len(s.GetPayload()); n > MaxPayload {
		return fmt.Errorf("payload of %d bytes is over %d: %w", n, MaxPayload, ErrStatement)
	}
	if err := (proto.UnmarshalOptions{RecursionLimit: 16}).Unmarshal(s.GetPayload(), message); err != nil {
		return fmt.Errorf("decode %s: %w", t, errors.Join(ErrStatement, err))
	}
	if unknown(message.ProtoReflect()) {
		return fmt.Errorf("%s has fields this version does not know: %w", t, ErrStatement)
	}
	return nil
}

// unknown reports whether m or a message inside has fields its schema lacks.
func unknown(m protoreflect.Message) bool {
	found := len(m.GetUnknown()) > 0
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
			// Scalars hold nothing, and so do the maps here: of string to string.
		case f.IsList():
			for i := range v.List().Len() {
				found = found || unknown(v.List().Get(i).Message())
			}
		default:
			found = found || unknown(v.Message())
		}
		return !found
	})
	return found
}

// HashOf is SHA-256 over what the signatures cover. Signatures are not part
// of it, so that adding one does not rename a statement.
func HashOf(s *warrenv1.Statement) [32]byte {
	return sha256.Sum256(encode(Type(s.GetType()), s.GetPayload()))
}
