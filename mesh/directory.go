package mesh

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/mesh/identity"
)

// MaxFact bounds the payload of a key or endpoint statement, in bytes. The
// largest honest one, with all endpoints and public names, has about 1,900.
const MaxFact = 2 << 10

// ErrStranger is returned for a statement of a machine that is no member. It
// may be one later: a statement can overtake the record it belongs to.
var ErrStranger = errors.New("not a member")

// Directory holds the newest verified key and endpoint statement of each
// member.
type Directory struct {
	mesh  identity.MeshID
	known func(identity.NodeID) bool

	mu      sync.Mutex
	facts   map[factID]*list.Element // of *fact
	order   *list.List               // oldest change first
	version uint64
	changed chan struct{}
}

// factID names one of the statements of a node.
type factID struct {
	node identity.NodeID
	kind identity.Type
}

type fact struct {
	id        factID
	statement *warrenv1.Statement
	counter   uint64
	version   uint64
	// One of the two, by id.kind.
	keys      identity.Keys
	endpoints identity.Endpoints
}

// NewDirectory makes an empty directory of mesh. Strangers must not be able to
// fill memory: only statements of nodes for which known says yes are kept.
// known must answer at once, may be called from any goroutine and must not
// call the directory.
func NewDirectory(mesh identity.MeshID, known func(identity.NodeID) bool) *Directory {
	return &Directory{
		mesh: mesh, known: known,
		facts: map[factID]*list.Element{}, order: list.New(), changed: make(chan struct{}),
	}
}

// Merge takes in a statement of type identity.TypeKeys or
// identity.TypeEndpoints and reports whether it is news. Errors wrap
// ErrStranger or identity.ErrStatement. A statement that is not newer than the
// one held is no error, and costs no signature check. The directory keeps s;
// nobody may change it afterwards.
func (d *Directory) Merge(s *warrenv1.Statement) (changed bool, err error) {
	id, counter, err := glance(s)
	if err != nil {
		return false, err
	}
	if !d.known(id.node) {
		return false, fmt.Errorf("%s of %s: %w", id.kind, id.node.Short(), ErrStranger)
	}
	if d.holds(id, counter) {
		return false, nil
	}
	f, err := d.open(id, s)
	if err != nil {
		return false, err
	}
	return d.put(f), nil
}

// glance reads whom a statement speaks of and its counter, and believes
// neither: it only saves the work of checking what would be dropped anyway.
func glance(s *warrenv1.Statement) (factID, uint64, error) {
	if n := len(s.GetPayload()); n > MaxFact {
		return factID{}, 0, fmt.Errorf("statement of %d bytes is over %d: %w", n, MaxFact, identity.ErrStatement)
	}
	var m interface {
		proto.Message
		GetNode() []byte
		GetCounter() uint64
	}
	kind := identity.Type(s.GetType())
	switch kind {
	case identity.TypeKeys:
		m = &warrenv1.Keys{}
	case identity.TypeEndpoints:
		m = &warrenv1.Endpoints{}
	default:
		return factID{}, 0, fmt.Errorf("type %.40q is neither keys nor endpoints: %w", kind, identity.ErrStatement)
	}
	if err := proto.Unmarshal(s.GetPayload(), m); err != nil {
		return factID{}, 0, fmt.Errorf("decode %s: %w", kind, errors.Join(identity.ErrStatement, err))
	}
	return factID{identity.NodeIDOf(m.GetNode()), kind}, m.GetCounter(), nil
}

func (d *Directory) open(id factID, s *warrenv1.Statement) (*fact, error) {
	f := &fact{id: id, statement: s}
	var err error
	if id.kind == identity.TypeKeys {
		f.keys, err = identity.OpenKeys(s, d.mesh)
		f.counter = f.keys.Counter
	} else {
		f.endpoints, err = identity.OpenEndpoints(s, d.mesh)
		f.counter = f.endpoints.Counter
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", id.kind, id.node.Short(), err)
	}
	return f, nil
}

func (d *Directory) holds(id factID, counter uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.find(id)
	return f != nil && counter <= f.counter
}

// put keeps f unless something newer came in between.
func (d *Directory) put(f *fact) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.facts[f.id]; ok {
		if have, _ := e.Value.(*fact); f.counter <= have.counter {
			return false
		}
		d.order.Remove(e)
	}
	d.version++
	f.version = d.version
	d.facts[f.id] = d.order.PushBack(f)
	d.wake()
	return true
}

func (d *Directory) find(id factID) *fact {
	if e, ok := d.facts[id]; ok {
		f, _ := e.Value.(*fact)
		return f
	}
	return nil
}

func (d *Directory) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Keys gives the keys node stated last.
func (d *Directory) Keys(node identity.NodeID) (identity.Keys, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.find(factID{node, identity.TypeKeys}); f != nil {
		return f.keys, true
	}
	return identity.Keys{}, false
}

// Endpoints gives the underlay addresses node stated last. The slice is
// shared: read only.
func (d *Directory) Endpoints(node identity.NodeID) (identity.Endpoints, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.find(factID{node, identity.TypeEndpoints}); f != nil {
		return f.endpoints, true
	}
	return identity.Endpoints{}, false
}

// Of gives the statements held of one node: keys first.
func (d *Directory) Of(node identity.NodeID) []*warrenv1.Statement {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*warrenv1.Statement
	for _, kind := range []identity.Type{identity.TypeKeys, identity.TypeEndpoints} {
		if f := d.find(factID{node, kind}); f != nil {
			out = append(out, f.statement)
		}
	}
	return out
}

// All gives every statement held, those that changed last at the end.
func (d *Directory) All() []*warrenv1.Statement {
	all, _ := d.Since(0)
	return all
}

// Since gives the statements that came after version, in that order, and the
// version they lead to. Versions begin at 0, grow with each change and mean
// nothing to another Directory.
func (d *Directory) Since(version uint64) ([]*warrenv1.Statement, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first, n := d.order.Back(), 0
	for e := first; e != nil; e = e.Prev() {
		if f, _ := e.Value.(*fact); f.version <= version {
			break
		}
		first = e
		n++
	}
	out := make([]*warrenv1.Statement, 0, n)
	for e := first; len(out) < n; e = e.Next() {
		f, _ := e.Value.(*fact)
		out = append(out, f.statement)
	}
	return out, d.version
}

// Watch gives a channel that is closed at the next change. Take it before
// reading, or a change in between is missed.
func (d *Directory) Watch() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// Prune drops the statements of machines that are members no more, and reports
// how many. Call it when the membership has changed.
func (d *Directory) Prune() int {
	var gone []factID
	for _, id := range d.ids() {
		if !d.known(id.node) {
			gone = append(gone, id)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, id := range gone {
		if e, ok := d.facts[id]; ok {
			d.order.Remove(e)
			delete(d.facts, id)
			n++
		}
	}
	if n > 0 {
		d.version++
		d.wake()
	}
	return n
}

func (d *Directory) ids() []factID {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]factID, 0, len(d.facts))
	for id := range d.facts {
		out = append(out, id)
	}
	return out
}
