package shell

import (
	"context"
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"warren/session"
)

func ask(user string) session.Request {
	return session.Request{Verb: Verb, OSUser: user, ID: session.NewID(), Technician: "tess"}
}

func TestAccounts(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this machine has no user nobody")
	}
	number, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	refusal := func(cause session.Cause, user, offered string) *session.Refusal {
		return &session.Refusal{Cause: cause, Verb: Verb, User: user, Offered: offered}
	}
	for _, test := range []struct {
		name string
		uid  int // the node's
		user string
		want *session.Refusal
	}{
		{name: "root as root", user: "root"},
		{name: "no such user", user: "warren-nobody-has-this", want: refusal(session.CauseNoUser, "warren-nobody-has-this", "")},
		{name: "a number is no name", user: "0", want: refusal(session.CauseNoUser, "0", "")},
		{name: "an option is no name", user: "--help", want: refusal(session.CauseNoUser, "--help", "")},
		{name: "nologin", user: "nobody", want: refusal(session.CauseNoLogin, "nobody", "")},
		{name: "root of a node without root", uid: number, user: "root", want: refusal(session.CauseOtherUser, "root", "nobody")},
		{name: "own user that may not log in", uid: number, user: "nobody", want: refusal(session.CauseNoLogin, "nobody", "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := New()
			k.uid = func() int { return test.uid }
			err := k.Admit(ask(test.user))
			var got *session.Refusal
			if err != nil && !errors.As(err, &got) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if err != nil && !errors.Is(err, session.ErrDenied) {
				t.Errorf("%v is not ErrDenied", err)
			}
		})
	}
}

// TestRootByAnotherName: a grant for any user but root must not lead there.
func TestRootByAnotherName(t *testing.T) {
	k := New()
	k.uid = func() int { return 0 }
	k.lookup = func(name string) (*user.User, error) {
		return &user.User{Username: name, Uid: "0", Gid: "0", HomeDir: "/"}, nil
	}
	var refusal *session.Refusal
	if err := k.Admit(ask("toor")); !errors.As(err, &refusal) || refusal.Cause != session.CauseNoLogin {
		t.Errorf("got %v", err)
	}
	k.lookup = func(string) (*user.User, error) { return user.Lookup("root") } // a directory that folds names
	if err := k.Admit(ask("ROOT")); !errors.As(err, &refusal) {
		t.Errorf("got %v", err)
	}
}

func TestLoginShells(t *testing.T) {
	for shell, want := range map[string]bool{
		"/bin/bash": true, "/bin/sh": true, "/usr/bin/zsh": true,
		"/usr/sbin/nologin": false, "/sbin/nologin": false, "/bin/false": false, "/bin/sync": false,
	} {
		if mayLogIn(shell) != want {
			t.Errorf("%s: %v", shell, !want)
		}
	}
}

// output runs argv as the account and gives what it prints.
func output(t *testing.T, as account, terminal bool, argv ...string) string {
	t.Helper()
	p, err := start(request{argv: argv, terminal: terminal, term: "xterm", columns: 80, rows: 24}, as, ask(as.name))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var out strings.Builder
	buffer := make([]byte, 4096)
	for {
		n, err := p.outputs()[Stdout].Read(buffer)
		out.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if e := p.wait(); e.Code != 0 {
		t.Errorf("%q ended with %+v: %s", argv, e, out.String())
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestOtherUser changes users for real; it needs root.
func TestOtherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	as := account{
		name: "guest", uid: 54321, gid: 54322, groups: []uint32{54322, 54323},
		home: "/nonexistent", shell: "/bin/sh", change: true,
	}
	if got, want := output(t, as, false, "id", "-u"), "54321\n"; got != want {
		t.Errorf("uid %q", got)
	}
	if got, want := output(t, as, false, "id", "-G"), "54322 54323\n"; got != want {
		t.Errorf("groups %q, want %q", got, want)
	}
	// Real, effective, saved and file-system ids: none of root is left.
	status := output(t, as, false, "grep", "-E", "^(Uid|Gid|CapEff|CapPrm):", "/proc/self/status")
	want := "Uid:\t54321\t54321\t54321\t54321\nGid:\t54322\t54322\t54322\t54322\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
	if status != want {
		t.Errorf("got %q, want %q", status, want)
	}
	if got := output(t, as, false, "pwd"); got != "/\n" {
		t.Errorf("without a home it starts in %q", got)
	}
	locked := as
	locked.home = "/root" // exists, and is nothing for guests
	if info, err := os.Stat(locked.home); err == nil && info.Mode().Perm()&0o001 == 0 {
		if got := output(t, locked, false, "pwd"); got != "/\n" {
			t.Errorf("with a locked home it starts in %q", got)
		}
		_, err := start(request{argv: []string{"./pwd"}}, locked, ask("guest"))
		var failed *startError
		if !errors.As(err, &failed) || failed.code != 126 {
			t.Errorf("a relative command in a locked home gave %v", err)
		}
	}
	if got := output(t, as, true, "sh", "-c", "stat -c %u $(tty) && echo again > $(tty)"); got != "54321\nagain\n" {
		t.Errorf("the terminal belongs to %q", got)
	}
}

// TestNoFileIsInherited opens files that a careless library might leave open
// for children.
func TestNoFileIsInherited(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	for _, f := range []*os.File{read, write} {
		leave(t, f)
	}
	own := account{name: "root", home: "/", shell: "/bin/sh"}
	for _, terminal := range []bool{false, true} {
		got := output(t, own, terminal, "sh", "-c", "ls /proc/$$/fd")
		for _, fd := range strings.Fields(got) {
			// dash keeps the terminal open above 9 for job control.
			if n, err := strconv.Atoi(fd); err != nil || n > 2 && !(terminal && n >= 10) {
				t.Errorf("terminal %v: the child has file %s", terminal, fd)
			}
		}
	}
}

// TestStartMakesASession: the child must lead its own session and group.
func TestStartMakesASession(t *testing.T) {
	own := account{name: "root", home: "/", shell: "/bin/sh"}
	for _, terminal := range []bool{false, true} {
		fields := strings.Fields(output(t, own, terminal, "cat", "/proc/self/stat"))
		if len(fields) < 7 || fields[0] != fields[4] || fields[0] != fields[5] {
			t.Fatalf("stat %q: want pid, group and session to be one", fields)
		}
		if hasTerminal := fields[6] != "0"; hasTerminal != terminal {
			t.Errorf("controlling terminal: %v, want %v", hasTerminal, terminal)
		}
	}
}

var _ session.Admitter = (*Kind)(nil)

func TestServeRefusesWhatAdmitRefuses(t *testing.T) {
	err := New().Serve(context.Background(), nil, ask("warren-nobody-has-this"))
	if !errors.Is(err, session.ErrDenied) {
		t.Errorf("Serve gave %v", err)
	}
}

// leave clears close-on-exec.
func leave(t *testing.T, f *os.File) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if _, err := unix.FcntlInt(fd, unix.F_SETFD, 0); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
