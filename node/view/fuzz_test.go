package view_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	warrenv1 "warren/api/warren/v1"
	"warren/node/view"
)

// FuzzView feeds bytes as they come from a controller, a peer or the disk. No
// bytes may take anything back, or bring in what nobody signed.
func FuzzView(f *testing.F) {
	m := founded(f, "one")
	held := m.whole(0)
	held.Facts = []*warrenv1.Statement{m.endpoints("hub", 2)}
	// The heads that may be true after any view.
	heads := map[[32]byte]bool{m.Head(): true}
	ahead, forked := m.fork(), m.fork()
	ahead.device("cam", "device")
	heads[ahead.Head()] = true
	ahead.revoke("cam")
	ahead.replace([]byte(`{"grants": []}`))
	heads[ahead.Head()] = true
	forked.device("box", "device")
	heads[forked.Head()] = true
	for _, v := range []*warrenv1.View{
		held, ahead.whole(0), ahead.whole(m.Len()), ahead.whole(m.Len() + 1), forked.whole(0), founded(f, "another").whole(0),
		{},
		{Revision: 1 << 63, FromSequence: 1 << 63},
		{Revocations: ahead.Revocations()},
	} {
		data := encoded(f, v)
		f.Add(data)
		f.Add(data[:len(data)/2])
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := view.Decode(data)
		if err != nil {
			return
		}
		var d disk
		c := openOn(t, m, &d)
		merge(t, c, held)
		before := c.Now()
		changed, err := c.Merge(v)
		now := c.Now()
		// Of a View that does not fit, revocations are taken all the same.
		if err != nil && (changed || now.Log.Head() != before.Log.Head()) {
			t.Errorf("refused with %v, and changed something", err)
		}
		if now.Log.Len() < before.Log.Len() || !now.Log.Contains(before.Log.Head(), before.Log.Len()-1) {
			t.Error("the head went back")
		}
		if !heads[now.Log.Head()] {
			t.Errorf("a head that nobody signed, after %d entries", now.Log.Len())
		}
		if want, _ := now.Log.Policy(); now.PolicyText != nil && sha256.Sum256(now.PolicyText) != want &&
			string(now.PolicyText) != string(before.PolicyText) {
			t.Errorf("a policy that nobody signed: %q", now.PolicyText)
		}
		if now.Revision < before.Revision {
			t.Error("the revision went back")
		}
		if len(now.Log.Revocations()) < len(before.Log.Revocations()) {
			t.Error("a revocation went missing")
		}
		// What was taken is on disk; what is there can be read.
		again := openOn(t, m, &d).Now()
		if again.Log.Head() != now.Log.Head() || len(again.Log.Revocations()) != len(now.Log.Revocations()) {
			t.Error("the disk holds something else")
		}
		// A newcomer that starts with these bytes believes no more.
		fresh := openOn(t, m, &disk{})
		if _, err := fresh.Merge(v); err == nil && fresh.Now().Log != nil && fresh.Now().Log.Mesh() != m.Mesh() {
			t.Error("a newcomer got into another mesh")
		}
		if _, err := view.Open(m.Mesh(), &disk{data: data}); errors.Is(err, errDisk) {
			t.Error(err)
		}
	})
}
