package store

import (
	"errors"
	"fmt"

	"warren/mesh/identity"
)

var (
	// ErrNotLeader is what every NotLeaderError is. The command was not begun.
	ErrNotLeader = errors.New("not the leader")
	// ErrNoLeader: no leader was known until the context ended. The command
	// was not begun.
	ErrNoLeader = errors.New("no leader")
	// ErrUnknownOutcome: the command was begun and may take effect, or not.
	ErrUnknownOutcome = errors.New("outcome unknown")
	// ErrStopped: Run has ended or is ending. The command was not begun.
	ErrStopped = errors.New("store stopped")
	// ErrHalted: the log holds what this version cannot apply. Nothing is
	// served from here until the program is newer.
	ErrHalted = errors.New("store halted")
	// ErrInUse: another process holds the state folder.
	ErrInUse = errors.New("state folder in use by another process")
	// ErrDamaged: the state folder is not what was written to it.
	ErrDamaged = errors.New("damaged")
	// ErrForeign: the state folder is another mesh's or another node's.
	ErrForeign = errors.New("state folder belongs to another mesh or node")
)

// NotLeaderError says who leads; errors.Is finds ErrNotLeader in it.
type NotLeaderError struct{ Leader identity.NodeID }

func (e *NotLeaderError) Error() string {
	return fmt.Sprintf("not the leader, which is %s", e.Leader.Short())
}

// Is makes every NotLeaderError an ErrNotLeader.
func (e *NotLeaderError) Is(target error) bool { return target == ErrNotLeader }
