//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	warrenv1 "warren/api/warren/v1"
)

// benchRevocation measures how long a revoked machine remains a peer of
// anybody: ordered by controllers, and told from peer to peer when all of them
// are dead.
func benchRevocation() story {
	return story{
		id: "bench-revocation", about: "a revocation reaches all peers, with and without controllers", limit: 3 * time.Minute, bench: true,
		tell: func(t *teller) {
			controllers := t.council()
			t.agree(controllers)
			t1 := t.technician(controllers[0], "t1", t.internet())
			t1.up()
			t.open(controllers[0])
			var devices, doomed []*machine
			for n := range 3 {
				d := t.enrol(controllers[0], fmt.Sprint("d", n), t.internet())
				d.up()
				devices = append(devices, d)
			}
			for n := range 2 * t.reps {
				d := t.enrol(controllers[0], fmt.Sprint("x", n), t.internet())
				d.up()
				doomed = append(doomed, d)
			}
			everybody := append([]*machine{t1}, devices...)
			for _, d := range doomed {
				for _, m := range everybody {
					_, _ = m.reaches(d.name, verbTime, "directly", path.direct)
				}
			}
			var with, without []float64
			for _, d := range doomed[:t.reps] {
				with = append(with, t.revoke(t1, d, append(everybody, controllers...)))
			}
			t.sample("with_controllers", with)
			for _, c := range controllers {
				c.crash()
			}
			for _, d := range doomed[t.reps:] {
				without = append(without, t.revoke(t1, d, everybody))
			}
			t.sample("without_controllers", without)
		},
	}
}

// revoke tells how long it takes, from the technician's word, until none of
// these machines has the other one as a peer any more.
func (t *teller) revoke(by, whom *machine, at []*machine) float64 {
	began := time.Now()
	var asked sync.WaitGroup
	took := make([]time.Duration, len(at))
	errs := make([]error, len(at))
	for i, m := range at {
		asked.Go(func() {
			errs[i] = m.forgets(whom.name)
			took[i] = time.Since(began)
		})
	}
	// Without controllers it says that they do not know yet.
	_, err := by.try("revoke", whom.name, "--reason", "measured", "--yes")
	asked.Wait()
	if failed := errors.Join(errs...); failed != nil {
		t.fail("%w (the verb: %v)", failed, err)
	}
	whom.kill()
	last := slices.Max(took)
	t.say("%s is shut out everywhere after %s", whom.name, last.Round(time.Millisecond))
	return milliseconds(last)
}

// forgets returns when the machine knows that another one is revoked, which
// is when its tunnel goes. With controllers dead an answer takes a second: the
// node looks first who is there.
func (m *machine) forgets(name string) error {
	ctx, cancel := context.WithTimeout(m.t.ctx, verbTime)
	defer cancel()
	c := m.socket()
	defer c.Close()
	for {
		r, err := c.Node.Device(ctx, &warrenv1.DeviceRequest{Device: name})
		switch {
		case err != nil:
			return fmt.Errorf("%s still knows %s: %w", m.name, name, err)
		case r.GetDevice().GetRevoked():
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
