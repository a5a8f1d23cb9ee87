//go:build unix

package shell_test

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/sessiontest"
	"warren/session/shell"
)

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
	if err := c.Write(ctx, []byte("more")); err == nil || errors.Is(err, ctx.Err()) {
		return fmt.Errorf("writing to an ended process gave %v", err)
	}
	return nil
}
