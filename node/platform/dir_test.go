//go:build unix

package platform

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"warren/node/fault"
)

func TestResolveStateDir(t *testing.T) {
	t.Parallel()
	const home = "/home/kim"
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		flag    string
		env     map[string]string
		root    bool
		answers bool
		homeErr error
		want    Dir
	}{
		"flag wins":                 {flag: "/a", env: map[string]string{"WARREN_STATE": "/b"}, root: true, answers: true, want: "/a"},
		"flag is made absolute":     {flag: "x/../y", want: Dir(filepath.Join(here, "y"))},
		"environment":               {env: map[string]string{"WARREN_STATE": "/b"}, root: true, answers: true, want: "/b"},
		"root":                      {root: true, want: "/var/lib/warren"},
		"the system's node answers": {answers: true, want: "/var/lib/warren"},
		"own, XDG":                  {env: map[string]string{"XDG_STATE_HOME": "/x"}, want: "/x/warren"},
		"relative XDG is ignored":   {env: map[string]string{"XDG_STATE_HOME": "x"}, want: home + "/.local/state/warren"},
		"own, default":              {want: home + "/.local/state/warren"},
		"homeless":                  {homeErr: errors.New("$HOME is not defined")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := resolve(tt.flag, surroundings{
				env:     func(k string) string { return tt.env[k] },
				home:    func() (string, error) { return home, tt.homeErr },
				root:    tt.root,
				answers: func(socket string) bool { return tt.answers && socket == "/var/lib/warren/warren.sock" },
			})
			if tt.homeErr != nil {
				if fault.KindOf(err) != fault.Invalid || !errors.Is(err, tt.homeErr) {
					t.Fatalf("err = %v, want invalid because of the home folder", err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestMissed(t *testing.T) {
	t.Parallel()
	const own, system = Dir("/home/anna/.local/state/warren"), Dir("/var/lib/warren")
	for name, tt := range map[string]struct {
		dir     Dir
		root    bool
		members []Dir
		want    bool
	}{
		"sudo left out":       {dir: own, members: []Dir{system}, want: true},
		"a node of one's own": {dir: own, members: []Dir{system, own}},
		"no node at all":      {dir: own},
		"another folder":      {dir: "/srv/mesh", members: []Dir{system}},
		"root":                {dir: own, root: true, members: []Dir{system}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := missed(tt.dir, surroundings{
				env:  func(string) string { return "" },
				home: func() (string, error) { return "/home/anna", nil },
				root: tt.root,
			}, func(d Dir) bool { return slices.Contains(tt.members, d) })
			if got != tt.want {
				t.Errorf("missed is %v", got)
			}
		})
	}
}

func TestCreateMakesAFolderOthersCanPass(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "deep", "er", "state"))
	for range 2 {
		if err := d.Create(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(string(d))
	if err != nil || info.Mode().Perm() != DirMode {
		t.Errorf("mode %v, %v; want %o", info.Mode(), err, DirMode)
	}
	left, err := os.ReadDir(string(d))
	if err != nil || len(left) != 0 {
		t.Errorf("the probe left %v, %v", left, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(t *testing.T, dir string)
		root bool // needs it
		kind fault.Kind
		text string
	}{
		"missing":        {func(*testing.T, string) {}, false, fault.NotFound, "does not exist"},
		"a file":         {func(t *testing.T, dir string) { put(t, dir, "x", 0o600) }, false, fault.Invalid, "is not a folder"},
		"below a file":   {func(t *testing.T, dir string) { put(t, filepath.Dir(dir), "x", 0o600) }, false, fault.Invalid, "not a directory"},
		"world-writable": {func(t *testing.T, dir string) { mkdir(t, dir, 0o777) }, false, fault.Denied, "mode 0777"},
		"group-writable": {func(t *testing.T, dir string) { mkdir(t, dir, 0o770) }, false, fault.Denied, "mode 0770"},
		"a stranger's": {func(t *testing.T, dir string) {
			mkdir(t, dir, 0o711)
			if err := os.Chown(dir, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}, true, fault.Denied, "belongs to uid 12345"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.root && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			dir := filepath.Join(t.TempDir(), "between", "state")
			if name != "below a file" {
				mkdir(t, filepath.Dir(dir), 0o755)
			}
			tt.make(t, dir)
			err := Dir(dir).Check()
			if fault.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) || fault.Of(err).Hint == "" {
				t.Errorf("got %v %q, want %v with %q and a hint", fault.KindOf(err), fault.Format(err), tt.kind, tt.text)
			}
		})
	}
}

func TestCheckRefusesWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; TestReadOnlyMount is root's")
	}
	dir := filepath.Join(t.TempDir(), "state")
	mkdir(t, dir, 0o511)
	err := Dir(dir).Check()
	if fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "write to state folder") {
		t.Errorf("got %v, want denied", err)
	}
}
