package state

// NewBounded is New with another bound than MaxSnapshot.
func NewBounded(bytes int) *State {
	s := New()
	s.bound = bytes
	return s
}

// Total is what the state takes for its size.
func (s *State) Total() int {
	m := metaIn(s.db.Txn(false))
	return m.total()
}
