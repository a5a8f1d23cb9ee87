package platform

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"warren/node/fault"
)

func TestLockKeepsASecondDaemonOut(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	stray := d.Path(strings.Replace(tempPattern, "*", "123", 1))
	put(t, stray, "half a key", 0o600)
	put(t, d.Path("view"), "mine", 0o600)

	release, err := Lock(d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stray); !os.IsNotExist(err) {
		t.Errorf("an interrupted write is still there: %v", err)
	}
	if _, err := os.Stat(d.Path("view")); err != nil {
		t.Errorf("the sweep took a state file: %v", err)
	}
	_, err = Lock(d)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("second lock: %v, want a conflict that names this process", err)
	}
	release()
	release, err = Lock(d)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	release()
}

const lockFolder = "WARREN_TEST_LOCK"

func TestLockEndsWithItsProcess(t *testing.T) {
	if dir := os.Getenv(lockFolder); dir != "" {
		if _, err := Lock(Dir(dir)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		select {}
	}
	t.Parallel()
	d := Dir(t.TempDir())
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestLockEndsWithItsProcess$")
	cmd.Env = append(os.Environ(), lockFolder+"="+string(d))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(d); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), fmt.Sprint("process ", cmd.Process.Pid)) {
		t.Errorf("while it lives: %v, want a conflict that names process %d", err, cmd.Process.Pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	release, err := Lock(d)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	release()
}

func TestLockWithoutAFolder(t *testing.T) {
	t.Parallel()
	if _, err := Lock(Dir(filepath.Join(t.TempDir(), "none"))); err == nil {
		t.Error("locked a folder that is not there")
	}
}
