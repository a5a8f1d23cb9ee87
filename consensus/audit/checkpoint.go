package audit

import (
	"crypto/ed25519"
	"fmt"
	"math"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// maxCheckpoint bounds the payload of a checkpoint, in bytes.
const maxCheckpoint = 256

// Checkpoint is what one controller vouches for.
type Checkpoint struct {
	Node identity.NodeID
	Size uint64
	Root Hash
	// Time is the controller's clock, and rises from one to the next.
	Time      time.Time
	Statement *warrenv1.Statement
}

// SignCheckpoint makes the statement by which a controller vouches for l.
func SignCheckpoint(l Log, mesh identity.MeshID, key identity.NodeKey, now time.Time) (Checkpoint, error) {
	root := l.Root()
	c := Checkpoint{Node: key.ID(), Size: l.Size(), Root: root, Time: time.UnixMilli(now.UnixMilli())}
	var err error
	c.Statement, err = identity.Sign(identity.TypeCheckpoint, &warrenv1.Checkpoint{
		Mesh: mesh[:], Node: key.Public(), Size: l.Size(), Root: root[:], Time: now.UnixMilli(),
	}, key.Signer())
	return c, err
}

// OpenCheckpoint verifies a checkpoint of mesh: signed by exactly the node it
// names. Whether that is a controller is the caller's question. Errors wrap
// identity.ErrStatement.
func OpenCheckpoint(s *warrenv1.Statement, mesh identity.MeshID) (Checkpoint, error) {
	if n := len(s.GetPayload()); n > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint of %d bytes: %w", n, identity.ErrStatement)
	}
	var m warrenv1.Checkpoint
	signers, err := identity.Open(s, identity.TypeCheckpoint, &m)
	if err != nil {
		return Checkpoint{}, err
	}
	switch {
	case string(m.GetMesh()) != string(mesh[:]):
		return Checkpoint{}, fmt.Errorf("checkpoint of another mesh: %w", identity.ErrStatement)
	case len(m.GetNode()) != ed25519.PublicKeySize || len(signers) != 1 || !signers.Has(m.GetNode()):
		return Checkpoint{}, fmt.Errorf("checkpoint not signed by the node it names: %w", identity.ErrStatement)
	case len(m.GetRoot()) != hashSize || m.GetSize() == 0 || m.GetSize() > MaxSize || !validTime(m.GetTime()):
		return Checkpoint{}, fmt.Errorf("checkpoint of size %d, root of %d bytes: %w", m.GetSize(), len(m.GetRoot()), identity.ErrStatement)
	}
	return Checkpoint{
		Node: identity.NodeIDOf(m.GetNode()), Size: m.GetSize(), Root: Hash(m.GetRoot()),
		Time: time.UnixMilli(m.GetTime()), Statement: s,
	}, nil
}

// validTime keeps times within what both milliseconds and a time.Time hold.
func validTime(t int64) bool { return t >= 0 && t <= math.MaxInt64/int64(time.Millisecond) }
