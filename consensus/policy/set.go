package policy

import (
	"iter"
	"math/bits"
)

// set holds positions in a Directory, one bit each: at 5,000 devices a set is
// 632 bytes, and joining two takes 79 steps.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s set) remove(i int)   { s[i/64] &^= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) join(o set) {
	for i := range o {
		s[i] |= o[i]
	}
}

// without gives what is in s and not in o, which may be nil.
func (s set) without(o set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i]
		if i < len(o) {
			out[i] &^= o[i]
		}
	}
	return out
}

func (s set) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

// all gives the members in rising order.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(i*64 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// both gives what is in s and in o.
func (s set) both(o set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] & o[i]
	}
	return out
}

// meets reports whether s and o have something in common.
func (s set) meets(o set) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}
