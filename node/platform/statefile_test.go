package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"warren/node/fault"
)

func TestStateFileRoundTrip(t *testing.T) {
	t.Parallel()
	path := Dir(t.TempDir()).NodeKey()
	if _, _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nothing written yet: %v, want fs.ErrNotExist", err)
	}
	for _, data := range []string{"", "a", strings.Repeat("long", 1000), "b"} {
		if err := WriteFile(path, []byte(data), KeyMode); err != nil {
			t.Fatal(err)
		}
		got, recovered, err := ReadFile(path)
		if err != nil || recovered || string(got) != data {
			t.Fatalf("got %q, %v, %v; want %q", got, recovered, err, data)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != KeyMode {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if previous, err := readSealed(path + PreviousSuffix); err != nil || !strings.HasPrefix(string(previous), "long") {
		t.Errorf("the generation before is %.8q, %v", previous, err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Errorf("after Remove: %v, %v", left, err)
	}
	if err := Remove(path); err != nil {
		t.Errorf("removing nothing: %v", err)
	}
}

// Every damage to the newest generation must be seen, and the generation
// before must take its place; without one the error says so by name.
func TestEveryDamageIsDetected(t *testing.T) {
	t.Parallel()
	const older, newer = "the older contents", "the newer contents, longer"
	file := seal([]byte(newer))
	damage := map[string][]byte{"doubled": append(bytes.Clone(file), file...), "headless": file[1:]}
	for n := range file {
		damage[fmt.Sprintf("cut to %d", n)] = file[:n]
		for bit := range 8 {
			flipped := bytes.Clone(file)
			flipped[n] ^= 1 << bit
			damage[fmt.Sprintf("bit %d of byte %d", bit, n)] = flipped
		}
		zeroed := bytes.Clone(file)
		clear(zeroed[n:])
		if !bytes.Equal(zeroed, file) {
			damage[fmt.Sprintf("zeros from %d", n)] = zeroed
		}
	}
	with, without := filepath.Join(t.TempDir(), "view"), filepath.Join(t.TempDir(), "view")
	put(t, with+PreviousSuffix, string(seal([]byte(older))), 0o600)
	for name, bad := range damage {
		put(t, with, string(bad), 0o600)
		if got, recovered, err := ReadFile(with); err != nil || !recovered || string(got) != older {
			t.Errorf("%s: got %q, %v, %v; want the generation before", name, got, recovered, err)
		}
		put(t, without, string(bad), 0o600)
		if got, _, err := ReadFile(without); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), without) {
			t.Errorf("%s: got %q, %v; want ErrCorrupt with the file's name", name, got, err)
		}
	}
	t.Logf("%d damages seen", len(damage))

	put(t, with+PreviousSuffix, "neither", 0o600)
	if _, _, err := ReadFile(with); !errors.Is(err, ErrCorrupt) || fault.Of(err).Hint == "" {
		t.Errorf("both damaged: %v, want ErrCorrupt and a hint", err)
	}
	if err := os.Remove(with); err != nil {
		t.Fatal(err)
	}
	put(t, with+PreviousSuffix, string(seal([]byte(older))), 0o600)
	if got, recovered, err := ReadFile(with); string(got) != older || !recovered || err != nil {
		t.Errorf("newest gone: %q, %v, %v", got, recovered, err)
	}
}

// A machine can stop after any step of a write, with the temporary file torn
// at any length while it was not flushed yet.
func TestStoppingBetweenStepsLosesNothing(t *testing.T) {
	t.Parallel()
	const oldest, old, fresh = "oldest", "old", "fresh"
	steps := len((&replacement{}).steps())
	for generations := range 3 {
		for done := range steps + 1 {
			path := filepath.Join(t.TempDir(), "view")
			for _, data := range []string{oldest, old}[2-generations:] {
				if err := WriteFile(path, []byte(data), KeyMode); err != nil {
					t.Fatal(err)
				}
			}
			r := &replacement{path: path, data: []byte(fresh), perm: KeyMode}
			for _, step := range r.steps()[:done] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			want := map[string]bool{fresh: true}
			if done < steps {
				want[old] = generations > 0
			}
			tears := []int64{-1}
			if done == 1 {
				for n := range int64(len(fresh) + trailerSize) {
					tears = append(tears, n)
				}
			}
			for _, n := range tears {
				if n >= 0 {
					if err := os.Truncate(r.temp, n); err != nil {
						t.Fatal(err)
					}
				}
				got, _, err := ReadFile(path)
				if generations == 0 && done < 3 {
					if !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("first write, %d steps: %q, %v; want fs.ErrNotExist", done, got, err)
					}
				} else if err != nil || !want[string(got)] {
					t.Errorf("%d generations, %d steps, torn at %d: %q, %v", generations, done, n, got, err)
				}
			}
			if err := WriteFile(path, []byte("next"), KeyMode); err != nil {
				t.Fatal(err)
			}
			if got, recovered, err := ReadFile(path); string(got) != "next" || recovered || err != nil {
				t.Errorf("%d generations, %d steps: writing on gives %q, %v, %v", generations, done, got, recovered, err)
			}
		}
	}
}

