package rendezvous_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"tailscale.com/types/key"
)

// TestRunLeavesNothingBehind ends a server while a member is connected and a
// stranger has said nothing yet.
func TestRunLeavesNothingBehind(t *testing.T) {
	t.Run("serve", func(t *testing.T) {
		p := open(t)
		anna := key.NewNode()
		p.admit(anna)
		if !greeted(t, p.client(anna)) {
			t.Fatal("a member was refused")
		}
		p.upgrade(t)
	})
	var left string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		buf := make([]byte, 1<<20)
		left = ""
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(g, "mesh/rendezvous.") || strings.Contains(g, "derpserver.") || strings.Contains(g, "udprelay.")
			if ours && !strings.Contains(g, "TestRunLeavesNothingBehind") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return
		}
	}
	t.Errorf("still there:\n%s", left)
}
