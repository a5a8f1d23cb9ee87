//go:build linux || darwin

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// batter damages a file of the state folder as crashes, full disks and people
// do, both generations of it, and starts the node:
//
//	batter gone|empty|cut|garble FILE 0 NAME        it comes up and is NAME
//	batter gone|empty|cut|garble FILE CODE REGEXP   it says why not
//
// Afterwards the folder is as it was before.
func batter(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 4, "batter HOW FILE CODE NAME|REGEXP")
	s, state := of(ts), ts.Getenv("WARREN_STATE")
	safe := state + ".safe"
	replace(ts, state, safe)
	defer replace(ts, safe, state)
	damage(ts, args[0], filepath.Join(state, args[1]))
	if args[2] != "0" {
		s.start(ts, nil)
		ended(ts, false, args[2:])
		return
	}
	n := s.start(ts, nil)
	n.wait(ts, "become ready", isReady)
	if got := s.must(ts, "status", "--json"); !strings.Contains(got, fmt.Sprintf("\"name\": %q", args[3])) {
		ts.Fatalf("the node is not %q any more:\n%s", args[3], got)
	}
	ts.Check(n.cmd.Process.Signal(syscall.SIGTERM))
	n.end(ts, 0)
}

// replace makes folder to a copy of from, modes and owners included.
func replace(ts *testscript.TestScript, from, to string) {
	ts.Check(os.RemoveAll(to))
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		ts.Fatalf("copy %s: %v: %s", from, err, out)
	}
}

func damage(ts *testscript.TestScript, how, path string) {
	for _, p := range []string{path, path + ".prev"} {
		data, err := os.ReadFile(p)
		if os.IsNotExist(err) && p != path {
			continue
		}
		ts.Check(err)
		switch how {
		case "gone":
			ts.Check(os.Remove(p))
			continue
		case "empty":
			data = nil
		case "cut":
			data = data[:len(data)/2]
		case "garble":
			data = bytes.Clone(data)
			data[len(data)/3] ^= 0x40
		default:
			ts.Fatalf("batter: unknown word %q", how)
		}
		ts.Check(os.WriteFile(p, data, 0o600))
	}
}

// loginName is a user of this machine who may log in and is not root; empty
// where there is none.
func loginName() string {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		f := strings.Split(line, ":")
		if len(f) != 7 || f[2] == "0" || filepath.Base(f[6]) == "git-shell" || !strings.HasSuffix(f[6], "sh") {
			continue
		}
		if u, err := user.Lookup(f[0]); err == nil && u.Uid == f[2] {
			return f[0]
		}
	}
	return ""
}
