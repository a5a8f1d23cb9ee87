package state

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"warren/consensus/command"
)

// bounded is the format of commands from which on the state refuses what it has
// no room for: all controllers have to refuse alike.
const bounded = 3

// A state that outgrew its snapshot could not be taken over by a controller
// that starts or joins. What machines bring about is refused at three quarters
// of it, so that people can still do what helps; they end at seven eighths, so
// that they can still revoke; and nothing gets beyond.
const (
	forMachines = 6
	forPeople   = 7
	whole       = 8
)

// room refuses a command that leaves no room for others.
func (m *meta) room(kind command.Kind, bound int) error {
	if m.commands() < bounded {
		return nil
	}
	eighths := forPeople
	switch kind {
	case command.InviteClaimed, command.AuditNoted:
		eighths = forMachines
	case command.Revoked, command.FormatRaised:
		eighths = whole
	default:
	}
	if w, most := m.total(), bound/whole*eighths; w > most {
		return fmt.Errorf("%w: what the mesh agrees on has %d MiB, of %d at most", ErrFull, w>>20, most>>20)
	}
	return nil
}

// total is how many bytes a snapshot takes, or a little more.
func (m *meta) total() int {
	const own = 128 // numbers of the snapshot itself, and the lengths of its parts
	w := own + len(m.policy) + m.audit.Weight() + m.rows
	if m.log != nil {
		w += m.log.Size()
	}
	return w
}

// row is what the database holds.
type row interface {
	key() string
	// weight is how many bytes of a snapshot the row takes, or a little more.
	weight() int
}

func (m *meta) key() string      { return m.ID }
func (r *deviceRow) key() string { return r.ID }
func (r *inviteRow) key() string { return r.ID }
func (r *chainRow) key() string  { return r.ID }
func (r *claimRow) key() string  { return r.ID }

// field is what number and length of a field take, number what an integer does.
const field, number = 6, 12

func (m *meta) weight() int      { return 0 } // see total
func (r *deviceRow) weight() int { return 0 } // it follows from the trust log

func (r *inviteRow) weight() int {
	w := field + proto.Size(r.statement) + number
	if r.refused.Count != 0 {
		w += field + field + len(r.invite.ID) + number + field + len(r.refused.Node) + field + len(r.refused.From) + number
	}
	return w
}

func (r *chainRow) weight() int {
	return field + field + len(r.node) + number + number + field + len(r.chain.Head) + number + number
}

func (r *claimRow) weight() int {
	w := field + field + proto.Size(r.statement) + field + len(r.from) + number + number
	if r.rejection != nil {
		w += field + proto.Size(r.rejection)
	}
	return w
}
