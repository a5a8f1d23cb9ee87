//go:build unix

package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Two of three are lost; the last goes on alone, and what comes back of the
// others is no second mesh.
func TestRecoveryOfTheLastController(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	rest := m.grow(hq, "hq-2", "hq-3")
	kiosk := m.join(hq, "kiosk")
	agree(t, hq, rest[0], rest[1], kiosk)
	for _, o := range append(rest, hq) {
		o.crash()
	}
	hq.up()
	hq.refused(6, "no controller leads", "invite")
	hq.refused(5, "a warren node runs on state folder", "controllers", "recover", "--yes")
	hq.stop()

	// Without an admin's key it wants the recovery key.
	rest[0].refused(3, "no admin's key is here", "controllers", "recover", "--yes")
	if r := rest[0].run("controllers", "recover", "--dry-run", "--recovery-key", filepath.Join(hq.dir, "recovery.txt")); r.code != 0 {
		t.Errorf("with the recovery key: %v", r)
	}
	r := hq.run("controllers", "recover", "--yes")
	if r.code != 0 || !strings.Contains(r.err, "hq is recovered as the only controller") {
		t.Fatalf("recover: %v", r)
	}
	hq.up()
	until(t, patience, "hq takes changes", func() bool { return hq.run("invite").code == 0 })
	if c := hq.controllers(); len(c) != 1 || !c["hq"].Voter {
		t.Errorf("the controllers are %+v", c)
	}
	web := m.join(hq, "web")
	until(t, patience, "kiosk follows", func() bool { return kiosk.run("device", "web").code == 0 })

	// The others come back, a majority of what was: they hear that they order
	// no more, and lead nobody.
	for _, o := range rest {
		o.up()
	}
	for _, o := range rest {
		until(t, patience, o.name+" is no controller", func() bool {
			c := o.controllers()
			return len(c) == 1 && c["hq"].Voter
		})
	}
	m.grow(hq, "hq-4", "hq-5")
	agree(t, append([]*machine{hq, kiosk, web}, rest...)...)
}

// A controller's disk is lost with everybody else's; a backup brings back the
// mesh, and the machines need not join again.
func TestRestoreFromBackup(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	second := m.grow(hq, "hq-2")[0]
	kiosk := m.join(hq, "kiosk")
	hq.must("ping", "kiosk")
	pass, file := filepath.Join(m.dir, "pass"), filepath.Join(m.dir, "mesh.age")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hq.must("backup", "--passphrase-file", pass, file)
	for _, o := range []*machine{hq, second} {
		o.crash()
		if err := os.RemoveAll(o.dir); err != nil {
			t.Fatal(err)
		}
	}
	// Any bit that changed is noticed.
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{30, len(data) / 2, len(data) - 1} {
		bent := slices.Clone(data)
		bent[at] ^= 1
		other := file + ".bent"
		if err := os.WriteFile(other, bent, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := hq.run("restore", "--passphrase-file", pass, other, "--yes"); r.code != 2 && r.code != 3 {
			t.Errorf("byte %d of %d changed: %v", at, len(data), r)
		}
	}
	r := hq.run("restore", "--passphrase-file", pass, file, "--yes")
	if r.code != 0 || !strings.Contains(r.err, "hq-2 loses its right to order") {
		t.Fatalf("restore: %v", r)
	}
	hq.up()
	until(t, patience, "hq takes changes", func() bool { return hq.run("invite").code == 0 })
	late := m.join(hq, "late")
	until(t, patience, "kiosk follows", func() bool { return kiosk.run("device", "late").code == 0 })
	until(t, patience, "hq works on kiosk", func() bool { return hq.run("shell", "kiosk", "--", "true").code == 0 })
	if c := late.controllers(); len(c) != 1 {
		t.Errorf("the controllers are %+v", c)
	}
}
