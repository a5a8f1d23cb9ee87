package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"warren/node/fault"
	"warren/node/platform"
)

// answer is what the control socket says: one line of JSON.
type answer struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`
	Kind   int    `json:"kind,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

func socketPath(dir string) string { return filepath.Join(dir, "control.sock") }

func answering(dir string) bool {
	c, err := net.DialTimeout("unix", socketPath(dir), time.Second) //nolint:noctx // bounded, local
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// Ask sends one command to the demo in dir: "status", "stop NAME", "start
// NAME"; the name "controllers" is all of them.
func Ask(ctx context.Context, dir, command string) (Status, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Status{}, fault.New(fault.Invalid, "--dir %s: %w", dir, err)
	}
	if _, err := os.Lstat(dir); err == nil {
		// What answers there tells this user's shell where to go.
		if err := platform.Private(dir); err != nil {
			return Status{}, err
		}
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", socketPath(dir))
	if err != nil {
		return Status{}, fault.New(fault.Unavailable, "no demo runs in %s", dir).Try("warren demo")
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, command+"\n"); err != nil {
		return Status{}, fault.New(fault.Unavailable, "ask the demo: %w", err)
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(c, 1<<20)).Decode(&a); err != nil {
		return Status{}, fault.New(fault.Unavailable, "the demo ended: %w", err)
	}
	if a.Error != "" {
		f := fault.New(fault.Kind(a.Kind), "%s", a.Error)
		f.Hint = a.Hint
		return a.Status, f
	}
	a.Status.Dir = dir
	return a.Status, nil
}

// serve answers commands, one after the other, until ctx ends.
func (d *Demo) serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		line, err := bufio.NewReader(io.LimitReader(c, 256)).ReadString('\n')
		if err == nil {
			a := answer{}
			if err := d.obey(ctx, strings.Fields(line)); err != nil {
				f := fault.Of(err)
				a.Error, a.Kind, a.Hint = f.Error(), int(f.Kind), f.Hint
			}
			a.Status = d.status()
			_ = json.NewEncoder(c).Encode(a)
		}
		_ = c.Close()
	}
}

func (d *Demo) obey(ctx context.Context, words []string) error {
	switch {
	case len(words) == 1 && words[0] == "status":
		return nil
	case len(words) == 2 && (words[0] == "stop" || words[0] == "start"):
	default:
		return fault.New(fault.Invalid, "the demo knows status, stop NAME and start NAME").Try("warren demo --help")
	}
	found := d.named(words[1])
	if len(found) == 0 {
		return fault.New(fault.NotFound, "the demo has no node %q", words[1]).Try("warren demo status")
	}
	// All at once: of controllers that stop one after the other the last ones
	// would look for the first.
	errs := make([]error, len(found))
	var wait sync.WaitGroup
	for i, p := range found {
		wait.Go(func() { errs[i] = d.set(ctx, p, words[0] == "start") })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil && (len(found) == 1 || fault.KindOf(err) != fault.Conflict) {
			return err
		}
	}
	return nil
}

// set starts or stops one node.
func (d *Demo) set(ctx context.Context, p *process, up bool) error {
	if !up {
		return p.stop()
	}
	d.mu.Lock()
	runs := p.cmd != nil
	d.mu.Unlock()
	if runs {
		return fault.New(fault.Conflict, "%s runs already", p.name).Try("warren demo status")
	}
	return p.start(ctx)
}

func (d *Demo) named(name string) []*process {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []*process
	for _, p := range d.nodes {
		if p.name == name || name == "controllers" && p.role == "controller" {
			out = append(out, p)
		}
	}
	return out
}
