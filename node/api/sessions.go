package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	warrenv1 "warren/api/warren/v1"
	"warren/consensus/trust"
	"warren/node/fault"
	"warren/session"
)

// Opened are the live sessions that this node opened. A nil one remembers
// none.
type Opened struct {
	mu   sync.Mutex
	live map[session.ID]*opened
}

// NewOpened is empty.
func NewOpened() *Opened { return &Opened{live: map[session.ID]*opened{}} }

// opened is one of them; its info is guarded by the list's mutex.
type opened struct {
	list *Opened
	id   session.ID
	info *warrenv1.Session // replaced whole, never changed
	end  context.CancelCauseFunc
}

// errEndedHere ends a session of this node at a person's word.
var errEndedHere = fault.New(fault.Denied, "the session was ended from this machine").Says(fault.EndedHere)

func (o *Opened) add(info *warrenv1.Session, id session.ID, end context.CancelCauseFunc) *opened {
	own := &opened{list: o, id: id, info: info, end: end}
	if o != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.live[id] = own
	}
	return own
}

func (o *opened) remove() {
	if o.list != nil {
		o.list.mu.Lock()
		defer o.list.mu.Unlock()
		delete(o.list.live, o.id)
	}
}

// travels notes how the session travels by now, and tells whether that is
// another way than before.
func (o *opened) travels(path *warrenv1.Path) bool {
	if o.list != nil {
		o.list.mu.Lock()
		defer o.list.mu.Unlock()
	}
	before := o.info.GetPath()
	if sameWay(before, path) {
		return false
	}
	next := proto.CloneOf(o.info)
	next.Path = path
	o.info = next
	return true
}

// sameWay tells whether two paths differ in nothing but their times.
func sameWay(a, b *warrenv1.Path) bool {
	return a.GetKind() == b.GetKind() && a.GetVia() == b.GetVia() && a.GetEndpoint() == b.GetEndpoint() && a.GetReason() == b.GetReason()
}

func (o *Opened) list() (out []*warrenv1.Session) {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, own := range o.live {
		out = append(out, own.info)
	}
	return out
}

func (o *Opened) has(id session.ID) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.live[id] != nil
}

// stop ends the one that id names.
func (o *Opened) stop(id session.ID) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	own, ok := o.live[id]
	if ok {
		own.end(errEndedHere)
	}
	return ok
}

// opened is a session of this node as lists show it.
func (r *Running) opened(ctx context.Context, id session.ID, d trust.Device, verb, osUser string, path *warrenv1.Path) *warrenv1.Session {
	out := &warrenv1.Session{
		Id: id.String(), Verb: verb, Device: d.Name, OsUser: osUser, Since: time.Now().UnixMilli(),
		Path: path, Direction: "out",
	}
	if t, _, err := r.person(ctx); err == nil {
		out.Technician = t.Name
	}
	return out
}

// pathEvery is how often a session looks how it travels.
const pathEvery = 5 * time.Second

// followPath tells the program when the session travels in another way.
func (r *Running) followPath(ctx context.Context, d trust.Device, own *opened, moved func(*warrenv1.Path) error) error {
	if d.ID == r.Self {
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pathEvery):
		}
		path, ok := r.look(ctx, d)
		if !ok || !own.travels(path) {
			continue
		}
		if err := moved(path); err != nil {
			return err
		}
	}
}

// look asks a peer once how it is reached.
func (r *Running) look(ctx context.Context, d trust.Device) (*warrenv1.Path, bool) {
	for _, p := range r.Plan().Mesh.Peers {
		if p.ID == d.ID {
			ask, cancel := context.WithTimeout(ctx, lookWait)
			defer cancel()
			path := pathOf(r.Presence.Ask(ask, p))
			return path, ctx.Err() == nil
		}
	}
	return nil, false
}

// List implements SessionService.
func (s sessionService) List(context.Context, *warrenv1.ListSessionsRequest) (*warrenv1.ListSessionsResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	return &warrenv1.ListSessionsResponse{Sessions: r.sessions()}, nil
}

// sessions are those this node opened and those it serves, the oldest first.
func (r *Running) sessions() []*warrenv1.Session {
	out := r.Opened.list()
	if r.Broker != nil {
		self, _ := r.log().Device(r.Self)
		for _, in := range r.Broker.Sessions() {
			if in.Ending || r.Opened.has(in.ID) {
				continue // over, or of the technician who sits at this very machine
			}
			out = append(out, &warrenv1.Session{
				Id: in.ID.String(), Verb: in.Verb, Technician: in.Technician, Device: self.Name, OsUser: in.OSUser,
				Since: in.Since.UnixMilli(), Direction: "in",
			})
		}
	}
	slices.SortFunc(out, func(a, b *warrenv1.Session) int {
		return cmp.Or(cmp.Compare(a.GetSince(), b.GetSince()), strings.Compare(a.GetId(), b.GetId()), strings.Compare(a.GetDirection(), b.GetDirection()))
	})
	return out
}

// End implements SessionService. Whom the node answers to at all may end what
// happens on this machine.
func (s sessionService) End(_ context.Context, req *warrenv1.EndSessionRequest) (*warrenv1.EndSessionResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	id, err := session.ParseID(req.GetId())
	if err != nil {
		return nil, fault.New(fault.Invalid, "%.40q is no session's id", req.GetId()).Try("warren status")
	}
	out := r.Opened.stop(id)
	in := r.Broker != nil && r.Broker.End(id, session.ReasonEnded)
	if !out && !in {
		return nil, fault.New(fault.NotFound, "no live session %s on this machine", id)
	}
	return &warrenv1.EndSessionResponse{}, nil
}
