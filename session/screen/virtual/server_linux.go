package virtual

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"warren/session/screen"
	"warren/session/screen/words"
)

const (
	// startTime is how long Xvfb may take to be there.
	startTime = 10 * time.Second
	// gentle is how long programs get to end by themselves.
	gentle = 2 * time.Second
)

// smallest and largest bound the display.
func smallest() image.Point { return image.Pt(320, 240) }
func largest() image.Point  { return image.Pt(7680, 4320) }

// managers are the window managers that are taken, the first that is there.
func managers() []string {
	return []string{"openbox", "icewm", "jwm", "matchbox-window-manager", "xfwm4", "metacity", "fluxbox", "twm"}
}

// server is a display that runs.
type server struct {
	name string // ":5"
	quit chan struct{}
	done chan struct{} // closed when all of it has ended
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop ends the display and waits for that.
func (s *server) stop() {
	close(s.quit)
	<-s.done
}

// programs finds what a display is made of.
func programs() (xvfb, manager string, err error) {
	if xvfb, err = exec.LookPath("Xvfb"); err != nil {
		return "", "", &screen.Unavailable{Said: words.NoXvfb.Say()}
	}
	for _, name := range managers() {
		if manager, err = exec.LookPath(name); err == nil {
			return xvfb, manager, nil
		}
	}
	return "", "", &screen.Unavailable{Said: words.NoWindows.Say()}
}

// as is a user of the machine.
type as struct {
	*user.User
	uid, gid   uint32
	credential *syscall.Credential // nil: the node's own
}

// whom gives the user that the display runs as.
func whom(name string, uid int) (as, error) {
	if uid != 0 {
		me, err := user.Current()
		if err != nil {
			return as{}, err
		}
		if name != me.Username {
			// A desktop of the node's own user can read the node's keys.
			return as{}, &screen.Unavailable{Said: words.VirtualAsNode.Say(me.Username)}
		}
		return as{User: me, uid: uint32(uid), gid: uint32(os.Getgid())}, nil //nolint:gosec // ids of this process
	}
	if name == "" {
		return as{}, &screen.Unavailable{Said: words.VirtualAsWhom.Say()}
	}
	u, err := user.Lookup(name)
	if err != nil {
		return as{}, &screen.Unavailable{Said: words.VirtualNoUser.Say(name)}
	}
	out := as{User: u}
	ids := make([]uint32, 2)
	for i, s := range []string{u.Uid, u.Gid} {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return as{}, err
		}
		ids[i] = uint32(n)
	}
	out.uid, out.gid = ids[0], ids[1]
	if out.uid == 0 {
		return as{}, &screen.Unavailable{Said: words.VirtualRoot.Say()}
	}
	out.credential = &syscall.Credential{Uid: out.uid, Gid: out.gid}
	groups, err := u.GroupIds()
	if err != nil {
		return as{}, err
	}
	for _, s := range groups {
		if n, err := strconv.ParseUint(s, 10, 32); err == nil {
			out.credential.Groups = append(out.credential.Groups, uint32(n))
		}
	}
	return out, nil
}

// start runs a display until stop; ctx bounds the start alone.
func start(ctx context.Context, cfg Config, size image.Point) (*server, error) {
	xvfb, manager, err := programs()
	if err != nil {
		return nil, err
	}
	who, err := whom(cfg.User, os.Geteuid())
	if err != nil {
		return nil, err
	}
	dir, err := folder(who)
	if err != nil {
		return nil, err
	}
	s := &server{quit: make(chan struct{}), done: make(chan struct{})}
	began := make(chan error, 1)
	go func() { // ends after quit, or when Xvfb does; stop waits for it
		defer close(s.done)
		defer func() { _ = os.RemoveAll(dir) }()
		// The kernel ends the programs with the thread that started them, and the
		// thread with the node.
		runtime.LockOSThread()
		err := s.run(cfg, who, dir, xvfb, manager, size, began)
		if err != nil {
			cfg.Log.Warn("virtual display ended", "err", err)
		}
	}()
	select {
	case err = <-began:
	case <-time.After(startTime):
		err = errors.New("it takes too long")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		s.stop()
		return nil, &screen.Unavailable{Said: words.VirtualFailed.Say(err.Error())}
	}
	cfg.Log.Info("virtual display started", "display", s.name, "user", who.Username)
	return s, nil
}

