//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/screentest"
	"warren/session/screen/tiles"
	"warren/session/sessiontest"
)

func TestPictureEqualsTheServers(t *testing.T) {
	sessiontest.NoLeaks(t)
	s := startServer(t, "-screen", "0", "1000x700x24")
	w := watch(t, &warrenv1.ScreenRequest{Display: s.name})
	second := watch(t, &warrenv1.ScreenRequest{Display: s.name})
	w.sees(t, s, image.Rect(0, 0, 1000, 700))
	s.storm(t, image.Pt(1000, 700), 2*time.Second)
	w.sees(t, s, image.Rect(0, 0, 1000, 700))
	second.sees(t, s, image.Rect(0, 0, 1000, 700))
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d frames", w.frames)
	if w.cursors == 0 || len(w.ready.GetLimits()) != 0 || w.ready.GetDisplay() != s.name {
		t.Errorf("%d shapes of the pointer, ready %v", w.cursors, w.ready)
	}
}

func TestDisplayIsFittedToTheViewer(t *testing.T) {
	s := startServer(t, "-screen", "0", "1280x1024x24")
	w := watchAs(t, screen.Control, &warrenv1.ScreenRequest{Display: s.name, MaxWidth: 801, MaxHeight: 603, Resize: true})
	s.fill(t, image.Rect(0, 0, 50, 50), 0xabcdef)
	until(t, "display of 801 by 603", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.ready.GetWidth() == 801 && w.ready.GetHeight() == 603
	})
	w.sees(t, s, image.Rect(0, 0, 801, 603))
	for _, size := range []image.Point{{640, 480}, {1024, 768}, {700, 900}} {
		view := &warrenv1.ScreenView{Width: uint32(size.X), Height: uint32(size.Y), Resize: true}
		if err := w.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_View{View: view}}); err != nil {
			t.Fatal(err)
		}
		until(t, fmt.Sprint("display of ", size), func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return int(w.ready.GetWidth()) == size.X && int(w.ready.GetHeight()) == size.Y
		})
		s.fill(t, image.Rect(0, 0, size.X, size.Y), 0x123456)
		s.fill(t, image.Rect(size.X/2, 0, size.X, size.Y/2), 0x654321)
		w.sees(t, s, image.Rectangle{Max: size})
	}
}

// TestRefusedSizeLeavesTheDisplay as it was, and does not turn it off.
func TestRefusedSizeLeavesTheDisplay(t *testing.T) {
	s := startServer(t, "-screen", "0", "1280x1024x24")
	d := s.open(t)
	res, err := randr.GetScreenResourcesCurrent(d.Conn, d.screen.Root).Reply()
	if err != nil {
		t.Fatal(err)
	}
	output, info, err := d.only(res)
	if err != nil {
		t.Fatal(err)
	}
	mode, err := d.mode(res, output, info, 800, 600)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.set(res, output, info, mode, 400, 300); !errors.Is(err, screen.ErrUnable) {
		t.Fatalf("a mode larger than the display: %v", err)
	}
	crtc, err := randr.GetCrtcInfo(d.Conn, info.Crtc, res.ConfigTimestamp).Reply()
	if err != nil || crtc.Mode == 0 || crtc.Width != 1280 || crtc.Height != 1024 {
		t.Errorf("it shows %+v, %v", crtc, err)
	}
	if l, err := d.Layout(); err != nil || l.Size != image.Pt(1280, 1024) {
		t.Errorf("it has %v, %v", l.Size, err)
	}
}

func TestMonitors(t *testing.T) {
	s := startServer(t, "-screen", "0", "900x400x24")
	if err := s.link.extension(extRandR); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"left \xff" + strings.Repeat("é", 10_000), "right"} {
		atom, err := xproto.InternAtom(s.link.Conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			t.Fatal(err)
		}
		err = randr.SetMonitorChecked(s.link.Conn, s.link.screen.Root, randr.MonitorInfo{
			Name: atom.Atom, Primary: i == 1, X: int16(500 * i), Width: uint16(500 - 100*i), Height: 400,
		}).Check()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.fill(t, image.Rect(480, 10, 530, 50), 0xff8800)
	w := watch(t, &warrenv1.ScreenRequest{Display: s.name})
	w.sees(t, s, image.Rect(0, 0, 900, 400))
	w.mu.Lock()
	monitors := w.ready.GetMonitors()
	w.mu.Unlock()
	at := slices.IndexFunc(monitors, func(m *warrenv1.ScreenMonitor) bool { return m.GetName() == "right" })
	if one := slices.IndexFunc(monitors, func(m *warrenv1.ScreenMonitor) bool { return strings.HasPrefix(m.GetName(), "left é") }); one < 0 || len(monitors[one].GetName()) > maxName {
		t.Errorf("monitors %v", monitors)
	}
	if at < 0 || !monitors[at].GetPrimary() || monitors[at].GetX() != 500 || monitors[at].GetWidth() != 400 {
		t.Errorf("monitors %v", monitors)
	}
	for monitor, region := range map[uint32]image.Rectangle{monitors[at].GetId(): image.Rect(500, 0, 900, 400), 0: image.Rect(0, 0, 900, 400)} {
		if err := w.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_View{View: &warrenv1.ScreenView{Monitor: monitor}}}); err != nil {
			t.Fatal(err)
		}
		w.sees(t, s, region)
	}
}

func TestSizes(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {7680, 4320}} {
		s := startServer(t, "-screen", "0", fmt.Sprintf("%dx%dx24", size.X, size.Y))
		w := watch(t, &warrenv1.ScreenRequest{Display: s.name})
		s.fill(t, image.Rect(size.X/2, size.Y/2, size.X, size.Y), 0x8899aa)
		all := image.Rectangle{Max: size}
		w.seesPart(t, s, all, image.Rectangle{Min: size.Sub(image.Pt(600, 300)), Max: size}.Intersect(all))
	}
}

