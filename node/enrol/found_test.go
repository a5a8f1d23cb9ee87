package enrol_test

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"warren/mesh/identity"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/view"
)

func founding() enrol.Founding {
	return enrol.Founding{Mesh: "firm", Node: "hub", UID: 4711, Now: time.Now(), Range: netip.MustParsePrefix("10.99.0.0/16")}
}

// written are the files of a founding in the order in which they are written.
var written = []string{"node.key", "tunnel.key", "technician.key", "recovery.txt", "view", "member"}

// whole checks that the folder holds one mesh, and that its parts fit.
func whole(t *testing.T, h home.Home) {
	t.Helper()
	m, err := h.Member()
	if err != nil {
		t.Fatal(err)
	}
	id, err := m.MeshID()
	if err != nil {
		t.Fatal(err)
	}
	c, err := view.Open(id, h.View())
	if err != nil {
		t.Fatal(err)
	}
	now := c.Now()
	key, err := h.NodeKey()
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := now.Log.Device(key.ID()); !ok || d.Name != "hub" || d.Role() != "controller" || !now.Log.IsController(key.ID()) {
		t.Errorf("the machine's record is %+v", d)
	}
	person, err := h.Technician()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := ed25519.NewKeyFromSeed(person.Seed).Public().(ed25519.PublicKey)
	if p, ok := now.Log.Technician(public); !ok || p.Name != enrol.Owner || !p.Admin || p.Node != key.ID() || person.UID != 4711 {
		t.Errorf("the owner's record is %+v, the key is of uid %d", p, person.UID)
	}
	if now.Policy == nil {
		t.Error("there is no policy")
	}
	text, err := os.ReadFile(h.Dir().Recovery())
	if err != nil || !strings.Contains(string(text), m.Mesh) {
		t.Errorf("the recovery key is of another mesh, or none: %v\n%s", err, text)
	}
	for _, name := range append(slices.Clone(written), "tunnel.key") {
		info, err := os.Stat(h.Dir().Path(name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestFounding(t *testing.T) {
	t.Parallel()
	h := home.At(platform.Dir(filepath.Join(t.TempDir(), "new")))
	m, err := enrol.Found(h, founding())
	if err != nil {
		t.Fatal(err)
	}
	whole(t, h)
	if _, err := identity.ParseMeshID(m.Mesh); err != nil || m.MeshName != "firm" || m.Pending != nil {
		t.Errorf("%+v, %v", m, err)
	}
	_, err = enrol.Found(h, founding())
	refused(t, err, fault.Conflict, "")
	whole(t, h)
}

// TestFoundingGoesOnAfterACrash leaves a folder as a crash after each file
// would, and founds again.
func TestFoundingGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	dead := home.At(platform.Dir(t.TempDir()))
	if _, err := enrol.Found(dead, founding()); err != nil {
		t.Fatal(err)
	}
	// The list above is all there is, and in this order.
	var last time.Time
	entries, err := os.ReadDir(string(dead.Dir()))
	if err != nil || len(entries) != len(written) {
		t.Fatalf("%d files, %v; want %v", len(entries), err, written)
	}
	for _, name := range written {
		info, err := os.Stat(dead.Dir().Path(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime().Before(last) {
			t.Errorf("%s was written before the file that stands before it here", name)
		}
		last = info.ModTime()
	}
	for after := range len(written) - 1 {
		h := home.At(platform.Dir(t.TempDir()))
		for _, name := range written[:after+1] {
			data, err := os.ReadFile(dead.Dir().Path(name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(h.Dir().Path(name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before, err := h.NodeKey()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := enrol.Found(h, founding()); err != nil {
			t.Fatalf("after a crash behind %s: %v", written[after], err)
		}
		whole(t, h)
		if key, _ := h.NodeKey(); key.ID() != before.ID() {
			t.Errorf("behind %s: the machine got another key", written[after])
		}
	}
}

func TestFoundingOfWhatCannotBe(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*enrol.Founding){
		"no mesh name":    func(f *enrol.Founding) { f.Mesh = "" },
		"a bad mesh name": func(f *enrol.Founding) { f.Mesh = "Firm & Co" },
		"a long name":     func(f *enrol.Founding) { f.Mesh = strings.Repeat("a", 64) },
		"no node name":    func(f *enrol.Founding) { f.Node = "" },
		"a bad node name": func(f *enrol.Founding) { f.Node = "-hub" },
	} {
		h := home.At(platform.Dir(t.TempDir()))
		f := founding()
		edit(&f)
		_, err := enrol.Found(h, f)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.Member(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the folder belongs to a mesh: %v", name, err)
		}
		if _, err := h.NodeKey(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a key was made: %v", name, err)
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fault.Kind{
		"10.99.0.0/16": 0, "172.27.4.0/24": 0,
		"10.99.0.0/25": fault.Invalid, "10.0.0.0/7": fault.Invalid, "10.99.0.1/16": fault.Invalid, "fd00::/8": fault.Invalid,
		"127.0.0.0/8": fault.Conflict,
	} {
		if got := fault.KindOf(enrol.CheckRange(netip.MustParsePrefix(text))); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	h := home.At(platform.Dir(t.TempDir()))
	f := founding()
	f.Range = netip.Prefix{}
	if _, err := enrol.Found(h, f); err != nil {
		t.Errorf("without a range: %v", err)
	}
}