// keyFile is the display's key in its folder.
const keyFile = "key"

// folder makes one of its user alone, with the display's key. It becomes the
// user's last: whoever has a folder can put links into it that lead a root
// astray.
func folder(who as) (string, error) {
	dir, err := os.MkdirTemp("", "warren-display-")
	if err != nil {
		return "", err
	}
	err = writeKey(filepath.Join(dir, keyFile), who)
	if err == nil && who.credential != nil {
		err = os.Lchown(dir, int(who.uid), int(who.gid))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// fit is the display's size for a viewer's.
func fit(size image.Point) image.Point {
	if size.X <= 0 || size.Y <= 0 {
		return image.Pt(1920, 1080)
	}
	return image.Pt(min(max(size.X, smallest().X), largest().X), min(max(size.Y, smallest().Y), largest().Y))
}

// run starts Xvfb and the window manager, tells began, and waits.
func (s *server) run(cfg Config, who as, dir, xvfb, manager string, size image.Point, began chan<- error) error {
	size = fit(size)
	key := filepath.Join(dir, keyFile)
	told, tell, err := os.Pipe()
	if err != nil {
		began <- err
		return err
	}
	defer told.Close()
	x := s.command(who, dir, xvfb, "-displayfd", "3", "-auth", key, "-nolisten", "tcp", "-noreset",
		"-screen", "0", fmt.Sprintf("%dx%dx24", size.X, size.Y))
	x.ExtraFiles = []*os.File{tell}
	err = x.Start()
	tell.Close()
	if err != nil {
		began <- err
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- x.Wait() }() // ends with Xvfb, which end below sees to
	defer func() { end(x, gone) }()

	_ = told.SetReadDeadline(time.Now().Add(startTime))
	read := make(chan struct{})
	go func() { // ends with the reading
		select {
		case <-s.quit:
			_ = told.SetReadDeadline(time.Now())
		case <-read:
		}
	}()
	number, err := bufio.NewReader(told).ReadString('\n')
	close(read)
	number = strings.TrimSpace(number)
	if _, bad := strconv.Atoi(number); err != nil || bad != nil {
		err = errors.New("the X server did not say its display")
		began <- err
		return err
	}
	s.name = ":" + number
	m := s.command(who, dir, manager)
	m.Env = append(m.Env, "DISPLAY="+s.name, "XAUTHORITY="+key)
	if err := m.Start(); err != nil {
		began <- err
		return err
	}
	left := make(chan error, 1)
	go func() { left <- m.Wait() }() // ends with the manager
	defer func() { end(m, left) }()
	began <- nil
	for {
		select {
		case <-s.quit:
			return nil
		case err := <-gone:
			gone <- err
			return fmt.Errorf("the X server: %w", errors.Join(err, screen.ErrGone))
		case err := <-left:
			cfg.Log.Warn("window manager of the virtual display ended", "err", err)
			left <- err
			select {
			case <-s.quit:
				return nil
			case err := <-gone:
				gone <- err
				return fmt.Errorf("the X server: %w", errors.Join(err, screen.ErrGone))
			}
		}
	}
}

// command is a program of the display: nothing of the node's but a path.
func (s *server) command(who as, dir, name string, arguments ...string) *exec.Cmd {
	c := exec.Command(name, arguments...) //nolint:noctx // the session ends it, gently: see end
	c.Dir = dir
	home := who.HomeDir
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		home = dir
	}
	c.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games", "HOME=" + home, "USER=" + who.Username, "LOGNAME=" + who.Username, "LANG=C.UTF-8",
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: who.credential}
	return c
}

// end ends a program and its group, gently first. gone has its end.
func end(c *exec.Cmd, gone chan error) {
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
	select {
	case <-gone:
	case <-time.After(gentle):
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-gone
	}
}

// writeKey makes a file of keys (Xau(7)) with one for whatever display it is.
func writeKey(path string, who as) error {
	var key [16]byte
	rand.Read(key[:]) // never fails, see crypto/rand
	const wild = 0xffff
	b := binary.BigEndian.AppendUint16(nil, wild)
	for _, field := range [][]byte{nil, nil, []byte("MIT-MAGIC-COOKIE-1"), key[:]} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(field))) //nolint:gosec // a few bytes
		b = append(b, field...)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && who.credential != nil {
		err = f.Chown(int(who.uid), int(who.gid))
	}
	return errors.Join(err, f.Close())
}