func TestServerWithoutRandR(t *testing.T) {
	s := startServer(t, "-extension", "RANDR", "-screen", "0", "300x200x24")
	w := watchAs(t, screen.Control, &warrenv1.ScreenRequest{Display: s.name, MaxWidth: 100, MaxHeight: 100, Resize: true})
	w.sees(t, s, image.Rect(0, 0, 300, 200))
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ready.GetMonitors()) != 1 || len(w.ready.GetLimits()) != 1 {
		t.Errorf("ready %v", w.ready)
	}
}

func TestDisplayDies(t *testing.T) {
	s := startServer(t, "-screen", "0", "300x200x24")
	w := watch(t, &warrenv1.ScreenRequest{Display: s.name})
	w.sees(t, s, image.Rect(0, 0, 300, 200))
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var end *session.EndError
	select {
	case err := <-w.done:
		if !errors.As(err, &end) || end.Reason != "the display has ended" {
			t.Errorf("the session ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the session goes on without its display")
	}
}

// TestServerHangs: a session ends although its server answers nothing, neither
// who looks nor who types.
func TestServerHangs(t *testing.T) {
	for verb, within := range map[string]time.Duration{screen.View: time.Second, screen.Control: 2 * time.Second} {
		t.Run(verb, func(t *testing.T) {
			s := startServer(t, "-screen", "0", "300x200x24")
			w := watchAs(t, verb, &warrenv1.ScreenRequest{Display: s.name})
			w.sees(t, s, image.Rect(0, 0, 300, 200))
			if err := s.process.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			if verb == screen.Control {
				key := &warrenv1.ScreenKey{Code: "KeyA", Key: "a", Down: true}
				if err := w.Input(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Key{Key: key}}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(2 * pointerPoll)
			w.stop()
			select {
			case <-w.done:
			case <-time.After(within + time.Second): // room for a loaded machine
				t.Fatalf("the session did not end within %v", within)
			}
		})
	}
}

// TestServerThatHangsIsTriedOnce: each key would take its time.
func TestServerThatHangsIsTriedOnce(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "X1")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begun := time.Now()
	if _, err := connect(t.Context(), place{name: ":1", socket: socket, cookies: make([]cookie, 16)}, func(*link, event) {}); err == nil {
		t.Fatal("a server that says nothing lets in")
	}
	if took := time.Since(begun); took > 2*connectTime {
		t.Errorf("it was waited for %v", took)
	}
}

// pointerPoll is longer than a session leaves its server alone.
const pointerPoll = 100 * time.Millisecond

// TestServersOfOthers: a server with a key, run by another user, whose key and
// memory are found nonetheless.
func TestServersOfOthers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root reaches other users' servers")
	}
	s := startNobodys(t)
	if _, err := connectWith(t.Context(), place{name: s.name, socket: s.place(t).socket}, nil, func(*link, event) {}); err == nil {
		t.Fatal("the server lets anybody in")
	}
	if open, _ := New(Config{}).Look(t.Context()); !slices.Contains(open, s.name) {
		t.Errorf("of the displays open %v", open)
	}
	d := s.open(t)
	if _, err := d.Layout(); err != nil {
		t.Fatal(err)
	}
	if d.memory == nil {
		t.Error("a server that is another user's cannot reach the memory")
	}
	s.fill(t, image.Rect(0, 0, 10, 10), 0xff0000)
	if p, err := d.Grab(image.Rect(0, 0, 1, 1)); err != nil || p[2] != 255 {
		t.Errorf("grab %x, %v", p, err)
	}
	// No memory is left with the system when the last has let go.
	left, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(left)) {
		if f := strings.Fields(line); f[4] == fmt.Sprint(os.Getpid()) && !strings.HasPrefix(f[2], "1600") && f[2] != "3600" {
			t.Errorf("memory with rights %s is not marked to go", f[2])
		}
	}
}

func TestNothingToOpen(t *testing.T) {
	_, err := New(Config{}).Open(t.Context(), screen.Want{Display: ":59999"})
	var no *screen.Unavailable
	if !errors.As(err, &no) || no.Said.Code == "" {
		t.Errorf("a display that is not there: %v", err)
	}
	gone := filepath.Join(t.TempDir(), "X1")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: gone})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := openPlace(t.Context(), place{name: ":1", socket: gone}); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("what a server has left: %v", err)
	}
	if err := unavailable(finding{wayland: []string{"/run/user/1000/wayland-0"}}, nil); !strings.Contains(err.Error(), "Wayland") {
		t.Errorf("a Wayland session: %v", err)
	}
}

func TestConformance(t *testing.T) {
	s := startServer(t, "-screen", "0", "300x200x24")
	lasting := request(t, screen.View, &warrenv1.ScreenRequest{Display: s.name})
	sessiontest.Run(t, sessiontest.Factory{
		Kind:    func() session.Kind { return kindOf(screen.View) },
		Request: lasting, Lasting: lasting, Flood: &lasting,
		Exchange: func(ctx context.Context, stream session.Stream) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			whole := false
			err := screentest.NewClient(stream, screentest.Output{Painted: func(f tiles.Frame, _ *image.NRGBA) {
				if f.Flags&tiles.Complete != 0 {
					whole = true
					cancel()
				}
			}}).Run(ctx)
			if whole || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		},
		Senseless: [][]byte{[]byte("\xff\xff\xff")},
	})
}
