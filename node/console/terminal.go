package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strconv"
	"sync/atomic"

	"github.com/coder/websocket"

	warrenv1 "warren/api/warren/v1"
	"warren/node/fault"
)

const (
	// protocol is the WebSocket's subprotocol.
	protocol = "warren.terminal.v1"
	// maxTerminals bounds how many are open at a time.
	maxTerminals = 64
	// inputAhead bounds what a page may send beyond what the device has taken.
	inputAhead = 1 << 20
)

// terminal answers a page's WebSocket: it opens a session for who bears the
// bearer of its first message, and carries it until one side ends it.
func (s *Server) terminal(w http.ResponseWriter, r *http.Request) {
	s.socket(w, r, protocol, s.carry)
}

// carry reads the first message and carries the session.
func (s *Server) carry(ctx context.Context, conn *websocket.Conn) error {
	text, err := begin(ctx, conn)
	if err != nil {
		return err
	}
	m, err := readFirst(text)
	if err != nil {
		return fault.New(fault.Invalid, "a terminal begins with what to open")
	}
	lease, err := s.admit(ctx, m.Bearer, &s.terminals, maxTerminals)
	if err != nil {
		return err
	}
	defer lease.end()
	open := m.open()
	if open.GetUser() == "" {
		u, err := user.LookupId(strconv.Itoa(lease.uid))
		if err != nil {
			return fault.New(fault.Invalid, "find the name of user %d: %w", lease.uid, err).Try("the name of an account on %s", open.GetDevice())
		}
		open.User = u.Username
	}
	conn.SetReadLimit(maxMessage)
	return lease.during(ctx, func(bounded context.Context) error {
		return s.cfg.Local.Shell(bounded, &program{ctx: ctx, conn: conn, open: open, lease: lease})
	})
}

// program is a page's terminal as a session's program.
type program struct {
	ctx  context.Context //nolint:containedctx // Program has none: the connection's, for as long as the handler runs
	conn *websocket.Conn
	open *warrenv1.ShellOpen // until it was received
	*lease

	given atomic.Uint64 // bytes of output sent
	typed uint64        // bytes of input received
	taken atomic.Uint64 // bytes of input the device has taken
}

// Receive implements api.Program.
func (s *program) Receive() (*warrenv1.ShellInput, error) {
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
			in, bearer, err := readControl(data)
			if bearer != "" {
				s.renew(bearer)
				continue
			}
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
func (s *program) Send(out *warrenv1.ShellOutput) error {
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
