//go:build unix

package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/node"
	"warren/node/enrol"
	"warren/node/home"
	"warren/node/platform"
	"warren/node/view"
)

// spoken is what a node logs.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spoken) has(word string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), word)
}

// TestRecordIsRenewed: a machine whose record ends in 20 of its 90 days asks for
// more, in vain while the controller is down, and has it once it is up.
func TestRecordIsRenewed(t *testing.T) {
	folder := func() home.Home {
		dir, err := os.MkdirTemp(workspace, "renew") //nolint:usetesting // a short path, for the socket
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, platform.DirMode); err != nil {
			t.Fatal(err)
		}
		return home.At(platform.Dir(dir))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	hq, kiosk, now := folder(), folder(), time.Now()
	m, err := enrol.Found(hq, enrol.Founding{Mesh: "home", Node: "hq", UID: os.Getuid(), Now: now, Range: netip.MustParsePrefix("10.99.0.0/16")})
	must(err)
	mesh, err := m.MeshID()
	must(err)
	kept, err := hq.Technician()
	must(err)
	key, err := kiosk.EnsureNodeKey()
	must(err)
	held, err := view.Open(mesh, hq.View())
	must(err)
	log := held.Now().Log
	ipv4, err := log.FreeIPv4(key.ID())
	must(err)
	entry, err := trust.SignEntry(log.Draft(now, &warrenv1.DeviceRecord{
		Key: key.Public(), Name: "kiosk", Roles: []string{"device"}, Ownership: warrenv1.Ownership_OWNERSHIP_MANAGED,
		Ipv4: ipv4.AsSlice(), NotBefore: now.Unix(), NotAfter: now.Add(20 * 24 * time.Hour).Unix(),
	}), ed25519.NewKeyFromSeed(kept.Seed))
	must(err)
	_, err = held.Merge(&warrenv1.View{FromSequence: log.Len(), Entries: []*warrenv1.Statement{entry}})
	must(err)
	data, err := hq.View().Load()
	must(err)
	must(kiosk.View().Store(data))
	ports := [2]int{freePort(t), freePort(t)}
	controller, err := hq.NodeKey()
	must(err)
	must(kiosk.SaveMember(home.Member{
		Mesh: m.Mesh, MeshName: m.MeshName, Name: "kiosk", Role: "device",
		Controllers: []home.Controller{{Node: controller.ID().String(), Address: fmt.Sprintf("127.0.0.1:%d", ports[0])}},
	}))

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	run := func(h home.Home, port int, log *spoken) {
		running.Go(func() {
			err := node.Run(ctx, node.Config{
				Dir: h.Dir(), Up: platform.Config{Listen: fmt.Sprintf(":%d", port), Loopback: true},
				RenewEvery: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil)),
			})
			if err != nil && ctx.Err() == nil {
				t.Errorf("node: %v", err)
			}
		})
	}
	var said, other spoken
	run(kiosk, ports[1], &said)
	until(t, patience, "it asked, in vain", func() bool { return said.has("own record was not renewed") })
	run(hq, ports[0], &other)
	until(t, patience, "its record is renewed", func() bool {
		v, err := view.Open(mesh, kiosk.View())
		if err != nil || v.Now().Log == nil {
			return false
		}
		d, ok := v.Now().Log.Device(key.ID())
		return ok && d.NotAfter.After(now.Add(80*24*time.Hour))
	})
}
