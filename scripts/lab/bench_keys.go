//go:build linux

package main

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"warren/scripts/peer"
)

// benchKeys measures how long a key takes from the keyboard to the screen, in
// a terminal by warren and in one by OpenSSH through wireguard-go.
func benchKeys() story {
	return story{
		id: "bench-keys", about: "keystrokes by warren shell beside ssh through wireguard-go", limit: 2 * time.Minute, bench: true,
		tell: func(t *teller) {
			t1, d1 := t.pair()
			t.wireguard(d1.overlayMTU())
			dir := filepath.Join(t.dir, "ssh")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.fail("%w", err)
			}
			ssh, err := peer.NewSSH(t.ctx, dir, netip.MustParseAddrPort(wgAddrB+":22"), "root")
			if err != nil {
				t.fail("%w", err)
			}
			t.spawn(wgB, ssh.Server...)
			viaSSH := append([]string{"ip", "netns", "exec", wgA}, ssh.Client...)
			t.until(readyTime, "sshd lets us in", func() bool {
				_, err := t.attempt("", viaSSH[0], append(viaSSH[1:], "true")...)
				return err == nil
			})
			typists := map[string]*typist{
				"warren": t.typist(t1.command(context.Background(), "shell", "-t", "d1", "--", "cat")),
				"ssh":    t.typist(exec.Command(viaSSH[0], append(viaSSH[1:], "-tt", "cat")...)), //nolint:gosec,noctx // ends with the story
			}
			// A terminal's line holds 4,096 characters, and cat ends none.
			for range min(100*t.reps, 1500) {
				for _, name := range []string{"warren", "ssh"} {
					typists[name].key()
					t.pause(5 * time.Millisecond)
				}
			}
			for name, one := range typists {
				t.sample(name+"_echo", one.took)
			}
		},
	}
}

// typist is somebody at a terminal, whose keys come back.
type typist struct {
	t    *teller
	in   io.Writer
	out  *os.File
	took []float64 // milliseconds
}

func (t *teller) typist(cmd *exec.Cmd) *typist {
	in, err := cmd.StdinPipe()
	if err != nil {
		t.fail("%w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.fail("%w", err)
	}
	cmd.Stdout, cmd.Stderr = write, os.Stderr
	if err := cmd.Start(); err != nil {
		t.fail("%w", err)
	}
	_ = write.Close()
	one := &typist{t: t, in: in, out: read}
	for range 20 { // the first ones open things
		one.key()
	}
	one.took = nil
	return one
}

// key presses one and waits until it is on the screen.
func (one *typist) key() {
	began := time.Now()
	_ = one.out.SetReadDeadline(began.Add(readyTime))
	if _, err := one.in.Write([]byte("k")); err != nil {
		one.t.fail("type: %w", err)
	}
	for got := make([]byte, 1); got[0] != 'k'; {
		if _, err := one.out.Read(got); err != nil {
			one.t.fail("wait for the echo: %w", err)
		}
	}
	one.took = append(one.took, milliseconds(time.Since(began)))
}
