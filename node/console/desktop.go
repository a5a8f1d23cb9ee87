package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/encoding/protojson"

	warrenv1 "warren/api/warren/v1"
	"warren/node/api"
	"warren/node/fault"
	"warren/session"
	"warren/session/screen"
)

const (
	// desktopProtocol is the WebSocket's subprotocol.
	desktopProtocol = "warren.desktop.v1"
	// maxDesktops bounds how many are open at a time.
	maxDesktops = 16
)

// The first bytes of what a page does, of which nothing more is looked at here,
// and of a device's events.
const (
	kindInput = 0x11
	kindEvent = 0x01
)

// desktop answers a page's WebSocket: it opens a session with a device's
// screen, and carries it until one side ends it.
func (s *Server) desktop(w http.ResponseWriter, r *http.Request) {
	s.socket(w, r, desktopProtocol, s.carryDesktop)
}

func (s *Server) carryDesktop(ctx context.Context, conn *websocket.Conn) error {
	text, err := begin(ctx, conn)
	if err != nil {
		return err
	}
	m, err := readDesktop(text)
	if err != nil {
		return fault.New(fault.Invalid, "a desktop begins with what to look at")
	}
	lease, err := s.admit(ctx, m.Bearer, &s.desktops, maxDesktops)
	if err != nil {
		return err
	}
	defer lease.end()
	conn.SetReadLimit(session.MaxMessage)
	return lease.during(ctx, func(bounded context.Context) error {
		return s.cfg.Local.Desktop(bounded, m.open(), newViewer(ctx, conn, lease))
	})
}

// firstOfDesktop is what a page begins with.
type firstOfDesktop struct {
	Bearer string `json:"bearer"`
	Open   struct {
		Device    string `json:"device"`
		Verb      string `json:"verb"`
		Display   string `json:"display"`
		Monitor   uint32 `json:"monitor"`
		MaxWidth  uint32 `json:"maxWidth"`
		MaxHeight uint32 `json:"maxHeight"`
		Resize    bool   `json:"resize"`
		Virtual   bool   `json:"virtual"`
	} `json:"open"`
}

func readDesktop(text []byte) (firstOfDesktop, error) {
	var m firstOfDesktop
	if err := readShort(text, &m); err != nil {
		return m, err
	}
	if tooLong(m.Bearer, m.Open.Device, m.Open.Display) || m.Bearer == "" || m.Open.Device == "" {
		return m, errMessage
	}
	if m.Open.Verb != "view" && m.Open.Verb != "control" {
		return m, errMessage
	}
	return m, nil
}

func (m firstOfDesktop) open() api.DesktopOpen {
	return api.DesktopOpen{
		Device: m.Open.Device, Verb: m.Open.Verb,
		Screen: &warrenv1.ScreenRequest{
			Display: m.Open.Display, Monitor: m.Open.Monitor,
			MaxWidth: min(m.Open.MaxWidth, maxPixels), MaxHeight: min(m.Open.MaxHeight, maxPixels),
			Resize: m.Open.Resize, Virtual: m.Open.Virtual,
		},
	}
}

// maxPixels bounds the width and height that are passed on.
const maxPixels = 16_384

// viewer is a page that looks at a desktop, as api.Viewer.
type viewer struct {
	ctx    context.Context //nolint:containedctx // Viewer has none: the connection's, for as long as the handler runs
	conn   *websocket.Conn
	joiner screen.Joiner
	events *rate.Limiter
	frames *rate.Limiter
	*lease
}

// How much of a device's a page is told of in a second, and at once: several
// times what ours send. Who sends more waits, and the page has time for its
// person.
const (
	eventRate, eventBurst = 100, 200
	frameRate, frameBurst = 1000, 1000
)

func newViewer(ctx context.Context, conn *websocket.Conn, l *lease) *viewer {
	return &viewer{ctx: ctx, conn: conn, lease: l, events: rate.NewLimiter(eventRate, eventBurst), frames: rate.NewLimiter(frameRate, frameBurst)}
}

// pass waits until the page may have a message of the device. What a copy goes
// on with is bounded by its length.
func (v *viewer) pass(whole []byte) error {
	switch {
	case whole[0] != kindEvent:
		return v.frames.Wait(v.ctx)
	case v.joiner.Later():
		return nil
	}
	return v.events.Wait(v.ctx)
}

// Receive implements api.Viewer.
func (v *viewer) Receive() ([]byte, error) {
	for {
		kind, data, err := v.conn.Read(v.ctx)
		if err != nil {
			return nil, err
		}
		if kind == websocket.MessageText {
			bearer, err := readBearer(data)
			if err != nil {
				return nil, fmt.Errorf("the page: %w", err)
			}
			v.renew(bearer)
			continue
		}
		if len(data) < 2 || data[0] != kindInput {
			return nil, fmt.Errorf("the page: %w", errMessage)
		}
		return data, nil
	}
}

// readBearer reads what prolongs a desktop.
func readBearer(text []byte) (string, error) {
	var m struct {
		Bearer string `json:"bearer"`
	}
	if err := readShort(text, &m); err != nil {
		return "", err
	}
	if m.Bearer == "" || tooLong(m.Bearer) {
		return "", errMessage
	}
	return m.Bearer, nil
}

// Opened implements api.Viewer.
func (v *viewer) Opened(id string, path *warrenv1.Path) error {
	text, err := protojson.Marshal(path)
	if err != nil {
		return fmt.Errorf("encode path: %w", err)
	}
	return v.say(map[string]any{"opened": map[string]any{"session": id, "path": json.RawMessage(text)}})
}

// Moved implements api.Viewer.
func (v *viewer) Moved(path *warrenv1.Path) error {
	text, err := protojson.Marshal(path)
	if err != nil {
		return fmt.Errorf("encode path: %w", err)
	}
	return v.say(map[string]any{"path": json.RawMessage(text)})
}

func (v *viewer) say(word any) error {
	text, err := json.Marshal(word)
	if err != nil {
		return err
	}
	return v.conn.Write(v.ctx, websocket.MessageText, text)
}

// Send implements api.Viewer.
func (v *viewer) Send(message []byte) error {
	whole, err := v.joiner.Add(message)
	if err != nil {
		return fault.New(fault.Unavailable, "the device sends what no desktop sends: %w", err)
	}
	if whole == nil {
		return nil
	}
	if err := v.pass(whole); err != nil {
		return err
	}
	return v.conn.Write(v.ctx, websocket.MessageBinary, whole)
}

// Leave implements api.Viewer.
func (v *viewer) Leave() { _ = v.conn.CloseNow() }
