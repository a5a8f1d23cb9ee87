//go:build unix

package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chance is drawn anew each time; a failing one is said, and replayed with
// WARREN_SEED.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("WARREN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("replay: WARREN_SEED=%d go test ./node -run '^%s$'", seed, t.Name())
		}
	})
	return rand.New(rand.NewPCG(seed, seed))
}

// acknowledged is what the mesh has said it holds.
type acknowledged struct {
	mesh    *mesh
	draw    *rand.Rand
	count   int
	invites []string
	waiting []string // node ids
	devices []string // names
	revoked []string
	policy  uint64
}

// deed is one change; it records what was acknowledged.
type deed func(a *acknowledged, by *machine)

// done runs a verb while something may be killed. Where it fails it must say
// so in one sentence, and that it may work later.
func (a *acknowledged) done(by *machine, args ...string) (result, bool) {
	a.mesh.t.Helper()
	r := by.run(args...)
	if r.code == 0 {
		return r, true
	}
	said := strings.Count(r.err, "warren: ") == 1
	for _, word := range []string{"EOF", "http2", "unavailable:", "Post \"", "canceled", "deadline", "connection reset", "broken pipe"} {
		said = said && !strings.Contains(r.err, word)
	}
	if r.code != 6 || !said {
		a.mesh.t.Errorf("%s: warren %s, with a machine killed: %v\nwant exit code 6 and a sentence for people", by.name, strings.Join(args, " "), r)
	}
	return r, false
}

func invites(a *acknowledged, by *machine) {
	if r, ok := a.done(by, "invite", "--json"); ok {
		a.invites = append(a.invites, between(r.out, `"id": "`, `"`))
	}
}

func claims(a *acknowledged, by *machine) {
	r, ok := a.done(by, "invite", "--json")
	if !ok {
		return
	}
	a.count++
	o := a.mesh.at(fmt.Sprintf("new-%d", a.count))
	if r, ok = a.done(o, "join", between(r.out, `"link": "`, `"`), "--name", o.name, "--yes", "--no-wait", "--json"); ok {
		a.waiting = append(a.waiting, between(r.out, `"id": "`, `"`))
	}
}

func admits(a *acknowledged, by *machine) {
	if len(a.waiting) == 0 {
		claims(a, by)
		return
	}
	id := a.waiting[0]
	if r, ok := a.done(by, "approve", id, "--yes", "--json"); ok {
		a.waiting = a.waiting[1:]
		a.devices = append(a.devices, between(r.out, `"name": "`, `"`))
		return
	}
	a.waiting = a.waiting[1:] // in, or not: nothing was promised
}

func revokes(a *acknowledged, by *machine) {
	if len(a.devices) == 0 {
		admits(a, by)
		return
	}
	name := a.devices[0]
	a.devices = a.devices[1:]
	if _, ok := a.done(by, "revoke", name, "--reason", "test", "--yes"); ok {
		a.revoked = append(a.revoked, name)
	}
}

func replaces(a *acknowledged, by *machine) {
	a.count++
	file := filepath.Join(a.mesh.dir, "policy.hujson")
	text := fmt.Sprintf("// %d\n%s", a.count, openPolicy)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		a.mesh.t.Fatal(err)
	}
	if r, ok := a.done(by, "policy", "apply", file, "--json"); ok {
		revision, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(between(r.out, `"revision":`, "\n")), ","), 10, 64)
		a.policy = max(a.policy, revision)
	}
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

