//go:build unix

package node_test

import (
	"testing"
	"time"
)

// TestNewsFromAPeer: a machine that was away while the policy changed gets it
// from whoever has it, with every controller dead.
func TestNewsFromAPeer(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk", "--tag", "kiosk")
	anna.must("ping", "kiosk")

	kiosk.stop()
	hq.apply(openPolicy)
	until(t, patience, "anna has the policy", func() bool { return anna.policyRevision() == 2 })
	hq.crash()
	kiosk.up()
	until(t, 20*time.Second, "kiosk has the policy from anna", func() bool { return kiosk.policyRevision() == 2 })
	if s := read[struct{ Leader string }](kiosk, "status"); s.Leader != "" {
		t.Errorf("kiosk says that %q leads", s.Leader)
	}
}
