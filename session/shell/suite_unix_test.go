//go:build unix

package shell_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/sessiontest"
	"warren/session/shell"
)

func TestMain(m *testing.M) {
	sessiontest.PlainLogin()
	m.Run()
}

func me(t testing.TB) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func TestConformance(t *testing.T) {
	ask := func(r *warrenv1.ShellRequest) session.Request {
		payload, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return session.Request{Verb: shell.Verb, OSUser: me(t), Technician: "tess", Payload: payload}
	}
	flood := ask(&warrenv1.ShellRequest{Argv: []string{"cat", "/dev/zero"}})
	for name, terminal := range map[string]bool{"pipes": false, "terminal": true} {
		t.Run(name, func(t *testing.T) {
			sessiontest.Run(t, sessiontest.Factory{
				Kind:     func() session.Kind { return shell.New() },
				Request:  ask(&warrenv1.ShellRequest{Argv: []string{"sh", "-c", "read line; echo got $line; exit 3"}, Terminal: terminal}),
				Exchange: exchange,
				Lasting:  ask(&warrenv1.ShellRequest{Argv: []string{"cat"}, Terminal: terminal}),
				Flood:    &flood,
				Senseless: [][]byte{
					[]byte("\xff\xff\xff"),
					ask(&warrenv1.ShellRequest{Argv: []string{""}}).Payload,
					ask(&warrenv1.ShellRequest{Argv: []string{"echo", "a\x00b"}}).Payload,
					ask(&warrenv1.ShellRequest{Environment: map[string]string{"LD_PRELOAD": "/tmp/x.so"}}).Payload,
					ask(&warrenv1.ShellRequest{Term: "../../etc"}).Payload,
				},
			})
		})
	}
}

// exchange writes a line and wants it back, and the exit code.
func exchange(ctx context.Context, s session.Stream) error {
	var out strings.Builder
	c := shell.NewClient(s, shell.Output{Stdout: func(p []byte) { out.Write(p) }})
	if err := c.Write(ctx, []byte("hello\n")); err != nil {
		return err
	}
	exit, err := c.Run(ctx)
	if err != nil {
		return err
	}
	if exit.Code != 3 || !strings.Contains(out.String(), "got hello") {
		return fmt.Errorf("exit %d, output %q", exit.Code, out.String())
	}
	if err := c.Write(ctx, []byte("more")); !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("writing to an ended process: %w", err)
	}
	return nil
}

// TestInputWhileTheProcessEnds writes until the session takes no more, as in
// "yes | warren shell d -- head -1": output and exit code must come through.
func TestInputWhileTheProcessEnds(t *testing.T) {
	p := sessiontest.NewPair(t, shell.New())
	payload, err := shell.Payload(&warrenv1.ShellRequest{Argv: []string{"head", "-n", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		conn, err := p.Dial(t.Context(), shell.Verb, me(t), payload)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		c := shell.NewClient(conn.Stream(), shell.Output{Stdout: func(p []byte) { out.Write(p) }})
		written := make(chan error, 1)
		go func() {
			for {
				if err := c.Write(t.Context(), []byte(strings.Repeat("yes\n", 1000))); err != nil {
					written <- err
					return
				}
			}
		}()
		exit, err := c.Run(t.Context())
		if err != nil || exit.Code != 0 || out.String() != "yes\n" {
			t.Errorf("%+v, %v, %q", exit, err, out.String())
		}
		if err := <-written; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("writing ended with %v", err)
		}
		conn.Close()
	}
}