// check looks at what a machine holds. What only controllers keep is asked of
// them.
func (a *acknowledged) check(o *machine) {
	t := a.mesh.t
	t.Helper()
	var missing string
	holds := func() bool {
		missing = ""
		if got := o.policyRevision(); got < a.policy {
			missing = fmt.Sprintf("policy revision %d; it has %d", a.policy, got)
		}
		type device struct {
			Name    string
			Revoked bool
		}
		list := read[[]device](o, "devices")
		for _, name := range a.devices {
			if !slices.Contains(list, device{name, false}) {
				missing = "device " + name
			}
		}
		for _, name := range a.revoked {
			if !slices.Contains(list, device{name, true}) {
				missing = "the revocation of " + name
			}
		}
		return missing == ""
	}
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s has lost what was acknowledged: %s", o.name, missing)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *acknowledged) checkLedger(o *machine) {
	t := a.mesh.t
	t.Helper()
	type row struct{ ID string }
	list := read[[]row](o, "invites")
	for _, id := range a.invites {
		if !slices.Contains(list, row{id}) {
			t.Errorf("%s has lost the invite %s", o.name, id)
		}
	}
	pending := read[[]row](o, "pending")
	for _, id := range a.waiting {
		if !slices.Contains(pending, row{id}) {
			t.Errorf("%s has lost the claim of %s", o.name, id)
		}
	}
}

func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	draw := chance(t)
	m := newMesh(t)
	hq := m.found()
	anna := m.join(hq, "anna", "--role", "technician", "--admin")
	kiosk := m.join(hq, "kiosk")
	a := &acknowledged{mesh: m, draw: draw, policy: 1}
	deeds := []deed{invites, claims, admits, revokes, replaces}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		victim := []*machine{hq, hq, anna, kiosk}[draw.IntN(4)]
		by := []*machine{hq, anna}[draw.IntN(2)]
		wait := time.Duration(draw.IntN(120)) * time.Millisecond
		again := time.Duration(draw.IntN(300)) * time.Millisecond
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			time.Sleep(wait)
			victim.crash()
			if again < 100*time.Millisecond { // sometimes it dies while it starts
				victim.begin()
				time.Sleep(again)
				victim.crash()
			}
			victim.begin()
		}()
		deeds[draw.IntN(len(deeds))](a, by)
		deeds[draw.IntN(len(deeds))](a, by)
		<-killed
		victim.starts()
		hq.leads()
		a.check(hq)
		a.checkLedger(hq)
	}
	a.check(anna)
	a.check(kiosk)
	until(t, patience, "anna reaches kiosk after all of it", func() bool { return anna.run("ping", "kiosk").code == 0 })
	anna.must("shell", "kiosk", "--", "true")
}

// kill runs a verb and kills it after a while; it tells whether the verb had
// ended by itself before, with 0.
func (o *machine) kill(after time.Duration, args ...string) bool {
	o.mesh.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	err := o.command(ctx, args...).Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, context.DeadlineExceeded) {
		o.mesh.t.Fatal(err)
	}
	return err == nil
}

func TestFoundingAndJoiningMayBeKilled(t *testing.T) {
	t.Parallel()
	draw := chance(t)
	m := newMesh(t)
	// A verb takes some 30 ms, a few times that under the race detector.
	span := 60
	if race {
		span = 400
	}
	some := func() time.Duration { return time.Duration(1+draw.IntN(span)) * time.Millisecond }
	for i := range 6 {
		o := m.at(fmt.Sprintf("founder-%d", i))
		had := o.kill(some(), "init", "--name", "mesh", "--node", "hq")
		switch r := o.run("init", "--name", "mesh", "--node", "hq"); {
		case r.code == 0 && !had:
		case r.code == 5 && strings.Contains(r.err, `in mesh "mesh" already`):
		default:
			t.Fatalf("init after init was killed (had ended: %v): %v", had, r)
		}
		if i%3 == 0 { // one start is much like another
			o.up()
			o.leads()
			o.must("invite")
			o.stop()
		}
	}

	hq := m.found()
	for i := range 6 {
		o := m.at(fmt.Sprintf("new-%d", i))
		link := read[struct{ Link string }](hq, "invite").Link
		o.kill(some(), "join", link, "--name", o.name, "--yes", "--no-wait")
		o.must("join", link, "--name", o.name, "--yes", "--no-wait")
		hq.must("approve", o.name, "--yes")
		// Killed while it fetches what it was let in with.
		o.begin()
		time.Sleep(some())
		o.crash()
		o.up()
		hq.must("ping", o.name)
		o.stop()
	}
}
