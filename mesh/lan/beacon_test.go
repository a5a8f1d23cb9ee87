package lan

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	warrenv1 "warren/api/warren/v1"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run runs beacons until the test ends.
func run(t *testing.T, members ...*member) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	for _, m := range members {
		go func() { done <- m.beacon.Run(ctx) }()
	}
	return func() {
		t.Helper()
		cancel()
		for range members {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// after lets time pass, and everybody come to rest.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestTwoFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		b := s.join(t, 2, "192.168.1.60", 1)
		defer run(t, a)()
		after(3 * time.Second)
		if a.sees(b, "192.168.1.60") {
			t.Fatal("a sees who has not been there")
		}
		defer run(t, b)()
		after(time.Second)
		if !a.sees(b, "192.168.1.60") || !b.sees(a, "192.168.1.50") {
			t.Error("they have not found each other within a second")
		}
	})
}

func TestNewAddressesAreCalledOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		b := s.join(t, 2, "192.168.1.60", 1)
		a.setLonely(false)
		b.setLonely(false)
		defer run(t, a, b)()
		after(time.Minute)
		b.at(t, "192.168.1.61")
		after(settle)
		if !a.sees(b, "192.168.1.61") {
			t.Error("a does not know where b has gone")
		}
	})
}

func TestAPulledPlugIsPutInAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		b := s.join(t, 2, "192.168.1.60", 1)
		a.setLonely(false)
		b.setLonely(false)
		a.plug.pull(true)
		defer run(t, a, b)()
		after(time.Minute)
		if b.sees(a, "192.168.1.50") {
			t.Fatal("a was heard without a plug")
		}
		a.plug.pull(false)
		after(lookEvery)
		if !b.sees(a, "192.168.1.50") {
			t.Error("a is not heard on its new interface")
		}
	})
}

func TestWhoMissesNobodyIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		a.setLonely(false)
		defer run(t, a)()
		after(time.Hour)
		if n := s.count(); n != 1 {
			t.Errorf("said %d things in an hour, want 1", n)
		}
	})
}

func TestALonelyMachineAsksEverMoreRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		defer run(t, a)()
		after(10 * time.Second)
		first := s.count()
		if first < 3 || first > 6 {
			t.Errorf("asked %d times in ten seconds, want 3 to 6", first)
		}
		after(time.Hour - 10*time.Second)
		if n := s.count(); n < 45 || n > 100 {
			t.Errorf("asked %d times in an hour, want once a minute", n)
		}
	})
}

// TestControllersGo has a machine that is told by nobody any more.
func TestControllersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		a.setLonely(false)
		defer run(t, a)()
		after(time.Hour)
		a.setLonely(true)
		before := s.count()
		after(lookEvery + time.Second)
		if s.count() == before {
			t.Errorf("has not asked within %s", lookEvery+time.Second)
		}
	})
}

// TestAnswersAreBounded has many who ask at once, for an hour.
func TestAnswersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		a.setLonely(false)
		asker := s.join(t, 2, "192.168.1.60", 1)
		defer run(t, a)()
		after(time.Second)
		before := s.count()
		const asked = 3600
		for range asked {
			asker.beacon.call(asker.own(), true)
			<-asker.plug.heard
			after(time.Second)
		}
		answers := s.count() - before - asked
		if most := int(asked*time.Second/answerEvery) + answerBurst; answers < most/2 || answers > most {
			t.Errorf("%d answers to %d questions, want at most %d", answers, asked, most)
		}
	})
}

// TestOldQuestions replays what was recorded elsewhere and long ago.
func TestOldQuestions(t *testing.T) {
	for _, c := range []struct {
		name string
		off  time.Duration
		news bool
		want int
	}{
		{"fresh", time.Minute, false, 1},
		{"old", -time.Hour, false, 0},
		{"from the future", time.Hour, false, 0},
		{"by a wrong clock, but news", -time.Hour, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s street
				a := s.join(t, 1, "192.168.1.50", 2)
				a.setLonely(false)
				b := s.join(t, 2, "192.168.1.60", 1)
				defer run(t, a)()
				after(time.Second)
				b.beacon.call(b.own(), false) // a knows b
				after(time.Second)
				if c.news {
					b.at(t, "192.168.1.61")
				}
				question, err := b.beacon.sealer.seal(&warrenv1.Call{
					Caller: b.beacon.caller, Time: time.Now().Add(c.off).UnixMilli(), Question: true, Statements: b.own(),
				})
				if err != nil {
					t.Fatal(err)
				}
				before := s.count()
				b.plug.send(question)
				after(time.Minute)
				if got := s.count() - before - 1; got != c.want {
					t.Errorf("%d answers, want %d", got, c.want)
				}
			})
		})
	}
}

// TestStrangers has somebody on the LAN who is no member, and knows the mesh
// all the same.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s street
		a := s.join(t, 1, "192.168.1.50", 2)
		a.setLonely(false)
		stranger := s.join(t, 3, "192.168.1.66", 1)
		defer run(t, a, stranger)()
		after(time.Second)
		if a.sees(stranger, "192.168.1.66") {
			t.Error("a took in a stranger")
		}
		stranger.setLonely(false)
		after(5 * time.Minute)
		before := s.count()
		for i := range 100 {
			stranger.beacon.call(stranger.own(), true)
			stranger.plug.send(append(make([]byte, 100), byte(i)))
			after(time.Second)
		}
		if n := s.count() - before - 200; n != 0 {
			t.Errorf("a stranger got %d answers", n)
		}
	})
}

func TestMeter(t *testing.T) {
	now := time.Now()
	m := newMeter()
	flood := netip.MustParseAddr("192.168.1.66")
	passed := 0
	for range 10_000 {
		if m.allow(flood, now) {
			passed++
		}
	}
	if passed != perSourceBurst {
		t.Errorf("%d of one source passed, want %d", passed, perSourceBurst)
	}
	if !m.allow(netip.MustParseAddr("192.168.1.50"), now) {
		t.Error("another source has to wait for the flood")
	}
	for i := range 100_000 {
		if m.allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) {
			passed++
		}
	}
	if passed > perSourceBurst+inAllBurst {
		t.Errorf("%d passed in all", passed)
	}
	if len(m.sources) > maxSources {
		t.Errorf("%d sources are remembered", len(m.sources))
	}
}
