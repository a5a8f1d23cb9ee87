//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/node/client"
	"warren/node/platform"
)

// socket speaks to the machine's node without a program in between.
func (m *machine) socket() *client.Local { return client.NewLocal(platform.Dir(m.state())) }

// agree waits until all of them are reached and hold the same.
func (t *teller) agree(controllers []*machine) {
	type status struct {
		Leader      string
		Revision    uint64
		Controllers []struct{ Voter, Reachable bool }
	}
	t.until(verbTime, "the controllers agree", func() bool {
		var first status
		for i, c := range controllers {
			s, err := read[status](c, "status")
			if err != nil || s.Leader == "" || len(s.Controllers) != len(controllers) {
				return false
			}
			for _, one := range s.Controllers {
				if !one.Voter || !one.Reachable {
					return false
				}
			}
			if i == 0 {
				first = s
			}
			if s.Leader != first.Leader || s.Revision != first.Revision {
				return false
			}
		}
		return true
	})
}

// write makes an invite, which is the smallest thing a person can have all
// controllers agree on, and returns when it is acknowledged.
func write(ctx context.Context, c *client.Local) error {
	_, err := c.Invites.Create(ctx, &warrenv1.CreateInviteRequest{Role: "device", Uses: 1, Expires: 3600})
	return err
}

// milliseconds is how samples are noted.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sample notes what was measured several times.
func (t *teller) sample(name string, values []float64) {
	t.figures[name] = values
	t.say("%s: %d values, %s", name, len(values), around(values))
}

func around(values []float64) string {
	if len(values) == 0 {
		return "none"
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	return fmt.Sprintf("%.3g to %.3g", low, high)
}
