package console

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"warren/node/fault"
)

// firstTime is how long a page has for its first message.
const firstTime = 10 * time.Second

// socket takes a page's WebSocket through the gates that hold for each, hands
// it to carry, and tells the page how it ended.
func (s *Server) socket(w http.ResponseWriter, r *http.Request, protocol string, carry func(context.Context, *websocket.Conn) error) {
	if origins := r.Header.Values("Origin"); len(origins) != 1 || !s.own(origins[0]) {
		http.Error(w, "this comes from another page", http.StatusForbidden)
		return
	}
	s.open.Add(1)
	defer s.open.Done()
	// What Origins are this console's was decided above.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{protocol}, OriginPatterns: []string{"*"}})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	if conn.Subprotocol() != protocol {
		_ = conn.Close(websocket.StatusPolicyViolation, "want the subprotocol "+protocol)
		return
	}
	ctx := r.Context()
	err = carry(ctx, conn)
	if err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "")
		return
	}
	code := websocket.StatusNormalClosure // the page has been told why
	if errors.Is(err, errBearer) {
		code, err = websocket.StatusPolicyViolation, unknown()
	}
	if errors.Is(err, errOver) {
		code, err = websocket.StatusPolicyViolation, over()
	}
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if conn.Write(told, websocket.MessageText, writeError(s.cfg.Local.Errors.Tell(ctx, r.URL.Path, code == websocket.StatusNormalClosure, err))) == nil && ctx.Err() == nil {
		_ = conn.Close(code, "")
	}
}

// begin reads a page's first message, which is text and comes soon.
//
// Later reads get the connection's own context: a read that is given up ends
// the connection, by which the page is yet to be told how it ended.
func begin(ctx context.Context, conn *websocket.Conn) ([]byte, error) {
	conn.SetReadLimit(maxFirst)
	early, cancel := context.WithTimeout(ctx, firstTime)
	defer cancel()
	kind, text, err := conn.Read(early)
	if err != nil {
		return nil, fault.New(fault.Invalid, "nothing was asked for: %w", err)
	}
	if kind != websocket.MessageText {
		return nil, fault.New(fault.Invalid, "a page begins with what to open, in words")
	}
	return text, nil
}

// admit lets in who bears the bearer of a first message, while fewer than most
// are open. Who has no bearer takes no place. The caller ends the lease.
func (s *Server) admit(ctx context.Context, bearer string, open *atomic.Int32, most int32) (*lease, error) {
	p, err := s.person(ctx, bearer)
	if err != nil {
		return nil, err
	}
	if open.Add(1) > most {
		open.Add(-1)
		return nil, fault.New(fault.Unavailable, "%d of them are open on this machine, which is the most", most).Try("close one").Says(fault.TooManyOpen, strconv.Itoa(int(most)))
	}
	return s.lease(p, ownerOf(ctx), func() { open.Add(-1) }), nil
}

// person is who bears the bearer of a first message.
func (s *Server) person(ctx context.Context, bearer string) (pass, error) {
	p, err := s.keys.check(bearer, ownerOf(ctx))
	if err != nil {
		return p, err
	}
	if err := s.cfg.Local.Admit(p.uid); err != nil {
		return p, err
	}
	if !s.known.Allow() {
		return p, tooMany()
	}
	vouched(ctx)
	return p, nil
}
