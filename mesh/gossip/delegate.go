package gossip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/hashicorp/memberlist"

	"warren/mesh"
	"warren/mesh/identity"
)

// delegate is how the library asks and tells. It calls from its own goroutines
// and partly under its locks: nothing here may call it back, or block.
type delegate struct {
	pool   *Pool
	roster *roster
}

// NodeMeta gives what this machine says of itself.
func (d *delegate) NodeMeta(int) []byte {
	return d.roster.renew(d.pool.cfg.Key, d.pool.told(), time.Now())
}

// NotifyMsg gets statements, and the name of the peer they came from before
// them.
func (d *delegate) NotifyMsg(b []byte) {
	if from, rest, ok := sender(b); ok {
		d.pool.take(from, rest)
	}
}

// GetBroadcasts adds nothing: statements have packets of their own, as the
// library's news would crowd them out just when there is much of it.
func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState tells which statements are held.
func (d *delegate) LocalState(bool) []byte { return d.pool.summary().encode() }

// MergeRemoteState gets what a peer holds.
func (d *delegate) MergeRemoteState(b []byte, _ bool) {
	if from, rest, ok := sender(b); ok {
		d.pool.compare(from, rest)
	}
}

// sender takes off the name that the guard has put before the bytes.
func sender(b []byte) (from identity.NodeID, rest []byte, ok bool) {
	if len(b) < len(from) {
		return from, nil, false
	}
	return identity.NodeID(b[:len(from)]), b[len(from):], true
}

// NotifyAlive decides whether a member may be listed. The guard has seen the
// message, but a plan may have changed since.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	id, err := parseNode(n.Name)
	if err != nil {
		return err
	}
	if !bytes.Equal(n.Addr, d.pool.guard.address(id)) || n.Port != mesh.GossipPort {
		return errors.New("address that does not follow from the name")
	}
	return d.roster.vouched(id, n.Meta)
}

// NotifyMerge decides whether a peer's list may be joined with ours. Whom we
// do not know is left out one by one; a list of nobody we know is none.
func (d *delegate) NotifyMerge(nodes []*memberlist.Node) error {
	for _, n := range nodes {
		if id, err := parseNode(n.Name); err == nil && d.roster.isPeer(id) {
			return nil
		}
	}
	return errStranger
}

// NotifyJoin notes a member that is up.
func (d *delegate) NotifyJoin(n *memberlist.Node) { d.mark(n, true) }

// NotifyLeave notes a member that is not.
func (d *delegate) NotifyLeave(n *memberlist.Node) { d.mark(n, false) }

// NotifyUpdate needs nothing: the guard has read the new meta.
func (d *delegate) NotifyUpdate(*memberlist.Node) {}

func (d *delegate) mark(n *memberlist.Node, online bool) {
	if id, err := parseNode(n.Name); err == nil && id != d.roster.self {
		d.roster.mark(id, online, time.Now())
	}
}

// said takes the library's own log lines. All of them are for who debugs it;
// what a person must know is told by Events.
type said struct{ log *slog.Logger }

func (s said) Write(b []byte) (int, error) {
	const stamp = len("2006/01/02 15:04:05 ")
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		line := string(bytes.TrimSpace(b))
		s.log.Debug("memberlist said", "text", line[min(stamp, len(line)):])
	}
	return len(b), nil
}
