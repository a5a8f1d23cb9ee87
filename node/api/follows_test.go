package api

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
	"warren/node/fault"
)

func TestTheOldestOfTooManyFollowsEnds(t *testing.T) {
	t.Parallel()
	c := newController(t)
	c.device("cam", "cam")
	c.device("box", "box")
	follow := func(name string) (next func() error) {
		t.Helper()
		stream, err := c.as(c.node(name)).Follow(c.within(40*time.Second), &warrenv1.FollowRequest{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stream.Close() })
		next = func() error {
			if stream.Receive() {
				return nil
			}
			return stream.Err()
		}
		if err := next(); err != nil {
			t.Fatal(err)
		}
		return next
	}
	other := follow("box")
	streams := make([]func() error, followsPerMember+1)
	for i := range streams {
		streams[i] = follow("cam")
	}
	err := streams[0]()
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "follows in 4 newer streams") {
		t.Errorf("the oldest stream: %v", err)
	}
	c.device("tv", "tv")
	for i, next := range append(streams[1:], other) {
		if err := next(); err != nil {
			t.Errorf("stream %d of those that may live: %v", i+1, err)
		}
	}
}

func TestFollowsAreBoundedInAll(t *testing.T) {
	t.Parallel()
	var f follows
	ctx := t.Context()
	leaves := make([]func(), 0, followsInAll)
	for i := range followsInAll {
		_, leave, err := f.enter(ctx, identity.NodeID{byte(i), byte(i >> 8)})
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		leaves = append(leaves, leave)
	}
	late := identity.NodeID{15: 1}
	_, _, err := f.enter(ctx, late)
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Format(err), "serves 16384 streams already; try: another controller") {
		t.Errorf("one too many: %v", err)
	}
	// Whose streams they are does not matter for one's own newest.
	if _, _, err := f.enter(ctx, identity.NodeID{1}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a second stream of a member when all is full: %v", err)
	}
	leaves[7]()
	leaves[7]() // twice is once
	if _, _, err := f.enter(ctx, late); err != nil {
		t.Errorf("after one left: %v", err)
	}
	if _, _, err := f.enter(ctx, identity.NodeID{15: 2}); err == nil {
		t.Error("one leave made room for two")
	}
	for _, leave := range leaves {
		leave()
	}
	if f.inAll != 1 || len(f.members) != 1 {
		t.Errorf("%d streams of %d members after all but one left", f.inAll, len(f.members))
	}
}

func TestAReplacedFollowLeavesOnce(t *testing.T) {
	t.Parallel()
	var f follows
	id := identity.NodeID{1}
	first, leave, err := f.enter(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for range followsPerMember {
		if _, _, err := f.enter(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	var cause *fault.Error
	if first.Err() == nil || !errors.As(context.Cause(first), &cause) {
		t.Errorf("the oldest lives on: %v", context.Cause(first))
	}
	leave()
	if f.inAll != followsPerMember || len(f.members[id]) != followsPerMember {
		t.Errorf("%d streams, %d of the member; want %d", f.inAll, len(f.members[id]), followsPerMember)
	}
}
