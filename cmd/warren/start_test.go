//go:build linux || darwin

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestStart does what docs/start.md says, as it is written there: each command
// on a terminal of its own, between two machines that are two state folders.
// sudo changes nothing here, and a configuration file keeps the nodes on
// loopback, at ports that are free.
func TestStart(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/start.md")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: shortDir(t), ports: map[string]int{}}
	sudo := filepath.Join(r.dir, "bin", "sudo")
	r.write(sudo, "#!/bin/sh\nexec \"$@\"\n", 0o755)
	var commands []string
	for _, block := range regexp.MustCompile("(?ms)^```sh (\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[2]) {
			commands = append(commands, line)
			r.does(block[1], strings.TrimSpace(line))
		}
	}
	if len(commands) < 10 || len(r.ports) != 2 {
		t.Errorf("%d commands on %d machines: %q", len(commands), len(r.ports), commands)
	}
	if r.joining != nil {
		t.Error("join never ended")
	}
}

// reader is somebody who follows the manual.
type reader struct {
	t       *testing.T
	dir     string
	ports   map[string]int
	link    string
	joining *screen
}

// screen is a terminal with a command on it.
type screen struct {
	line  string
	cmd   *exec.Cmd
	file  *os.File
	shown *daemon
}

// shortDir is a folder with a short name: sockets' paths are bounded.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "start") //nolint:usetesting // its names are long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (r *reader) write(path, text string, mode os.FileMode) {
	r.t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o711) //nolint:gosec // as a state folder is
	if err == nil {
		err = os.WriteFile(path, []byte(text), mode)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// does one command, and answers what it asks.
func (r *reader) does(machine, line string) {
	r.t.Helper()
	switch {
	case strings.HasSuffix(line, "warren up"):
		r.open(machine, line).until(r.t, "ready", isReady)
	case strings.Contains(line, "warren join"):
		if r.link == "" || !strings.Contains(line, "'LINK'") {
			r.t.Fatalf("%s: without a link: %q", line, r.link)
		}
		r.joining = r.open(machine, strings.Replace(line, "LINK", r.link, 1))
		r.joining.answer(r.t)
		r.joining.until(r.t, "the six words", func(shown string) bool {
			return regexp.MustCompile(`(?m)^ +\w+( \w+){5}$`).MatchString(shown)
		})
	case strings.Contains(line, "warren approve"):
		o := r.open(machine, line)
		o.answer(r.t)
		o.ends(r.t)
		if r.joining == nil {
			r.t.Fatal("nobody joins")
		}
		r.joining.ends(r.t)
		r.joining = nil
	case regexp.MustCompile(`warren shell \S+$`).MatchString(line):
		o := r.open(machine, line)
		o.until(r.t, "a shell", func(string) bool {
			state, err := unix.IoctlGetTermios(int(o.file.Fd()), getTermios)
			return err == nil && state.Lflag&unix.ICANON == 0
		})
		o.types(r.t, "exit\n")
		o.ends(r.t)
	case strings.Contains(line, "warren ping"):
		// Somebody who came seconds ago may not be known yet.
		for deadline := time.Now().Add(patience); ; {
			o := r.open(machine, line)
			if err := o.wait(r.t); err == nil {
				return
			} else if time.Now().After(deadline) {
				r.t.Fatalf("%s: %v\n%s", line, err, o.text())
			}
		}
	default:
		o := r.open(machine, line)
		o.ends(r.t)
		if found := regexp.MustCompile(`warren://join#\S+|https://\S+#w1\.\S+`).FindString(o.text()); found != "" {
			r.link = found
		}
	}
}

// open runs a line on a new terminal of a machine, until the test ends.
func (r *reader) open(machine, line string) *screen {
	r.t.Helper()
	state := filepath.Join(r.dir, machine)
	if r.ports[machine] == 0 {
		port, err := freePort()
		if err != nil {
			r.t.Fatal(err)
		}
		console, err := freePort()
		if err != nil {
			r.t.Fatal(err)
		}
		r.ports[machine] = port
		r.write(filepath.Join(state, "warren.yaml"), fmt.Sprintf("loopback: true\nlisten: :%d\nconsole: 127.0.0.1:%d\n", port, console), 0o600)
	}
	cmd := exec.Command("sh", "-c", "exec "+line)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(r.dir, "bin")+":"+os.Getenv("PATH"),
		"WARREN_STATE="+state, "HOME="+r.dir, "TERM=xterm", "LANG=C.UTF-8", "SUDO_UID=")
	file, err := pty.StartWithAttrs(cmd, &pty.Winsize{Rows: 40, Cols: 500}, sessionOf(&syscall.SysProcAttr{}))
	if err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	o := &screen{line: line, cmd: cmd, file: file, shown: &daemon{done: make(chan struct{})}}
	go func() { // ends when the process has gone: reads fail then
		_, _ = io.Copy(o.shown, file)
		_ = cmd.Wait()
		close(o.shown.done)
	}()
	r.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-o.shown.done
		file.Close()
	})
	return o
}

func (o *screen) text() string { return strings.ReplaceAll(o.shown.text(), "\r\n", "\n") }

func (o *screen) until(t *testing.T, what string, holds func(shown string) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(o.text()); {
		if o.shown.ended() || time.Now().After(deadline) {
			t.Fatalf("%s: not there: %s\n%s", o.line, what, o.text())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (o *screen) types(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(o.file, text); err != nil {
		t.Fatal(err)
	}
}

func (o *screen) answer(t *testing.T) {
	t.Helper()
	o.until(t, "a question", func(shown string) bool { return strings.HasSuffix(shown, "[y/N] ") })
	o.types(t, "y\n")
}

// wait waits for the end of the command.
func (o *screen) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-o.shown.done:
	case <-time.After(patience):
		t.Fatalf("%s: does not end\n%s", o.line, o.text())
	}
	if s := o.cmd.ProcessState; !s.Success() {
		return fmt.Errorf("%s", s)
	}
	return nil
}

func (o *screen) ends(t *testing.T) {
	t.Helper()
	if err := o.wait(t); err != nil {
		t.Fatalf("%s: %v\n%s", o.line, err, o.text())
	}
}
