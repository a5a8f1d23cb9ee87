package rescue

import (
	"bytes"
	"errors"
	"strings"

	"filippo.io/age"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/archive"
	"warren/node/fault"
)

// Locks are what a file is encrypted for: a passphrase or age recipients.
type Locks struct {
	Passphrase string
	Recipients []string
}

// Write encrypts a backup.
func (l Locks) Write(b *warrenv1.Backup) ([]byte, error) {
	var to []age.Recipient
	if len(l.Recipients) > 0 {
		for _, text := range l.Recipients {
			list, err := age.ParseRecipients(strings.NewReader(text))
			if err != nil || len(list) != 1 {
				return nil, fault.New(fault.Invalid, "%.80q is no age recipient", text).Try("--recipient age1..., as age-keygen prints it")
			}
			to = append(to, list...)
		}
	} else {
		r, err := age.NewScryptRecipient(l.Passphrase)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the passphrase: %w", err)
		}
		to = append(to, r)
	}
	var out bytes.Buffer
	if err := archive.Seal(&out, b, to...); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Keys are what opens a file.
type Keys struct {
	Passphrase string
	// Identities is the text of an age identity file.
	Identities []byte
}

// Read decrypts a backup and verifies it.
func (k Keys) Read(file []byte) (*Restoration, error) {
	var with []age.Identity
	if len(k.Identities) > 0 {
		list, err := age.ParseIdentities(bytes.NewReader(k.Identities))
		if err != nil {
			return nil, fault.New(fault.Invalid, "the age identity: %w", err)
		}
		with = list
	} else {
		i, err := age.NewScryptIdentity(k.Passphrase)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the passphrase: %w", err)
		}
		with = []age.Identity{i}
	}
	b, s, err := archive.Open(file, with...)
	switch {
	case errors.Is(err, archive.ErrKey):
		return nil, fault.New(fault.Denied, "the passphrase or identity does not open this backup").Because("key").Try("the same again with the right one")
	case errors.Is(err, archive.ErrAltered):
		return nil, fault.New(fault.Denied, "the backup was cut or altered; nothing of it is used").Because("altered").Try("another copy of it")
	case errors.Is(err, archive.ErrFormat):
		return nil, fault.New(fault.Invalid, "a newer version of warren wrote this backup").Try("that version or a newer one")
	case err != nil:
		return nil, fault.New(fault.Invalid, "this is no backup that can be used: %w", err)
	}
	return Prepare(b, s)
}

// NeedsPassphrase tells whether a file was written for a passphrase.
func NeedsPassphrase(file []byte) bool {
	header, _, _ := bytes.Cut(file, []byte("\n---"))
	return bytes.Contains(header, []byte("\n-> scrypt "))
}
