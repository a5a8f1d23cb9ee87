package trust

import (
	"encoding/binary"
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix"
)

// tree is an immutable map of bytes with values of one type, in the order of
// its keys. Its zero value is empty; a change copies O(log n) of it.
type tree[V any] struct{ root *iradix.Tree }

func (t tree[V]) get(key []byte) (V, bool) {
	var v V
	if t.root == nil {
		return v, false
	}
	got, ok := t.root.Get(key)
	if ok {
		v, _ = got.(V)
	}
	return v, ok
}

func (t tree[V]) has(key []byte) bool {
	_, ok := t.get(key)
	return ok
}

func (t tree[V]) with(key []byte, v V) tree[V] {
	if t.root == nil {
		t.root = iradix.New()
	}
	t.root, _, _ = t.root.Insert(key, v)
	return t
}

func (t tree[V]) without(key []byte) tree[V] {
	if t.root != nil {
		t.root, _, _ = t.root.Delete(key)
	}
	return t
}

func (t tree[V]) len() int {
	if t.root == nil {
		return 0
	}
	return t.root.Len()
}

// all yields the values whose key begins with prefix.
func (t tree[V]) all(prefix []byte) iter.Seq[V] {
	return t.walk(func(it *iradix.Iterator) { it.SeekPrefix(prefix) })
}

// from yields the values whose key is key or beyond.
func (t tree[V]) from(key []byte) iter.Seq[V] {
	return t.walk(func(it *iradix.Iterator) { it.SeekLowerBound(key) })
}

func (t tree[V]) walk(seek func(*iradix.Iterator)) iter.Seq[V] {
	return func(yield func(V) bool) {
		if t.root == nil {
			return
		}
		it := t.root.Root().Iterator()
		seek(it)
		for _, got, ok := it.Next(); ok; _, got, ok = it.Next() {
			v, _ := got.(V)
			if !yield(v) {
				return
			}
		}
	}
}

// ordinal is n as a key that sorts like n.
func ordinal(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
