//go:build linux

package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// cells is how many registers the writers share at a time, and age how long
// until others take their place: the judge's memory grows with the square of
// what was done to one.
const (
	cells = 50
	age   = 10 * time.Second
)

// revocations is how many a client orders at most: those of 32 are more than a
// large mesh has machines. Each start and each snapshot verifies them all.
const revocations = 400

// history is what the clients asked and got, and who acknowledged when.
type history struct {
	mu      sync.Mutex
	began   time.Time
	ops     []porcupine.Operation
	acks    []ack
	revoked map[uint64]bool
}

// ack is an acknowledged write.
type ack struct {
	asked, at time.Time
	node      int
}

// asked is the input of an operation, what came of it the output.
type (
	asked struct {
		key  string
		read bool
		op   cellOp
	}
	got struct {
		outcome, value string
	}
)

func (h *history) note(client int, in asked, out got, call, end time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	op := porcupine.Operation{
		ClientId: client, Input: in, Output: out,
		Call: call.Sub(h.began).Nanoseconds(), Return: end.Sub(h.began).Nanoseconds(),
	}
	if out.outcome == unknown {
		if in.read {
			return // changed nothing and said nothing
		}
		op.Return = 1 << 62 // may take effect at any later time
	}
	h.ops = append(h.ops, op)
}

func (h *history) ack(asked time.Time, node int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.acks = append(h.acks, ack{asked, time.Now(), node})
}

// model is a register for each key: what a put or a swap that was acknowledged
// wrote is read by all who begin later.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
			byKey := map[string][]porcupine.Operation{}
			for _, op := range ops {
				in, _ := op.Input.(asked)
				byKey[in.key] = append(byKey[in.key], op)
			}
			var out [][]porcupine.Operation
			for _, list := range byKey {
				out = append(out, list)
			}
			return out
		},
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			now, _ := state.(string)
			in, _ := input.(asked)
			out, _ := output.(got)
			switch {
			case in.read:
				return out.value == now, now
			case out.outcome == swapped:
				return out.value == now && now != in.op.Old, now
			case in.op.Swap && now != in.op.Old:
				return out.outcome == unknown, now // it may have come to nothing
			}
			return true, in.op.New
		},
	}
}

// check judges the history. Values are written once, and what a swap found is
// told, so that an unknown write whose value nobody saw has made no difference
// and is left out.
func (h *history) check(limit time.Duration) porcupine.CheckResult {
	seen := map[string]bool{}
	for _, op := range h.ops {
		if out, _ := op.Output.(got); out.outcome != unknown {
			seen[out.value] = true
			if in, _ := op.Input.(asked); in.op.Swap && out.outcome == done {
				seen[in.op.Old] = true
			}
		}
	}
	ops := slices.DeleteFunc(slices.Clone(h.ops), func(op porcupine.Operation) bool {
		in, _ := op.Input.(asked)
		out, _ := op.Output.(got)
		return out.outcome == unknown && !seen[in.op.New]
	})
	return porcupine.CheckOperationsTimeout(model(), ops, limit)
}

// work is one client: put, swap, read, and now and then a command of the real
// state, until stop is closed. stale reads ask any controller.
func (h *history) work(c *processes, id int, r *rand.Rand, stop <-chan struct{}, stale bool) {
	client := c.client()
	defer client.close()
	last, revoked := map[string]string{}, 0
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		key := fmt.Sprintf("cell %d of age %d", r.IntN(cells), time.Since(h.began)/age)
		in, ask := asked{key: key}, Ask{}
		value := fmt.Sprintf("%d.%d", id, n)
		switch p := r.IntN(100); {
		case p < 35 || stale && p < 70:
			in.read, ask.Read, ask.Stale = true, key, stale
		case p < 65:
			in.op = cellOp{Key: key, New: value}
			ask.Write = &in.op
		case p < 95:
			in.op = cellOp{Key: key, Old: last[key], New: value, Swap: true}
			ask.Write = &in.op
		case revoked < revocations:
			revoked++
			h.revoke(c, client, uint64(id)<<32|uint64(n))
			continue
		default:
			continue
		}
		if ask.Stale {
			client.at = r.IntN(len(client.addresses))
		}
		call := time.Now()
		out, node, err := client.ask(ask, call.Add(30*time.Second))
		if err != nil {
			continue // nothing was begun
		}
		h.note(id, in, got{out.Outcome, out.Value}, call, time.Now())
		switch {
		case in.read || out.Outcome == swapped:
			last[key] = out.Value
		case out.Outcome == done:
			last[key] = value
		}
		if !in.read && out.Outcome == done {
			h.ack(call, node)
		}
	}
}

// revoke orders a command of the real state, signed as it would be.
func (h *history) revoke(c *processes, client *client, n uint64) {
	cmd := revocation(c.t, c.mesh, c.log, n)
	raw, err := cmd.Encode()
	if err != nil {
		c.t.Error(err)
		return
	}
	call := time.Now()
	out, node, err := client.ask(Ask{Command: raw}, call.Add(30*time.Second))
	if err == nil && out.Outcome == done {
		h.ack(call, node)
		h.mu.Lock()
		h.revoked[n] = true
		h.mu.Unlock()
	}
}

func newHistory() *history { return &history{began: time.Now(), revoked: map[uint64]bool{}} }
