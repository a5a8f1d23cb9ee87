//go:build linux

package x11

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxProcesses and maxEnvironment bound the search for keys.
	maxProcesses   = 32 << 10
	maxEnvironment = 128 << 10
	// maxSockets bounds the list of the system's sockets, in bytes; accepting
	// marks those in it that somebody listens at.
	maxSockets = 1 << 20
	accepting  = "00010000"
	// maxPlaces and maxFiles bound the displays, and the files of keys of each.
	maxPlaces = 64
	maxFiles  = 16
	sockets   = "/tmp/.X11-unix"
	// maxNames bounds what is read of that folder.
	maxNames = 1 << 17
)

// place is where a display's server listens.
type place struct {
	name    string // ":0"
	number  int
	socket  string   // a path, or "@" and an abstract name
	owner   uint32   // whose that is
	cookies []cookie // keys that may open it
}

// finding is what this machine has of displays.
type finding struct {
	// places begin with this process's own display, where it has one.
	places []place
	// wayland names sessions that cannot be looked at, by their socket.
	wayland []string
}

// probe looks for displays; it connects to none.
type probe struct {
	// proc is /proc. roots are where files are looked for: this process's root,
	// and the system's where a service manager hides a part of it.
	proc  string
	roots []string
	env   func(string) string
}

func newProbe() probe {
	return probe{proc: "/proc", roots: []string{"", "/proc/1/root"}, env: os.Getenv}
}

func (p probe) look() finding {
	var f finding
	for _, root := range p.roots {
		found, _ := filepath.Glob(root + "/run/user/*/wayland-*")
		for _, path := range found {
			path = strings.TrimPrefix(path, root)
			if !strings.HasSuffix(path, ".lock") && !slices.Contains(f.wayland, path) {
				f.wayland = append(f.wayland, path)
			}
		}
	}
	at, _ := p.sockets()
	files := p.authorities(at)
	f.places = p.placesOf(at)
	for i := range f.places {
		f.places[i].owner = ownerOf(f.places[i].socket)
		f.places[i].cookies = keysIn(files[f.places[i].number], f.places[i].number)
	}
	return f
}

// found is where a server may listen, whose that is, and what tells one from
// another in the same place.
type found struct {
	number int
	socket string
	owner  uint32
	sign   string
}

// sockets are where servers of displays listen, or did. Signs are others when
// one has come or gone, and not when programs connect.
func (p probe) sockets() (at map[int]string, signs string) {
	var all []found
	known := map[int]bool{}
	note := func(f found) {
		if !known[f.number] {
			known[f.number] = true
			all = append(all, f)
		}
	}
	for _, root := range p.roots {
		for _, n := range numbered(root + sockets) {
			path := root + sockets + "/X" + strconv.Itoa(n)
			if s, err := os.Lstat(path); err == nil {
				note(found{n, path, ownerOf(path), fmt.Sprintln(path, s.ModTime().UnixNano())})
			}
		}
	}
	// Abstract sockets are seen whatever files are hidden.
	inodes := map[int]string{}
	for line := range strings.Lines(string(p.read("net/unix", maxSockets))) {
		fields := strings.Fields(line)
		if len(fields) != 8 || fields[3] != accepting {
			continue
		}
		path, abstract := strings.CutPrefix(fields[7], "@")
		name, ok := strings.CutPrefix(path, sockets+"/X")
		n, isNumber := number(name)
		if !ok || !isNumber {
			continue
		}
		inodes[n] += fmt.Sprintln(fields[6], fields[7])
		if abstract {
			note(found{n, fields[7], unknownUser, ""})
		}
	}
	at = map[int]string{}
	var seen strings.Builder
	for _, f := range fair(all, func(f found) uint32 { return f.owner }, maxPlaces) {
		at[f.number] = f.socket
		seen.WriteString(f.sign + inodes[f.number])
	}
	return at, seen.String()
}

// placesOf puts displays in order: this process's own first.
func (p probe) placesOf(at map[int]string) (out []place) {
	for n, socket := range at {
		out = append(out, place{name: ":" + strconv.Itoa(n), number: n, socket: socket})
	}
	own, err := displayNumber(p.env("DISPLAY"))
	if err != nil { // none, or one on another machine
		own = -1
	}
	slices.SortFunc(out, func(a, b place) int {
		switch own {
		case a.number:
			return -1
		case b.number:
			return 1
		}
		return cmp.Compare(a.number, b.number)
	})
	return out
}

