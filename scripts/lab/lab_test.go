//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// programs builds what is to be run, as it is delivered.
func programs(t *testing.T) (lab, warren string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
	if err := able(); err != nil {
		t.Skipf("no lab here: %v", err)
	}
	dir := t.TempDir()
	for _, program := range []string{"warren/cmd/warren", "warren/scripts/lab"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", dir, program)
		build.Env = append(build.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", program, err, out)
		}
	}
	return filepath.Join(dir, "lab"), filepath.Join(dir, "warren")
}

// TestShortStories tells the stories that take a few seconds.
func TestShortStories(t *testing.T) {
	lab, warren := programs(t)
	cmd := exec.CommandContext(t.Context(), lab, "-short", "-warren", warren)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v\n%s", err, &errs)
	}
	told := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); told++ {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		if r.ID == "" || r.Seed == 0 || !r.Pass {
			t.Errorf("a story ended so: %s", lines.Text())
		}
		t.Logf("%s", lines.Text())
	}
	short := 0
	for _, s := range stories() {
		if s.short {
			short++
		}
	}
	if told != short {
		t.Errorf("%d stories were told, want %d", told, short)
	}
}

// TestNothingOutlivesAStory kills the lab in the middle of a story.
func TestNothingOutlivesAStory(t *testing.T) {
	lab, warren := programs(t)
	before := namespaces(t)
	cmd := exec.CommandContext(t.Context(), lab, "-run", "^roaming$", "-warren", warren)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "is open") {
		t.Log(lines.Text())
	}
	if len(running(t, warren)) == 0 {
		t.Error("nothing runs in the middle of the story")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for len(running(t, warren)) > 0 || len(running(t, lab)) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v, %v", running(t, warren), running(t, lab))
		}
		time.Sleep(20 * time.Millisecond)
	}
	if after := namespaces(t); after != before {
		t.Errorf("namespaces by name: %q, were %q", after, before)
	}
	if _, err := os.Stat("/run/lab"); err == nil {
		t.Error("the lab's folder is on the machine itself")
	}
}

// running lists processes whose program or argument is that file.
func running(t *testing.T, file string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range all {
		text, err := os.ReadFile(one)
		if err == nil && slices.Contains(strings.Split(string(text), "\x00"), file) {
			out = append(out, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return out
}

func namespaces(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", "netns", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
