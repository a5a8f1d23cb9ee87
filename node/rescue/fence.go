package rescue

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"strings"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
)

// others are the controllers beside self.
func others(log *trust.Log, self identity.NodeID) []trust.Device {
	var out []trust.Device
	for _, id := range log.Controllers() {
		if id == self {
			continue
		}
		d, ok := log.Device(id)
		if !ok {
			d.ID, d.Name = id, id.Short()
		}
		out = append(out, d)
	}
	return out
}

func names(list []trust.Device) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.Name)
	}
	return out
}

// fence signs that the others order no more. technician is the seed of a key
// that may be an admin's, recovery the recovery key; either may be missing.
func fence(log *trust.Log, list []trust.Device, reason string, technician []byte, recovery ed25519.PrivateKey, now time.Time) ([]*warrenv1.Statement, error) {
	if len(list) == 0 {
		return nil, nil
	}
	key, err := signer(log, technician, recovery)
	if err != nil {
		return nil, fault.New(fault.Denied, "%s have the mesh's log too, and %w", strings.Join(names(list), ", "), err).
			Try("--recovery-key FILE, or have an admin revoke them first").Because("no-key")
	}
	var out []*warrenv1.Statement
	for _, d := range list {
		s, err := trust.SignRevocation(log.Mesh(), warrenv1.RevocationKind_REVOCATION_KIND_CONTROLLER, d.ID[:], reason, now, key)
		if err != nil {
			return nil, err
		}
		if _, err := log.Revoke(s); err != nil {
			return nil, fault.New(fault.Denied, "remove %s from the controllers: %w", d.Name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func signer(log *trust.Log, technician []byte, recovery ed25519.PrivateKey) (ed25519.PrivateKey, error) {
	if recovery != nil {
		if public, _ := recovery.Public().(ed25519.PublicKey); !public.Equal(log.RecoveryKey()) {
			return nil, errors.New("the recovery key given is another mesh's")
		}
		return recovery, nil
	}
	if len(technician) == ed25519.SeedSize {
		key := ed25519.NewKeyFromSeed(technician)
		public, _ := key.Public().(ed25519.PublicKey)
		if t, ok := log.Technician(public); ok && t.Admin && !t.Revoked {
			return key, nil
		}
	}
	return nil, errors.New("no admin's key is here to remove them from the controllers")
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
