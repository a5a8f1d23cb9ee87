package platform

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"

	"warren/node/fault"
)

// SocketMode lets every local user connect; who may do what is decided by the
// credentials of each connection (PeerUID).
const SocketMode = 0o666

// ListenSocket listens on the unix socket at path, 0666. A socket that nobody
// serves is replaced; where a daemon answers, or the name is taken by another
// kind of file, the error is a conflict. Closing the listener removes the
// socket. The caller holds the folder's Lock.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fault.New(fault.Invalid, "socket path %s has %d bytes, the system takes %d", path, len(path), maxSocketPath).
			Try("a shorter --state DIR")
	}
	if err := clearStale(path); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, explain(err, "listen on socket", path)
	}
	if err := os.Chmod(path, SocketMode); err != nil {
		_ = l.Close()
		return nil, explain(err, "open socket", path)
	}
	return l, nil
}

func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err, "look at socket", path)
	}
	if !isSocket(info) {
		return fault.New(fault.Conflict, "%s is in the way: it is no socket", path).Try("move it away")
	}
	if answers(path) {
		return fault.New(fault.Conflict, "a warren node answers on %s already", path).
			Try("warren down").Because("running")
	}
	if err := os.Remove(path); err != nil {
		return explain(err, "replace socket", path)
	}
	return nil
}

// DialSocket connects to the daemon of d. Where none answers the error is
// unavailable and says how to start one.
func DialSocket(ctx context.Context, d Dir) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", d.Socket())
	if err == nil {
		return conn, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fault.New(fault.Denied, "may not use %s: %w", d.Socket(), err).Try("as its owner or as root")
	}
	if Missed(d) {
		return nil, fault.New(fault.Unavailable, "this machine's node does not run, and you have none of your own").
			Because("not-running").Try("sudo warren up")
	}
	out := fault.New(fault.Unavailable, "no warren node runs on state folder %s", d).Because("not-running")
	if _, err := os.Stat(d.Path("member")); errors.Is(err, fs.ErrNotExist) {
		return nil, out.Try("warren up, after warren init --name MESH or warren join LINK")
	}
	return nil, out.Try("warren up")
}
