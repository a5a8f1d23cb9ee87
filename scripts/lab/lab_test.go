//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestShortStories tells the stories that take a few seconds, with the
// programs as they are delivered.
func TestShortStories(t *testing.T) {
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
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "lab"), "-short", "-warren", filepath.Join(dir, "warren")) //nolint:gosec // built above
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
