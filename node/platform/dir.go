package platform

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"warren/node/fault"
)

// Dir is the state folder of one node: an absolute path.
type Dir string

// Path is the place of name in the folder.
func (d Dir) Path(name ...string) string {
	return filepath.Join(append([]string{string(d)}, name...)...)
}

// NodeKey is the machine's identity, a state file of mode 0600.
func (d Dir) NodeKey() string { return d.Path("node.key") }

// TechnicianKey is the key of the technician who works from this node, a state
// file of mode 0600; most nodes have none.
func (d Dir) TechnicianKey() string { return d.Path("technician.key") }

// Recovery is the recovery key as init wrote it, text for a person.
func (d Dir) Recovery() string { return d.Path("recovery.txt") }

// Socket is where the daemon listens.
func (d Dir) Socket() string { return d.Path("warren.sock") }

// Config is the optional configuration file.
func (d Dir) Config() string { return d.Path("warren.yaml") }

// Raft is a controller's folder for its log and snapshots.
func (d Dir) Raft() string { return d.Path("raft") }

// Held is a folder that says what technicians hold down on this machine's
// displays.
func (d Dir) Held() string { return d.Path("held") }

// View is the verified View this node last knew, a state file.
func (d Dir) View() string { return d.Path("view") }

func (d Dir) lock() string { return d.Path("warren.lock") }

// answerTimeout bounds how long a local daemon may take to accept.
const answerTimeout = 2 * time.Second

// Answers reports whether a daemon accepts connections on the folder's socket.
func (d Dir) Answers() bool { return answers(d.Socket()) }

func answers(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, answerTimeout) //nolint:noctx // bounded, and local
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// StateDir finds the state folder: flag, $WARREN_STATE, the system's folder
// where this user is root or its daemon answers, else the user's own. It
// creates nothing and the folder need not exist.
func StateDir(flag string) (Dir, error) { return resolve(flag, around()) }

func around() surroundings {
	return surroundings{env: os.Getenv, home: os.UserHomeDir, root: elevated(), answers: answers}
}

// surroundings are what the choice of a folder depends on.
type surroundings struct {
	env     func(string) string
	home    func() (string, error)
	root    bool
	answers func(socket string) bool
}

func resolve(flag string, s surroundings) (Dir, error) {
	for _, given := range []string{flag, s.env("WARREN_STATE")} {
		if given == "" {
			continue
		}
		abs, err := filepath.Abs(given)
		if err != nil {
			return "", fault.New(fault.Invalid, "state folder %q: %w", given, err)
		}
		return Dir(abs), nil
	}
	system := systemDir(s.env)
	if s.root || s.answers(system.Socket()) {
		return system, nil
	}
	own, err := userDir(s)
	if err != nil {
		return "", fault.New(fault.Invalid, "no state folder: %w", err).Try("--state DIR")
	}
	return own, nil
}

// Missed tells whether somebody looks for a node in their own folder, which has
// none, while the machine has one that root runs: most likely sudo was left out.
func Missed(d Dir) bool {
	return missed(d, around(), func(d Dir) bool {
		_, err := os.Stat(d.Path("member"))
		return err == nil
	})
}

func missed(d Dir, s surroundings, member func(Dir) bool) bool {
	own, err := userDir(s)
	return err == nil && !s.root && d == own && !member(own) && member(systemDir(s.env))
}

// SystemDir is the folder of the machine's service, whoever asks.
func SystemDir() Dir { return systemDir(os.Getenv) }

// xdgState follows the XDG Base Directory Specification 0.8: an absolute
// $XDG_STATE_HOME, else the fallback below the home folder.
func xdgState(s surroundings, fallback ...string) (Dir, error) {
	if x := s.env("XDG_STATE_HOME"); filepath.IsAbs(x) {
		return Dir(filepath.Join(x, "warren")), nil
	}
	home, err := s.home()
	if err != nil {
		return "", fmt.Errorf("find the home folder: %w", err)
	}
	return Dir(filepath.Join(append([]string{home}, fallback...)...)), nil
}
