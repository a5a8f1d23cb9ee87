package command

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	warrenv1 "warren/api/warren/v1"
)

// MaxSize bounds an encoded command: 1 MiB.
const MaxSize = 1 << 20

// maxDepth bounds nesting while decoding; the deepest message has six levels.
const maxDepth = 16

var (
	// ErrUnknownKind says that a newer version wrote the command. Whoever
	// applies commands must stop there.
	ErrUnknownKind = errors.New("command of a kind this version does not know")
	// ErrMalformed says that bytes are no command at all, or too many.
	ErrMalformed = errors.New("malformed command")
)

// Kind numbers what happened. A number is never used again for something
// else.
type Kind uint32

// The kinds of warren.v1 (command.proto, audit.proto).
const (
	MeshFounded     Kind = 1
	EntriesAppended Kind = 2
	PolicyReplaced  Kind = 3
	InviteMade      Kind = 4
	InviteClaimed   Kind = 5
	ClaimRejected   Kind = 6
	Revoked         Kind = 7
	FormatRaised    Kind = 8
	AuditNoted      Kind = 12
)

// Newest is the newest format of commands that this version knows. A format is a
// set of kinds; it only rises, and a kind is written once the mesh has come to
// its format, which every controller that holds the log must know.
//
//	1: kinds 1 to 8
//	2: and 12
//	3: the same; a device's notes are counted, may tell what happened within a
//	   session, and the state is bounded
const Newest = 3

// Format is the first format that has the kind.
func (k Kind) Format() uint32 {
	if k <= FormatRaised {
		return 1
	}
	return 2
}

// String is the kind's name in the schema.
func (k Kind) String() string {
	m := k.body()
	if m == nil {
		return fmt.Sprintf("kind %d", uint32(k))
	}
	return string(m.ProtoReflect().Descriptor().Name())
}

// version is the newest body version this program writes and reads; 0 for an
// unknown kind.
func (k Kind) version() uint32 {
	if k.body() == nil {
		return 0
	}
	return 1
}

func (k Kind) body() proto.Message {
	switch k {
	case MeshFounded:
		return &warrenv1.MeshFounded{}
	case EntriesAppended:
		return &warrenv1.EntriesAppended{}
	case PolicyReplaced:
		return &warrenv1.PolicyReplaced{}
	case InviteMade:
		return &warrenv1.InviteMade{}
	case InviteClaimed:
		return &warrenv1.InviteClaimed{}
	case ClaimRejected:
		return &warrenv1.ClaimRejected{}
	case Revoked:
		return &warrenv1.Revoked{}
	case FormatRaised:
		return &warrenv1.FormatRaised{}
	case AuditNoted:
		return &warrenv1.AuditNoted{}
	default:
		return nil
	}
}

func kindOf(body proto.Message) Kind {
	switch body.(type) {
	case *warrenv1.MeshFounded:
		return MeshFounded
	case *warrenv1.EntriesAppended:
		return EntriesAppended
	case *warrenv1.PolicyReplaced:
		return PolicyReplaced
	case *warrenv1.InviteMade:
		return InviteMade
	case *warrenv1.InviteClaimed:
		return InviteClaimed
	case *warrenv1.ClaimRejected:
		return ClaimRejected
	case *warrenv1.Revoked:
		return Revoked
	case *warrenv1.FormatRaised:
		return FormatRaised
	case *warrenv1.AuditNoted:
		return AuditNoted
	default:
		return 0
	}
}

// Command is one decoded command. Body is the kind's message and is not
// changed by anyone once the command exists.
type Command struct {
	Kind    Kind
	Version uint32
	// Time is the leader's clock, whole milliseconds; zero until stamped.
	Time time.Time
	Body proto.Message
}

// New makes the command that carries body, in its newest version and without
// a time. A message that is no command's body is ErrUnknownKind.
func New(body proto.Message) (Command, error) {
	k := kindOf(body)
	if k == 0 {
		return Command{}, fmt.Errorf("%T: %w", body, ErrUnknownKind)
	}
	return Command{Kind: k, Version: k.version(), Body: body}, nil
}

