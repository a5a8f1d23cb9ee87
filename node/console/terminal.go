package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	warrenv1 "warren/api/warren/v1"
	"warren/node/api"
	"warren/node/fault"
)

const (
	// protocol is the WebSocket's subprotocol.
	protocol = "warren.terminal.v1"
	// firstTime is how long a page has for its first message.
	firstTime = 10 * time.Second
	// maxTerminals bounds how many are open at a time.
	maxTerminals = 64
	// inputAhead bounds what a page may send beyond what the device has taken.
	inputAhead = 1 << 20
)

// terminal answers a page's WebSocket: it opens a session for who bears the
// bearer of its first message, and carries it until one side ends it.
func (s *Server) terminal(w http.ResponseWriter, r *http.Request) {
	if origins := r.Header.Values("Origin"); len(origins) != 1 || !s.own(origins[0]) {
		http.Error(w, "this comes from another page", http.StatusForbidden)
		return
	}
	if s.terminals.Add(1) > maxTerminals {
		s.terminals.Add(-1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many terminals are open", http.StatusTooManyRequests)
		return
	}
	defer s.terminals.Add(-1)
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
	err = s.carry(ctx, conn)
	if err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "")
		return
	}
	code := websocket.StatusNormalClosure // the page has been told why
	if errors.Is(err, errBearer) {
		code, err = websocket.StatusPolicyViolation, unknown()
	}
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if conn.Write(told, websocket.MessageText, writeError(s.cfg.Local.Errors.Tell(ctx, terminalPath, code == websocket.StatusNormalClosure, err))) == nil && ctx.Err() == nil {
		_ = conn.Close(code, "")
	}
}

// carry reads the first message and carries the session.
func (s *Server) carry(ctx context.Context, conn *websocket.Conn) error {
	conn.SetReadLimit(maxFirst)
	early, cancel := context.WithTimeout(ctx, firstTime)
	kind, text, err := conn.Read(early)
	cancel()
	if err != nil {
		return fault.New(fault.Invalid, "nothing was asked for: %w", err)
	}
	m, err := readFirst(text)
	if err != nil || kind != websocket.MessageText {
		return fault.New(fault.Invalid, "a terminal begins with what to open")
	}
	p, err := s.keys.check(m.Bearer, ownerOf(ctx))
	if err != nil {
		return err
	}
	if err := s.cfg.Local.Admit(p.uid); err != nil {
		return err
	}
	if !s.known.Allow() {
		return tooMany()
	}
	open := m.open()
	if open.GetUser() == "" {
		u, err := user.LookupId(strconv.Itoa(p.uid))
		if err != nil {
			return fault.New(fault.Invalid, "find the name of user %d: %w", p.uid, err).Try("the name of an account on %s", open.GetDevice())
		}
		open.User = u.Username
	}
	conn.SetReadLimit(maxMessage)
	// A read that is given up ends the connection, by which the page is yet to be
	// told how it ended: so the reader goes on until the connection is closed.
	return s.cfg.Local.Shell(api.As(ctx, p.uid), &screen{ctx: ctx, conn: conn, open: open})
}

// screen is a page's terminal as a session's program.
type screen struct {
	ctx  context.Context //nolint:containedctx // Program has none: the connection's, for as long as the handler runs
	conn *websocket.Conn
	open *warrenv1.ShellOpen // until it was received

	given atomic.Uint64 // bytes of output sent
	typed uint64        // bytes of input received
	taken atomic.Uint64 // bytes of input the device has taken
}

// Receive implements api.Program.
func (s *screen) Receive() (*warrenv1.ShellInput, error) {
	if open := s.open; open != nil {
		s.open = nil
		return &warrenv1.ShellInput{Input: &warrenv1.ShellInput_Open{Open: open}}, nil
	}
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			return nil, err
		}
		if kind == websocket.MessageText {
			in, err := readControl(data)
			if err == nil && in.GetAcked() > s.given.Load() {
				err = fmt.Errorf("acknowledges what was not sent: %w", errMessage)
			}
			return in, err
		}
		if len(data) == 0 {
			continue
		}
		s.typed += uint64(len(data))
		if s.typed-s.taken.Load() > inputAhead {
			return nil, errors.New("the page does not wait for its input to be taken")
		}
		return &warrenv1.ShellInput{Input: &warrenv1.ShellInput_Stdin{Stdin: data}}, nil
	}
}

// Send implements api.Program.
func (s *screen) Send(out *warrenv1.ShellOutput) error {
	data, binary, err := write(out)
	if err != nil {
		return err
	}
	kind := websocket.MessageText
	if binary {
		kind = websocket.MessageBinary
		s.given.Add(uint64(len(data)))
	}
	if a, ok := out.GetOutput().(*warrenv1.ShellOutput_Acked); ok {
		s.taken.Store(a.Acked)
	}
	return s.conn.Write(s.ctx, kind, data)
}