// keysIn reads the files that may hold a display's keys.
func keysIn(files []string, number int) (out []cookie) {
	for _, path := range files {
		for _, c := range cookies(path, number) {
			same := func(o cookie) bool { return o.owner == c.owner && bytes.Equal(o.data, c.data) }
			if !slices.ContainsFunc(out, same) {
				out = append(out, c)
			}
		}
		out = fair(out, func(c cookie) uint32 { return c.owner }, maxCookies)
	}
	return out
}

// keyFile may hold a display's keys, as a process of a user says.
type keyFile struct {
	path string
	says uint32
}

// authorities finds the files that may hold the displays' keys: this user's
// own, those that servers were started with, and those that programs on the
// displays use.
func (p probe) authorities(at map[int]string) map[int][]string {
	files := map[int][]keyFile{}
	add := func(n int, path string, says uint32) {
		same := func(o keyFile) bool { return o.path == path }
		if at[n] != "" && path != "" && !slices.ContainsFunc(files[n], same) {
			files[n] = fair(append(files[n], keyFile{path, says}), func(f keyFile) uint32 { return f.says }, maxFiles)
		}
	}
	self := uint32(os.Geteuid()) //nolint:gosec // a user's number
	for n := range at {
		add(n, p.env("XAUTHORITY"), self)
		if home := p.env("HOME"); home != "" {
			add(n, home+"/.Xauthority", self)
		}
	}
	if len(at) == 0 {
		return nil
	}
	entries, _ := os.ReadDir(p.proc)
	looked := 0
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if looked++; looked > maxProcesses {
			break
		}
		root := filepath.Join(p.proc, e.Name(), "root")
		says := startedBy(p.read(e.Name()+"/status", 4<<10))
		if n, path := started(p.read(e.Name()+"/cmdline", 16<<10)); path != "" {
			for display := range at {
				if n < 0 || n == display {
					add(display, root+path, says)
				}
			}
		}
		n, path, home := used(p.read(e.Name()+"/environ", maxEnvironment))
		if n < 0 {
			continue
		}
		if path == "" && home != "" {
			path = home + "/.Xauthority"
		}
		if strings.HasPrefix(path, "/") {
			add(n, root+path, says)
		}
	}
	out := map[int][]string{}
	for n, all := range files {
		for _, f := range all {
			out[n] = append(out[n], f.path)
		}
	}
	return out
}

// started reads an X server's command line: its file of keys, and its display,
// which is -1 where the server was left to choose.
func started(cmdline []byte) (display int, authority string) {
	display = -1
	words := strings.Split(string(cmdline), "\x00")
	for i, w := range words {
		if rest, is := strings.CutPrefix(w, ":"); is && display < 0 {
			if n, is := number(rest); is {
				display = n
			}
		}
		if w == "-auth" && i+1 < len(words) && strings.HasPrefix(words[i+1], "/") {
			authority = words[i+1]
		}
	}
	return display, authority
}

// used reads a program's environment: the display it is on, -1 for none, its
// file of keys and its home.
func used(environ []byte) (display int, authority, home string) {
	display = -1
	for v := range strings.SplitSeq(string(environ), "\x00") {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "DISPLAY":
			value, _, _ = strings.Cut(strings.TrimPrefix(value, ":"), ".")
			if n, ok := number(value); ok {
				display = n
			}
		case "XAUTHORITY":
			authority = value
		case "HOME":
			home = value
		}
	}
	return display, authority, home
}

// number reads a display's number.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= 65535 && strconv.Itoa(n) == s
}

// read gives the beginning of a file below proc.
func (p probe) read(name string, most int64) []byte {
	f, err := os.Open(filepath.Join(p.proc, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, most))
	return b
}

// displayNumber reads what a person calls a display: ":1", ":1.0" or "1".
func displayNumber(name string) (int, error) {
	n, _, _ := strings.Cut(strings.TrimPrefix(name, ":"), ".")
	if i, ok := number(n); ok {
		return i, nil
	}
	return 0, fmt.Errorf("%.40q is no display on this machine", name)
}