// At is the command with the leader's time on it.
func (c Command) At(now time.Time) Command {
	c.Time = time.UnixMilli(now.UnixMilli()).UTC()
	return c
}

// Encode gives the command's bytes. Errors are ErrUnknownKind for a body that
// is not the kind's and ErrMalformed beyond MaxSize.
func (c Command) Encode() ([]byte, error) {
	if k := kindOf(c.Body); k == 0 || k != c.Kind || c.Version == 0 || c.Version > k.version() {
		return nil, fmt.Errorf("%s version %d with %T: %w", c.Kind, c.Version, c.Body, ErrUnknownKind)
	}
	opts := proto.MarshalOptions{Deterministic: true}
	body, err := opts.Marshal(c.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Kind, errors.Join(ErrMalformed, err))
	}
	env := &warrenv1.Command{Kind: uint32(c.Kind), Version: c.Version, Body: body}
	if !c.Time.IsZero() {
		env.Time = c.Time.UnixMilli()
	}
	raw, err := opts.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.Kind, errors.Join(ErrMalformed, err))
	}
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%s of %d bytes is over %d: %w", c.Kind, len(raw), MaxSize, ErrMalformed)
	}
	return raw, nil
}

// Encode gives the bytes of a command that no leader has stamped yet, as one
// controller sends it to another.
func Encode(kind Kind, body proto.Message) ([]byte, error) {
	return Command{Kind: kind, Version: kind.version(), Body: body}.Encode()
}

// Decode reads what Encode wrote, of this version or an older one. Errors are
// ErrUnknownKind and ErrMalformed.
func Decode(raw []byte) (Command, error) {
	if len(raw) > MaxSize {
		return Command{}, fmt.Errorf("%d bytes, over %d: %w", len(raw), MaxSize, ErrMalformed)
	}
	opts := proto.UnmarshalOptions{RecursionLimit: maxDepth}
	var env warrenv1.Command
	if err := opts.Unmarshal(raw, &env); err != nil {
		return Command{}, fmt.Errorf("envelope: %w", errors.Join(ErrMalformed, err))
	}
	kind := Kind(env.GetKind())
	if kind == 0 || env.GetVersion() == 0 {
		return Command{}, fmt.Errorf("without a kind or version: %w", ErrMalformed)
	}
	body := kind.body()
	if body == nil || env.GetVersion() > kind.version() || len(env.ProtoReflect().GetUnknown()) > 0 {
		return Command{}, fmt.Errorf("%s version %d: %w", kind, env.GetVersion(), ErrUnknownKind)
	}
	if err := opts.Unmarshal(env.GetBody(), body); err != nil {
		return Command{}, fmt.Errorf("%s: %w", kind, errors.Join(ErrMalformed, err))
	}
	if HasUnknown(body) {
		return Command{}, fmt.Errorf("%s has a field of a newer version: %w", kind, ErrUnknownKind)
	}
	if f := formatIn(body); f > Newest {
		return Command{}, fmt.Errorf("%s asks for format %d, this version knows %d: %w", kind, f, Newest, ErrUnknownKind)
	}
	c := Command{Kind: kind, Version: env.GetVersion(), Body: body}
	if t := env.GetTime(); t != 0 {
		c.Time = time.UnixMilli(t).UTC()
	}
	return c, nil
}

// formatIn is the format a command would bring into force.
func formatIn(body proto.Message) uint32 {
	switch m := body.(type) {
	case *warrenv1.MeshFounded:
		return m.GetFormat()
	case *warrenv1.FormatRaised:
		return m.GetFormat()
	default:
		return 0
	}
}

// HasUnknown reports whether m or a message inside it has fields that this
// version does not know. A field skipped on one controller and obeyed on
// another would split them.
func HasUnknown(m proto.Message) bool { return hasUnknown(m.ProtoReflect()) }

func hasUnknown(m protoreflect.Message) bool {
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() == nil || f.IsMap():
		case f.IsList():
			for i := range v.List().Len() {
				found = found || hasUnknown(v.List().Get(i).Message())
			}
		default:
			found = hasUnknown(v.Message())
		}
		return !found
	})
	return found
}
