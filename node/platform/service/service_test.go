//go:build linux

package service

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warren/node/fault"
)

func TestNotify(t *testing.T) {
	for name, address := range map[string]string{"file": filepath.Join(t.TempDir(), "notify"), "abstract": "@warren-test-" + t.Name()} {
		t.Run(name, func(t *testing.T) {
			c, err := net.ListenPacket("unixgram", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			t.Setenv("NOTIFY_SOCKET", address)
			Notify("READY=1", "STATUS=ready")
			got := make([]byte, 100)
			n, _, err := c.ReadFrom(got)
			if err != nil || string(got[:n]) != "READY=1\nSTATUS=ready" {
				t.Errorf("got %q, %v", got[:n], err)
			}
		})
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	Notify("READY=1") // nobody listens
}

func TestWhatOthersCanChangeIsNotInstalled(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := safe("/bin/sh"); err != nil {
		t.Errorf("/bin/sh: %v", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "in", "warren")
	if err := os.Mkdir(filepath.Dir(program), 0o755); err != nil { //nolint:gosec // as programs lie
		t.Fatal(err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil { //nolint:gosec // likewise
		t.Fatal(err)
	}
	if err := safe(program); err != nil {
		t.Errorf("root's own: %v", err)
	}
	refused := func(what string) {
		t.Helper()
		if err := safe(program); fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, path := range []string{program, filepath.Dir(program), dir} {
		if err := os.Chmod(path, 0o777); err != nil { //nolint:gosec // that is the point
			t.Fatal(err)
		}
		refused(path + " that all can write")
		if err := os.Chmod(path, 0o755); err != nil { //nolint:gosec // likewise
			t.Fatal(err)
		}
		if err := os.Chown(path, 12345, 0); err != nil {
			t.Fatal(err)
		}
		refused(path + " of somebody else")
		if err := os.Chown(path, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	program = filepath.Join(dir, "none")
	if err := safe(program); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a program that is not there: %v", err)
	}
}

// TestUnitIsWholeLines: a path never becomes a setting of its own.
func TestUnitIsWholeLines(t *testing.T) {
	text := Unit("/usr/bin/warren", "/srv/a b%c\"d")
	for _, want := range []string{
		`ExecStart=/usr/bin/warren --state "/srv/a b%%c\"d" up --host-files`,
		`ExecStopPost=-/usr/bin/warren let-go-of-keys "/srv/a b%%c\"d/held"`,
		`ReadWritePaths="/srv/a b%%c\"d"`,
		`ConditionPathExists=/srv/a b%%c"d/member`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
	if got := PackageUnit(); !strings.Contains(got, "\nExecStart=/usr/bin/warren --state /var/lib/warren up --host-files\n") ||
		strings.TrimPrefix(got, packageMark) != strings.TrimPrefix(Unit(PackageProgram, systemFolder), mark) {
		t.Errorf("a package's unit is another:\n%s", got)
	}
	for _, word := range []string{"MARK", "PROGRAM", "FOLDER", "HELD", "CAPABILITIES"} {
		if strings.Contains(text, word) {
			t.Errorf("%s was not filled in", word)
		}
	}
}