func TestADamagedFileDoesNotPushOutAWholeOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "view")
	for _, data := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(data), KeyMode); err != nil {
			t.Fatal(err)
		}
	}
	put(t, path, "garbage", 0o600)
	if err := WriteFile(path, []byte("three"), KeyMode); err != nil {
		t.Fatal(err)
	}
	put(t, path, "garbage", 0o600)
	if got, recovered, err := ReadFile(path); string(got) != "one" || !recovered || err != nil {
		t.Errorf("got %q, %v, %v; want the last whole generation", got, recovered, err)
	}
}

func TestRemoveHalfDoneDoesNotBringBackTheOlder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "node.key")
	for _, data := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(data), KeyMode); err != nil {
			t.Fatal(err)
		}
	}
	// A folder in the way stops Remove at its second file.
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "x"), 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err == nil {
		t.Fatal("Remove of a full folder worked")
	}
	if got, _, err := ReadFile(path); err == nil {
		t.Errorf("an older key came back: %q", got)
	}
}

func TestStateFileBounds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := WriteFile(filepath.Join(dir, "none", "view"), nil, KeyMode); err == nil {
		t.Error("wrote into a folder that is not there")
	}
	if _, _, err := ReadFile(dir); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a folder: %v, want ErrCorrupt", err)
	}
	huge := filepath.Join(dir, "huge")
	put(t, huge, "", 0o600)
	if err := os.Truncate(huge, int64(MaxStateFile+trailerSize)+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadFile(huge); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a huge file: %v, want ErrCorrupt", err)
	}
}

const writerFolder = "WARREN_TEST_WRITER"

// TestKilledWriter kills a process that writes generation after generation and
// reports each one it was told is safe: what is read back is never older than
// the last report, never torn, and the next writer goes on.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv(writerFolder); dir != "" {
		writeForEver(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for round := range 15 {
		var reports bytes.Buffer
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), writerFolder+"="+dir)
		cmd.Stdout = &reports
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Odd times, so that the kill falls anywhere in a write.
		time.Sleep(time.Duration(30000+7919*round) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for line := range strings.Lines(reports.String()) {
			if n, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil && strings.HasSuffix(line, "\n") {
				last = n
			}
		}
		got, _, err := ReadFile(filepath.Join(dir, "view"))
		if errors.Is(err, fs.ErrNotExist) && last == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		n, rest, _ := strings.Cut(string(got), " ")
		if g, err := strconv.Atoi(n); err != nil || g < last || g > last+1 || rest != filling(g) {
			t.Fatalf("round %d: read generation %.20q after %d was reported safe", round, got, last)
		}
	}
	if last == 0 {
		t.Fatal("no generation was ever written: the test shows nothing")
	}
	t.Logf("%d generations", last)
}

func filling(n int) string { return strings.Repeat("x", n%5000) }

func writeForEver(t *testing.T, dir string) {
	path := filepath.Join(dir, "view")
	n := 0
	if got, _, err := ReadFile(path); err == nil {
		text, _, _ := strings.Cut(string(got), " ")
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for t.Context().Err() == nil {
		n++
		if err := WriteFile(path, fmt.Appendf(nil, "%d %s", n, filling(n)), KeyMode); err != nil {
			t.Fatal(err)
		}
		fmt.Println(n)
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte{})
	f.Add(seal(nil))
	f.Add(seal([]byte("contents")))
	f.Add(seal(seal([]byte("twice"))))
	f.Fuzz(func(t *testing.T, file []byte) {
		data, err := unseal(file)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%v, want ErrCorrupt", err)
			}
			return
		}
		if !bytes.Equal(seal(data), file) {
			t.Fatal("accepted bytes that seal does not write")
		}
	})
}
