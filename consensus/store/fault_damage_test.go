//go:build linux

package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
	"warren/scripts/soak/faulttest"
)

// faultFolder names the folder that the child of TestFaultR11Folder opens.
const faultFolder = "WARREN_STORE_FAULT_FOLDER"

// TestFaultFolder opens a folder that may be damaged, and prints what it holds
// or why it does not start.
func TestFaultFolder(t *testing.T) {
	dir := os.Getenv(faultFolder)
	if dir == "" {
		t.Skip("is the child of the fault tests")
	}
	m := statetest.New(t, "acme")
	s, err := Open(config(dir, m.Node.ID(), &storetest.Network{}))
	if err != nil {
		fmt.Printf("refused: %v\n", err)
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	verified := make(chan error, 1)
	go func() { verified <- s.Verify(ctx) }()
	select {
	case err := <-ended:
		fmt.Printf("refused: %v\n", err)
		return
	case err := <-verified:
		if err != nil {
			fmt.Printf("refused: %v\n", errors.Join(err, <-ended))
			return
		}
	case <-time.After(20 * time.Second):
		fmt.Println("hangs")
		return
	}
	fmt.Printf("holds: %s\n", stateHash(t, s))
	cancel()
	<-ended
}

func stateHash(t *testing.T, s *Store) string {
	t.Helper()
	raw, err := s.State().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// TestFaultR11Folder flips bits and cuts the files that the store keeps. It
// starts with all it had, or says in one sentence that its folder is damaged.
func TestFaultR11Folder(t *testing.T) {
	run := faulttest.Begin(t, "R-11-raft")
	m := statetest.New(t, "acme")
	whole := filepath.Join(t.TempDir(), "whole")
	cfg := config(whole, m.Node.ID(), &storetest.Network{})
	cfg.SnapshotEvery, cfg.segment, cfg.due = 40, 16<<10, 10*time.Millisecond
	s := start(t, cfg)
	ctx := within(t, time.Minute)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(100) {
		if _, err := s.Propose(ctx, revocation(t, m, s.State().Log(), n)); err != nil {
			t.Fatal(err)
		}
	}
	want := stateHash(t, s.Store)
	if err := s.stop(t); err != nil {
		t.Fatal(err)
	}
	flips, cuts := run.Pick(6, 1000), run.Pick(3, 100)
	r := run.Rand(0)
	counts := map[string]int{}
	for _, file := range filesIn(t, whole) {
		for n := range flips + cuts + 1 {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			what := damage(t, filepath.Join(dir, file), n, flips, cuts, r)
			outcome := opened(t, dir)
			switch {
			case outcome == "holds: "+want:
				counts["whole"]++
			case strings.HasPrefix(outcome, "refused: ") && strings.Contains(outcome, dir) && strings.Contains(outcome, "damaged") && !strings.Contains(outcome, "\n"):
				counts["refused"]++
			default:
				counts["wrong"]++
				t.Errorf("%s, %s: %.600s", file, what, outcome)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, n := range counts {
		run.Figure(name, n)
	}
}

func filesIn(t *testing.T, dir string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// damage flips a bit, cuts the file, or at last empties it.
func damage(t *testing.T, file string, n, flips, cuts int, r *rand.Rand) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var what string
	switch {
	case n < flips && len(raw) > 0:
		bit := r.IntN(8 * len(raw))
		raw[bit/8] ^= 1 << (bit % 8)
		what = fmt.Sprintf("bit %d of byte %d of %d", bit%8, bit/8, len(raw))
	case n < flips+cuts && len(raw) > 0:
		raw = raw[:r.IntN(len(raw))]
		what = fmt.Sprintf("cut to %d bytes", len(raw))
	default:
		raw, what = nil, "emptied"
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return what
}

// opened is what the child says of a folder.
func opened(t *testing.T, dir string) string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestFaultFolder$", "-test.count=1")
	child.Env = append(os.Environ(), faultFolder+"="+dir)
	out, err := child.CombinedOutput()
	text := strings.TrimSuffix(string(out), "PASS\n")
	if err != nil {
		return fmt.Sprintf("crashed: %v\n%s", err, text)
	}
	return strings.TrimSpace(text)
}
