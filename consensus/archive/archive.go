package archive

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/state"
	"warren/consensus/trust"
	"warren/mesh/identity"
)

const (
	// Format is the layout that Seal writes.
	Format = 1
	// MaxSize bounds a file that is read.
	MaxSize = state.MaxSnapshot + 64<<20
)

var (
	// ErrNotBackup says that a file is none of ours.
	ErrNotBackup = errors.New("not a backup of warren")
	// ErrKey says that the passphrase or identity does not open the file.
	ErrKey = errors.New("the passphrase or identity does not open it")
	// ErrAltered says that the file is not what was written.
	ErrAltered = errors.New("it was cut or altered")
	// ErrFormat says that a newer version wrote it.
	ErrFormat = errors.New("a newer version of warren wrote it")
)

// Seal writes a backup for those who are to open it.
func Seal(to io.Writer, b *warrenv1.Backup, recipients ...age.Recipient) error {
	raw, err := proto.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode backup: %w", err)
	}
	w, err := age.Encrypt(to, recipients...)
	if err != nil {
		return fmt.Errorf("encrypt backup: %w", err)
	}
	if _, err := w.Write(raw); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// magic is how an age file begins.
const magic = "age-encryption.org/v1\n"

// Open reads a backup and verifies all of it.
func Open(file []byte, identities ...age.Identity) (*warrenv1.Backup, *state.State, error) {
	if len(file) > MaxSize || !bytes.HasPrefix(file, []byte(magic)) {
		return nil, nil, ErrNotBackup
	}
	plain, err := age.Decrypt(bytes.NewReader(file), identities...)
	var nobody *age.NoIdentityMatchError
	switch {
	case errors.As(err, &nobody), errors.Is(err, age.ErrIncorrectIdentity):
		return nil, nil, ErrKey
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	raw, err := io.ReadAll(plain)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrAltered, err)
	}
	return Decode(raw)
}

// Decode reads what is inside the encryption, and verifies it.
func Decode(raw []byte) (*warrenv1.Backup, *state.State, error) {
	b := &warrenv1.Backup{}
	if err := (proto.UnmarshalOptions{RecursionLimit: 16}).Unmarshal(raw, b); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNotBackup, err)
	}
	switch {
	case b.GetFormat() == 0:
		return nil, nil, fmt.Errorf("%w: no format", ErrNotBackup)
	case b.GetFormat() > Format:
		return nil, nil, fmt.Errorf("%w: format %d, this one reads %d", ErrFormat, b.GetFormat(), Format)
	}
	s := state.New()
	if err := s.Unmarshal(b.GetSnapshot()); err != nil {
		if errors.Is(err, state.ErrFormat) {
			return nil, nil, errors.Join(ErrFormat, err)
		}
		return nil, nil, errors.Join(ErrAltered, err)
	}
	log := s.Log()
	if log == nil {
		return nil, nil, fmt.Errorf("%w: it holds no mesh", ErrNotBackup)
	}
	return b, s, keys(b, log)
}

// keys holds the keys in a backup against its trust log.
func keys(b *warrenv1.Backup, log *trust.Log) error {
	key, err := identity.NodeKeyFromSeed(b.GetNodeKey())
	if err != nil {
		return fmt.Errorf("%w: node key: %w", ErrNotBackup, err)
	}
	d, ok := log.Device(key.ID())
	switch {
	case !ok || !log.IsController(key.ID()):
		return fmt.Errorf("%w: the node key is no controller's", ErrNotBackup)
	case d.Name != b.GetName() || log.Name() != b.GetMeshName():
		return fmt.Errorf("%w: the names are not those of its trust log", ErrNotBackup)
	case len(b.GetTechnicianKey()) != 0 && len(b.GetTechnicianKey()) != ed25519.SeedSize:
		return fmt.Errorf("%w: a technician's key of %d bytes", ErrNotBackup, len(b.GetTechnicianKey()))
	}
	return nil
}
