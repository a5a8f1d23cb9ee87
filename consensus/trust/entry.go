package trust

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// MaxFolds bounds the revocations one entry folds into the chain.
const MaxFolds = 256

// lastMillis is the end of the year 9999: no time is beyond it.
const lastMillis = 253402300799999

// clockSkew is how far before his NotBefore a technician may sign: two
// people's clocks differ, and the chain shows that his record came first.
const clockSkew = 10 * time.Minute

// Genesis makes the first entry of a mesh, for SignEntry with the founder's
// key.
func Genesis(now time.Time, g *warrenv1.Genesis) *warrenv1.Entry {
	return &warrenv1.Entry{Time: now.UnixMilli(), Body: &warrenv1.Entry_Genesis{Genesis: g}}
}

// Draft makes the entry that follows the head, with the revocations that
// stand beside the chain folded in. Body is a *warrenv1.DeviceRecord,
// TechnicianRecord, ControllerRecord, PolicyRecord, Admission or Renewal; an entry with
// any other has no body, and no log takes it.
func (l *Log) Draft(now time.Time, body any) *warrenv1.Entry {
	e := &warrenv1.Entry{Parent: bytes.Clone(l.head[:]), Sequence: l.Len(), Time: now.UnixMilli()}
	switch b := body.(type) {
	case *warrenv1.Admission:
		e.Body = &warrenv1.Entry_Admission{Admission: b}
		return e
	case *warrenv1.Renewal:
		e.Body = &warrenv1.Entry_Renewal{Renewal: b}
		return e
	case *warrenv1.DeviceRecord:
		e.Body = &warrenv1.Entry_Device{Device: b}
	case *warrenv1.TechnicianRecord:
		e.Body = &warrenv1.Entry_Technician{Technician: b}
	case *warrenv1.ControllerRecord:
		e.Body = &warrenv1.Entry_Controller{Controller: b}
	case *warrenv1.PolicyRecord:
		e.Body = &warrenv1.Entry_Policy{Policy: b}
	}
	seen := map[[32]byte]bool{} // two people may have signed the same words
	for _, r := range l.pending.inOrder() {
		if !seen[r.hash] && len(seen) < MaxFolds {
			seen[r.hash] = true
			e.Revocations = append(e.Revocations, bytes.Clone(r.hash[:]))
		}
	}
	return e
}

// SignEntry makes the statement of an entry, signed by admins; an admission is
// signed by a controller's node key.
func SignEntry(e *warrenv1.Entry, keys ...ed25519.PrivateKey) (*warrenv1.Statement, error) {
	return identity.Sign(identity.TypeEntry, e, keys...)
}

// decoded is an entry whose signatures hold. Whether its signers may sign it
// is the log's question.
type decoded struct {
	statement *warrenv1.Statement
	hash      [32]byte
	entry     *warrenv1.Entry
	signers   identity.Signers
}

func (d decoded) time() time.Time { return time.UnixMilli(d.entry.GetTime()).UTC() }

func decode(s *warrenv1.Statement) (decoded, error) {
	e := &warrenv1.Entry{}
	signers, err := identity.Open(s, identity.TypeEntry, e)
	if err != nil {
		return decoded{}, errors.Join(ErrInvalid, err)
	}
	if !validMillis(e.GetTime()) {
		return decoded{}, fmt.Errorf("%w: time %d", ErrInvalid, e.GetTime())
	}
	if len(e.GetRevocations()) > MaxFolds {
		return decoded{}, fmt.Errorf("%w: %d revocations folded, want at most %d", ErrInvalid, len(e.GetRevocations()), MaxFolds)
	}
	return decoded{statement: s, hash: identity.HashOf(s), entry: e, signers: signers}, nil
}

func validMillis(t int64) bool { return t >= 0 && t <= lastMillis }

// validPeriod takes Unix seconds; an end of 0 is none.
func validPeriod(from, to int64) bool {
	return from >= 0 && to <= lastMillis/1000 && from <= lastMillis/1000 && (to == 0 || to > from)
}

// unix is the zero Time for 0.
func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
