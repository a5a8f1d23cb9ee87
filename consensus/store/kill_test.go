package store

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/command"
	"warren/consensus/state/statetest"
	"warren/consensus/store/storetest"
	"warren/consensus/trust"
)

// childFolder names the folder of the child process of TestKill.
const childFolder = "WARREN_STORE_TEST_CHILD"

// revocation is a command that always succeeds: it revokes machine n of
// machines nobody has.
func revocation(t testing.TB, m *statetest.Mesh, log *trust.Log, n uint64) command.Command {
	t.Helper()
	var target [16]byte
	binary.BigEndian.PutUint64(target[8:], n)
	return m.Command(m.Revoke(log, warrenv1.RevocationKind_REVOCATION_KIND_NODE, target[:]), 0)
}

func revoked(log *trust.Log, n uint64) bool {
	var target [16]byte
	binary.BigEndian.PutUint64(target[8:], n)
	return log.Revoked(warrenv1.RevocationKind_REVOCATION_KIND_NODE, target[:])
}

// eventful makes everything that a crash could hit happen all the time: full
// log files, snapshots, compaction.
func eventful(dir string, m *statetest.Mesh) Config {
	cfg := config(dir, m.Node.ID(), &storetest.Network{})
	cfg.SnapshotEvery, cfg.segment, cfg.due = 20, 16<<10, 10*time.Millisecond
	return cfg
}

// TestKillChild is the process that TestKill kills: it founds, then revokes
// numbers from where the last one stopped, by eight writers, and prints each
// number once it is acknowledged.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		t.Skip("is the child of TestKill")
	}
	m := statetest.New(t, "acme")
	s := start(t, eventful(dir, m))
	ctx := within(t, time.Minute)
	if err := s.Bootstrap(ctx, founding(t, m)); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	log := s.State().Log()
	var next atomic.Uint64
	for revoked(log, next.Load()+1) {
		next.Add(1)
	}
	fmt.Println("begun")
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				n := next.Add(1)
				if _, err := s.Propose(ctx, revocation(t, m, log, n)); err != nil {
					t.Errorf("revoke %d: %v", n, err)
					return
				}
				fmt.Printf("ok %d\n", n)
			}
		})
	}
	writers.Wait()
}

// Whatever a controller acknowledged is there after kill -9 at any moment, and
// it always starts again.
func TestKill(t *testing.T) {
	cycles := 20
	if testing.Short() {
		cycles = 3
	}
	dir := filepath.Join(t.TempDir(), "state")
	m := statetest.New(t, "acme")
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	acknowledged := map[uint64]bool{}
	for cycle := range cycles {
		if cycle%5 == 0 { // now and then at the very start
			murder(t, dir, "", time.Duration(random.IntN(30))*time.Millisecond, acknowledged)
		}
		murder(t, dir, "begun", time.Duration(random.IntN(150))*time.Millisecond, acknowledged)

		s := start(t, eventful(dir, m))
		if err := s.Verify(within(t, 10*time.Second)); err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
		log := s.State().Log()
		for n := range acknowledged {
			if !revoked(log, n) {
				t.Errorf("cycle %d: %d was acknowledged and is lost", cycle, n)
			}
		}
		if err := s.stop(t); err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
	}
	t.Logf("%d acknowledged over %d cycles", len(acknowledged), cycles)
	if len(acknowledged) < 10*cycles {
		t.Errorf("only %d commands were acknowledged: the test shows little", len(acknowledged))
	}
}

// murder runs the child and kills it that long after it printed a line that
// begins with sign, or after its start.
func murder(t *testing.T, dir, sign string, after time.Duration, acknowledged map[uint64]bool) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.v=false")
	child.Env = append(os.Environ(), childFolder+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	child.Stderr = &said
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = child.Process.Kill() }
	if sign == "" {
		time.AfterFunc(after, kill)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var n uint64
		switch line := lines.Text(); {
		case sign != "" && strings.HasPrefix(line, sign):
			time.AfterFunc(after, kill)
		case strings.HasPrefix(line, "ok "):
			if _, err := fmt.Sscanf(line, "ok %d", &n); err == nil {
				acknowledged[n] = true
			}
		default:
			fmt.Fprintln(&said, line)
		}
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("child ended by itself: %v\n%s", err, said.String())
	}
}
