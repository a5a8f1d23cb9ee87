//go:build unix

package shell_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/sessiontest"
	"warren/session/shell"
)

// TestEndKillsTheGroup ends a session whose process ignores what it can.
func TestEndKillsTheGroup(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		file := filepath.Join(t.TempDir(), "pids")
		script := "trap '' HUP TERM INT; echo $$ >> " + file + "; (trap '' HUP TERM; echo $(exec sh -c 'echo $PPID') >> " + file + "; while :; do sleep 0.1; done) & echo ready; while :; do sleep 0.1; done"
		payload, err := shell.Payload(&warrenv1.ShellRequest{Argv: []string{"sh", "-c", script}, Terminal: terminal})
		if err != nil {
			t.Fatal(err)
		}
		technician, device, _ := sessiontest.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- shell.New().Serve(ctx, device, session.Request{Verb: shell.Verb, OSUser: me(t), Payload: payload})
		}()
		if _, err := technician.Receive(ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		start := time.Now()
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Errorf("terminal %v: the kind gave %v", terminal, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("terminal %v: the end took %s", terminal, took)
		}
		text, _ := os.ReadFile(file)
		if len(strings.Fields(string(text))) < 2 {
			t.Fatalf("the script told of %q only", text)
		}
		for _, pid := range strings.Fields(string(text)) {
			for lives(pid) {
				if time.Since(start) > 2*time.Second {
					t.Fatalf("terminal %v: process %s lives on", terminal, pid)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}

// TestEndLetsItSave: what takes its time over the hang-up gets no second
// signal meanwhile.
func TestEndLetsItSave(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		dir := t.TempDir()
		// A shell would lose a signal now and then, of its own.
		script := `chdir shift;
			$SIG{HUP} = sub { select undef, undef, undef, 0.2; open my $f, ">", "work"; print $f "saved"; close $f; exit };
			open my $f, ">", "ready"; close $f; sleep 1 while 1`
		payload, err := shell.Payload(&warrenv1.ShellRequest{Argv: []string{"perl", "-e", script, dir}, Terminal: terminal})
		if err != nil {
			t.Fatal(err)
		}
		_, device, _ := sessiontest.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() {
			served <- shell.New().Serve(ctx, device, session.Request{Verb: shell.Verb, OSUser: me(t), Payload: payload})
		}()
		for {
			if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel()
		<-served
		if text, _ := os.ReadFile(filepath.Join(dir, "work")); string(text) != "saved" {
			t.Errorf("terminal %v: %q was saved", terminal, text)
		}
	}
}

func lives(pid string) bool {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	return err == nil && !strings.Contains(string(status), "State:\tZ")
}
