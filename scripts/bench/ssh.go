package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"os/user"
	"time"

	"warren/scripts/peer"
)

// sshd is an OpenSSH server of our own on loopback, and how to reach it.
type sshd struct {
	server *exec.Cmd
	client []string
}

func startSSH(ctx context.Context, dir string) (*sshd, error) {
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	port, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	p, err := peer.NewSSH(ctx, dir, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), me.Username) //nolint:gosec // a port
	if err != nil {
		return nil, err
	}
	s := &sshd{client: p.Client, server: exec.Command(p.Server[0], p.Server[1:]...)} //nolint:gosec,noctx // as prepared; stop ends it
	var said bytes.Buffer
	s.server.Stderr = &said
	if err := s.server.Start(); err != nil {
		return nil, err
	}
	err = within(ctx, 10*time.Second, func() error { return do(s.command(ctx, "true"), nil) })
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("sshd does not let us in: %w\n%s", err, said.String())
	}
	return s, nil
}

func (s *sshd) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, s.client[0], append(s.client[1:len(s.client):len(s.client)], args...)...) //nolint:gosec // as prepared
}

func (s *sshd) stop() {
	_ = s.server.Process.Kill()
	_ = s.server.Wait()
}
