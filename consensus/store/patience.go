package store

import "time"

const (
	// grace is how many election timeouts may pass without a leader before an
	// election gets twice the time.
	grace = 6
	// longest is the most an election gets.
	longest = 16 * heartbeat
)

// patience gives elections more time while none of them ends with a leader. A
// candidate and each voter write term and vote to disk before they go on, and
// where that takes longer than an election may, none ever ends.
func (s *Store) patience() {
	timeout := heartbeat
	var next time.Time // zero while somebody leads
	for {
		changed := s.Changed()
		_, led := s.Leader()
		switch now := time.Now(); {
		case led:
			timeout, next = heartbeat, time.Time{}
			s.elections(timeout)
		case next.IsZero():
			next = now.Add(grace * timeout)
		case now.After(next):
			timeout = min(2*timeout, longest)
			next = now.Add(grace * timeout)
			s.elections(timeout)
		}
		var later <-chan time.Time
		if !led {
			later = time.After(time.Until(next) + time.Millisecond)
		}
		select {
		case <-s.stopped:
			return
		case <-changed:
		case <-later:
		}
	}
}

// elections sets how long an election may take: once to twice that.
func (s *Store) elections(timeout time.Duration) {
	conf := s.raft.ReloadableConfig()
	if conf.ElectionTimeout == timeout {
		return
	}
	conf.ElectionTimeout = timeout
	if err := s.raft.ReloadConfig(conf); err != nil {
		s.log.Warn("elections keep the time they have", "err", err)
		return
	}
	s.log.Info("elections have another time", "timeout", timeout)
}
