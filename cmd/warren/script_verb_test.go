//go:build linux || darwin

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// result is how one verb ended.
type result struct {
	code        int
	out, errors string
}

// command prepares this program with args, as the story's user.
func (s *story) command(ctx context.Context, ts *testscript.TestScript, args []string) *exec.Cmd {
	path, err := exec.LookPath(filepath.Join(ts.Getenv("PROGRAM"), "bin", "warren"))
	ts.Check(err)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "TERM", "WARREN_STATE", "XDG_STATE_HOME", "SUDO_UID", "DISPLAY", "GORACE", "GOCOVERDIR", "JOURNAL_STREAM"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	endWithTest(cmd.SysProcAttr)
	if s.uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	return cmd
}

// run runs one verb to its end.
func (s *story) run(ts *testscript.TestScript, args []string) result {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := s.command(ctx, ts, args)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if s.stdin != "" {
		f, err := os.Open(s.stdin)
		ts.Check(err)
		defer f.Close()
		cmd.Stdin = f
		s.stdin = ""
	}
	err := cmd.Run()
	r := result{out: out.String(), errors: errs.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		ts.Fatalf("warren %s did not end in %s\nstdout: %s\nstderr: %s", strings.Join(args, " "), patience, r.out, r.errors)
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	default:
		ts.Check(err)
	}
	if s.last = r.out; r.out == "" {
		s.last = r.errors
	}
	if problem := soup(r.errors); problem != "" {
		ts.Fatalf("warren %s\nstderr: %s\n%s", strings.Join(args, " "), r.errors, problem)
	}
	return r
}

// show hands a result to the commands stdout, stderr and cmp.
func (r result) show(ts *testscript.TestScript) {
	fmt.Fprint(ts.Stdout(), r.out)
	fmt.Fprint(ts.Stderr(), r.errors)
}

// soup finds in messages what no person should be shown.
func soup(text string) string {
	for _, word := range []string{
		"rpc error", `Post "http`, `Get "http`, "http2:", "invalid_argument", "permission_denied", "failed_precondition",
		"not_found:", "unavailable:", "internal:", "unknown:", "deadline_exceeded", "canceled:", "context canceled",
		"context deadline", "%!", "<nil>", "panic", "goroutine ", "DATA RACE", "dial tcp", "dial unix",
		"proto:", "stream error", "endpoint is in invalid state",
	} {
		if strings.Contains(text, word) {
			return fmt.Sprintf("that is no message for people: %q", word)
		}
	}
	return ""
}

// sentence is the one line by which a verb says why it failed.
func sentence(text string) (string, error) {
	var found []string
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "warren: ") {
			found = append(found, line)
		}
	}
	if len(found) != 1 || lines[len(lines)-1] != found[0] {
		return "", fmt.Errorf("want one line that begins with \"warren: \", at the end")
	}
	return found[0], nil
}

func ok(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, true, "ok VERB ...")
	r := of(ts).run(ts, args)
	r.show(ts)
	if r.code != 0 {
		ts.Fatalf("exit code %d, want 0\n%s", r.code, r.errors)
	}
	if strings.Contains(r.errors, "warren: ") {
		ts.Fatalf("it worked, and complains: %s", r.errors)
	}
}

func fails(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 2, "fails CODE REGEXP VERB ...")
	r := of(ts).run(ts, args[2:])
	r.show(ts)
	expect(ts, r, args[0], args[1])
}

func expect(ts *testscript.TestScript, r result, code, pattern string) {
	if !slices.Contains(strings.Split(code, "|"), strconv.Itoa(r.code)) {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", r.code, code, r.out, r.errors)
	}
	line, err := sentence(r.errors)
	if err != nil {
		ts.Fatalf("%v\nstderr: %s", err, r.errors)
	}
	if !compile(ts, pattern).MatchString(line) {
		ts.Fatalf("%q does not match %q", line, pattern)
	}
	if !strings.Contains(line, "; try: ") {
		ts.Fatalf("%q does not say what to do", line)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "exits CODE VERB ...")
	r := of(ts).run(ts, args[1:])
	r.show(ts)
	if strconv.Itoa(r.code) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", r.code, args[0], r.out, r.errors)
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "until REGEXP VERB ...")
	pattern, deadline := compile(ts, args[0]), time.Now().Add(patience)
	for {
		r := of(ts).run(ts, args[1:])
		if r.code == 0 && pattern.MatchString(r.out) {
			r.show(ts)
			return
		}
		if time.Now().After(deadline) {
			r.show(ts)
			ts.Fatalf("exit code %d, and no match for %q in\n%s\n%s", r.code, args[0], r.out, r.errors)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func compile(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	re, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	return re
}

func take(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "take NAME PATTERN")
	m := compile(ts, args[1]).FindStringSubmatch(of(ts).last)
	if m == nil {
		ts.Fatalf("no match for %q in %q", args[1], of(ts).last)
	}
	ts.Setenv(args[0], m[len(m)-1])
}
