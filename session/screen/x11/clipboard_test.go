//go:build linux

package x11

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	warrenv1 "warren/api/warren/v1"
	"warren/session"
	"warren/session/screen"
	"warren/session/screen/words"
)

// copier is a viewer that copies and pastes.
type copier struct {
	typist
	mu    sync.Mutex
	got   content
	total int
	whole []content
	notes []string // of the viewer
	audit []string
}

func (s *server) copies(t *testing.T, rights session.Rights) *copier {
	t.Helper()
	c := &copier{}
	d := s.open(t)
	own, err := d.Seat(t.Context(), screen.SeatOptions{
		Request: session.Request{Verb: "control", Rights: rights, Note: func(what string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.audit = append(c.audit, what)
		}},
		Emit: c.event,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	c.typist = typist{t, own.(*seat)} //nolint:forcetypeassert // ours
	return c
}

func (c *copier) event(e *warrenv1.ScreenEvent) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := e.GetNote(); n != nil {
		c.notes = append(c.notes, n.GetText())
		return nil
	}
	p := e.GetClipboard()
	if p.GetOffset() == 0 {
		c.got, c.total = content{mime: p.GetMime()}, int(p.GetTotal())
	}
	if int(p.GetOffset()) != len(c.got.data) || int(p.GetTotal()) != c.total || len(p.GetPart()) > copyPart {
		c.Errorf("a part at %d of %d after %d bytes", p.GetOffset(), p.GetTotal(), len(c.got.data))
	}
	if c.got.data = append(c.got.data, p.GetPart()...); len(c.got.data) == c.total {
		c.whole = append(c.whole, c.got)
	}
	return nil
}

// copy is what the viewer's page sends.
func (c *copier) copy(mime string, b []byte) error {
	for at := 0; at < len(b); at += copyPart {
		err := c.seat.Take(context.Background(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Clipboard{Clipboard: &warrenv1.ScreenClipboard{
			Mime: mime, Total: uint32(len(b)), Offset: uint32(at), Part: b[at:min(at+copyPart, len(b))],
		}}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) seen() (whole []content, notes, audit []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.whole), slices.Clone(c.notes), slices.Clone(c.audit)
}

// paste is what a program of the display gets.
func (s *server) paste(t *testing.T, target string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "xclip", "-display", s.name, "-selection", "clipboard", "-o", "-t", target)
	return cmd.Output()
}

// copy is done by a program of the display.
func (s *server) copy(t *testing.T, target string, b []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copied")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "xclip", "-display", s.name, "-selection", "clipboard", "-i", "-t", target, "-quiet", file)
	if err := cmd.Start(); err != nil {
		t.Fatalf("xclip: %v; try: scripts/setup.sh base", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func somePNG(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return append([]byte(magicPNG), b...)
}

// TestClipboard: text and pictures, small and in pieces, both ways, each in the
// audit log without what was in it.
func TestClipboard(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	c := s.copies(t, session.Rights{ClipboardIn: true, ClipboardOut: true})
	large := []byte(strings.Repeat("Größe 漢字 ", 200_000))
	for i, one := range []struct {
		mime, target string
		data         []byte
	}{
		{mimeText, "UTF8_STRING", []byte("Grüße, 漢字 🙂\nund mehr")},
		{mimeText, "UTF8_STRING", large},
		{mimePNG, "image/png", somePNG(1000)},
		{mimePNG, "image/png", somePNG(5 << 20)},
	} {
		if err := c.copy(one.mime, one.data); err != nil {
			t.Fatal(err)
		}
		if got, err := s.paste(t, one.target); err != nil || !bytes.Equal(got, one.data) {
			t.Errorf("%d: pasted %d bytes of %d, %v", i, len(got), len(one.data), err)
		}
		s.copy(t, one.target, one.data)
		eventually(t, "the copy has come", func() bool { w, _, _ := c.seen(); return len(w) == i+1 })
		if w, _, _ := c.seen(); w[i].mime != one.mime || !bytes.Equal(w[i].data, one.data) {
			t.Errorf("%d: copied %s of %d bytes, want %d", i, w[i].mime, len(w[i].data), len(one.data))
		}
	}
	_, _, audit := c.seen()
	if len(audit) != 8 || audit[0] != "copied text, 29 bytes, to the device" || audit[1] != "copied text, 29 bytes, from the device" ||
		audit[7] != "copied a picture, 5242888 bytes, from the device" {
		t.Errorf("audit: %q", audit)
	}
	// Programs that know Latin 1 alone.
	if err := c.copy(mimeText, []byte("Größe 漢")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.paste(t, "STRING"); err != nil || string(got) != "Gr\xf6\xdfe ?" {
		t.Errorf("as STRING: %q, %v", got, err)
	}
	if got, err := s.paste(t, "image/png"); err == nil && len(got) > 0 {
		t.Errorf("text as a picture: %q", got)
	}
}

// TestClipboardDirections: a copy that the policy does not let travel stays.
func TestClipboardDirections(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	in := s.copies(t, session.Rights{ClipboardIn: true})
	out := s.copies(t, session.Rights{ClipboardOut: true})
	if err := out.copy(mimeText, []byte("secret")); !errors.Is(err, screen.ErrUnable) {
		t.Errorf("against the policy: %v", err)
	}
	if got, err := s.paste(t, "UTF8_STRING"); err == nil && len(got) > 0 {
		t.Errorf("pasted %q", got)
	}
	s.copy(t, "UTF8_STRING", []byte("from a program"))
	eventually(t, "one has it", func() bool { w, _, _ := out.seen(); return len(w) == 1 })
	if w, _, audit := in.seen(); len(w) != 0 || len(audit) != 0 {
		t.Errorf("the other has %v, audit %q", w, audit)
	}
	if a, b := in.seat.Clipboard(); !a || b {
		t.Errorf("directions: %v, %v", a, b)
	}
}

// TestCopiesWhileASeatIsTaken: events come before all of the seat is there; the
// race detector looks on.
func TestCopiesWhileASeatIsTaken(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	owner, _ := s.window(t)
	name, err := xproto.InternAtom(s.link.Conn, false, 9, "CLIPBOARD").Reply()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var copying sync.WaitGroup
	copying.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if xproto.SetSelectionOwnerChecked(s.link.Conn, owner, name.Atom, xproto.TimeCurrentTime).Check() != nil {
				return
			}
		}
	})
	for range 20 {
		if err := s.copies(t, session.Rights{ClipboardOut: true}).seat.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	copying.Wait()
}

// TestNotesDoNotPileUp: a viewer who reads nothing is told once, later on.
func TestNotesDoNotPileUp(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	reads := make(chan struct{})
	var mu sync.Mutex
	said := 0
	y := s.sit(t, session.Rights{ClipboardOut: true}, func(*warrenv1.ScreenEvent) error {
		<-reads
		mu.Lock()
		defer mu.Unlock()
		said++
		return nil
	})
	before := runtime.NumGoroutine()
	for range 500 {
		y.seat.clip.Load().say(words.CopyStaysThere.Say("8"))
	}
	if n := runtime.NumGoroutine(); n > before+5 {
		t.Errorf("%d goroutines wait for the viewer", n-before)
	}
	close(reads)
	eventually(t, "word of it", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return said > 0
	})
	if err := y.seat.Close(); err != nil { // waits for what is being sent
		t.Error(err)
	}
	if said > 2 {
		t.Errorf("said %d times", said)
	}
}

// TestManyWhoPaste: programs that ask for a copy and do not take it have this
// node keep it once.
func TestManyWhoPaste(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	c := s.copies(t, session.Rights{ClipboardIn: true})
	if err := c.copy(mimeText, bytes.Repeat([]byte("ö"), incrFrom)); err != nil {
		t.Fatal(err)
	}
	clip := c.seat.clip.Load()
	first := clip.latin(clip.own.data)
	if again := clip.latin(clip.own.data); len(first) != incrFrom || &again[0] != &first[0] {
		t.Errorf("%d bytes, made for each who pastes", len(first))
	}
	if err := c.copy(mimeText, []byte("Größe")); err != nil {
		t.Fatal(err)
	}
	if got := clip.latin(clip.own.data); string(got) != "Gr\xf6\xdfe" {
		t.Errorf("another copy is %q", got)
	}
}

// TestCopiesWithoutEnd: a program that copies something new without end is not
// even asked for what may not travel.
func TestCopiesWithoutEnd(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	c := s.copies(t, session.Rights{ClipboardOut: true})
	asked := make(chan struct{}, 1000)
	l, err := connect(t.Context(), s.place(t), func(_ *link, e event) {
		if e.number == xproto.SelectionRequest {
			asked <- struct{}{}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	owns := func() {
		t.Helper()
		w, err := xproto.NewWindowId(l.Conn)
		if err == nil {
			err = xproto.CreateWindowChecked(l.Conn, 0, w, l.screen.Root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil).Check()
		}
		if err == nil {
			err = xproto.SetSelectionOwnerChecked(l.Conn, w, c.seat.clip.Load().atoms["CLIPBOARD"], xproto.TimeCurrentTime).Check()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	owns()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("the first one is not asked for")
	}
	clip := c.seat.clip.Load()
	clip.mu.Lock()
	clip.count[1] = rate{time.Now(), maxCopies}
	clip.mu.Unlock()
	for range 5 {
		owns()
	}
	time.Sleep(300 * time.Millisecond)
	if n := len(asked); n > 0 {
		t.Errorf("%d were asked for", n)
	}
}

// TestClipboardBounds: what is too large, too often or not what it says.
func TestClipboardBounds(t *testing.T) {
	s := startServer(t, "-screen", "0", "640x480x24")
	c := s.copies(t, session.Rights{ClipboardIn: true, ClipboardOut: true})
	part := func(p *warrenv1.ScreenClipboard) error {
		return c.seat.Take(t.Context(), &warrenv1.ScreenInput{Input: &warrenv1.ScreenInput_Clipboard{Clipboard: p}})
	}
	for _, test := range []struct {
		name string
		p    *warrenv1.ScreenClipboard
		want error
	}{
		{"too large", &warrenv1.ScreenClipboard{Mime: mimeText, Total: maxCopy + 1, Part: []byte("x")}, screen.ErrUnable},
		{"empty", &warrenv1.ScreenClipboard{Mime: mimeText}, session.ErrInvalid},
		{"out of turn", &warrenv1.ScreenClipboard{Mime: mimeText, Total: 9, Offset: 5, Part: []byte("x")}, session.ErrInvalid},
		{"longer than it says", &warrenv1.ScreenClipboard{Mime: mimeText, Total: 1, Part: []byte("xx")}, session.ErrInvalid},
		{"not UTF-8", &warrenv1.ScreenClipboard{Mime: mimeText, Total: 1, Part: []byte{0xff}}, session.ErrInvalid},
		{"no PNG", &warrenv1.ScreenClipboard{Mime: mimePNG, Total: 4, Part: []byte("GIF8")}, session.ErrInvalid},
		{"another kind", &warrenv1.ScreenClipboard{Mime: "text/html", Total: 1, Part: []byte("x")}, session.ErrInvalid},
	} {
		if err := part(test.p); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	s.copy(t, "image/png", somePNG(maxCopy+1))
	eventually(t, "word that it is too large", func() bool { _, notes, _ := c.seen(); return len(notes) == 1 })
	var err error
	for range maxCopies + 1 {
		if err = c.copy(mimeText, []byte("again")); err != nil {
			break
		}
	}
	if !errors.Is(err, screen.ErrUnable) {
		t.Errorf("a flood: %v", err)
	}
	if w, _, _ := c.seen(); len(w) != 0 {
		t.Errorf("came: %d", len(w))
	}
}
