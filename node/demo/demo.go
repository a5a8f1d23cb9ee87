package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"warren/node/fault"
	"warren/node/platform"
)

// MaxDevices bounds what one machine is asked to carry.
const MaxDevices = 50

// Desk is the technician's node.
const Desk = "desk"

// controllers are the first three nodes; the first founds the mesh.
func controllers() []string { return []string{"hq-1", "hq-2", "hq-3"} }

// Config of a demo.
type Config struct {
	// Exe is the warren binary to run.
	Exe string
	// Dir is the folder for everything; it must be new or empty.
	Dir     string
	Devices int
	// Say gets a line of progress for people.
	Say func(format string, args ...any)
	// Ready is called once, when all nodes serve.
	Ready func(Status)
}

// Node is one process of the demo.
type Node struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	State   string `json:"state"` // its state folder
	Port    int    `json:"port"`
	Running bool   `json:"running"`
	PID     int    `json:"pid"`
}

// Status is a running demo.
type Status struct {
	Dir   string `json:"dir"`
	Nodes []Node `json:"nodes"`
}

// DefaultDir is where this user's demo lies unless told otherwise.
func DefaultDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("warren-demo-%d", os.Getuid()))
}

// Demo is a mesh of processes.
type Demo struct {
	cfg Config

	mu    sync.Mutex
	nodes []*process
	group *errgroup.Group
	ctx   context.Context //nolint:containedctx // the lifetime of the children, set by Run alone
}

// Run builds the mesh and keeps it until ctx ends; then nothing of it is left.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Devices < 0 || cfg.Devices > MaxDevices {
		return fault.New(fault.Invalid, "--devices %d is not between 0 and %d", cfg.Devices, MaxDevices).Try("--devices 2")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return fault.New(fault.Invalid, "--dir %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if err := claim(cfg.Dir); err != nil {
		return err
	}
	defer func() { _ = platform.RemoveAll(cfg.Dir) }()
	d := &Demo{cfg: cfg}
	control, err := platform.ListenSocket(ctx, socketPath(cfg.Dir))
	if err != nil {
		return err
	}
	defer control.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.group, d.ctx = errgroup.WithContext(ctx)
	d.group.Go(func() error { return d.serve(d.ctx, control) })
	d.group.Go(func() error {
		began := time.Now()
		if err := d.build(d.ctx); err != nil {
			return err
		}
		cfg.Say("%d machines are up after %.1f s.", len(d.nodes), time.Since(began).Seconds())
		if cfg.Ready != nil {
			cfg.Ready(d.status())
		}
		<-d.ctx.Done()
		return nil
	})
	err = d.group.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) { // ended while it was building
		return nil
	}
	return err
}

// claim makes the folder, and clears away what a demo left that was killed.
func claim(dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		if err := platform.Private(dir); err != nil {
			return err
		}
	}
	if platform.Dir(dir).Answers() || answering(dir) {
		return fault.New(fault.Conflict, "a demo runs in %s already", dir).Try("warren demo status")
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err == nil {
		if err := os.RemoveAll(dir); err != nil {
			return fault.New(fault.Denied, "clear away an earlier demo: %w", err).Try("--dir DIR")
		}
	}
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return fault.New(fault.Conflict, "%s is not empty", dir).Try("another --dir")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Denied, "%w", err).Try("--dir DIR")
	}
	if err := platform.Private(dir); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, marker), []byte("A warren demo; it may be deleted.\n"), 0o600)
}

const marker = "warren-demo"

func (d *Demo) status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := Status{Dir: d.cfg.Dir, Nodes: []Node{}}
	for _, p := range d.nodes {
		s.Nodes = append(s.Nodes, p.node())
	}
	return s
}

// build founds the mesh and lets every node join. Each starts while the next
// one joins.
func (d *Demo) build(ctx context.Context) error {
	names := controllers()
	// The founder's node and the technician's have a console each.
	ports, err := freePorts(len(names) + 1 + d.cfg.Devices + 2)
	if err != nil {
		return err
	}
	consoles := ports[len(ports)-2:]
	add := func(name, role string) *process {
		p := &process{demo: d, name: name, role: role, dir: filepath.Join(d.cfg.Dir, name), port: ports[len(d.nodes)]}
		if name == names[0] || name == Desk {
			p.console, consoles = consoles[0], consoles[1:]
		}
		d.mu.Lock()
		d.nodes = append(d.nodes, p)
		d.mu.Unlock()
		return p
	}
	hq := add(names[0], "controller")
	d.cfg.Say("Founding the mesh on %s ...", hq.name)
	if err := hq.verb(ctx, nil, "init", "--name", "demo", "--node", hq.name); err != nil {
		return err
	}
	if err := hq.start(ctx); err != nil {
		return err
	}
	starting, ctx := errgroup.WithContext(ctx)
	let := func(p *process, invite ...string) error {
		if err := d.join(ctx, hq, p, invite...); err != nil {
			return err
		}
		starting.Go(func() error { return p.start(ctx) })
		return nil
	}
	join := func() error {
		for _, name := range names[1:] {
			d.cfg.Say("Inviting the controller %s ...", name)
			if err := let(add(name, "controller"), "--role", "controller"); err != nil {
				return err
			}
		}
		d.cfg.Say("Inviting the technician, who works from %s ...", Desk)
		if err := let(add(Desk, "technician"), "--role", "technician", "--admin"); err != nil {
			return err
		}
		for i := range d.cfg.Devices {
			p := add(fmt.Sprintf("kiosk-%d", i+1), "device")
			d.cfg.Say("Inviting %s ...", p.name)
			if err := let(p, "--tag", "kiosk"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(join(), starting.Wait()); err != nil {
		return err
	}
	for _, name := range names[1:] {
		d.cfg.Say("Giving %s its vote ...", name)
		if err := hq.verb(d.ctx, nil, "controllers", "add", name); err != nil {
			return err
		}
	}
	return nil
}

// join lets p in by an invite of by's technician.
func (d *Demo) join(ctx context.Context, by, p *process, invite ...string) error {
	var link struct {
		Link string `json:"link"`
	}
	if err := by.verb(ctx, &link, append([]string{"invite"}, invite...)...); err != nil {
		return err
	}
	var claim struct {
		ID string `json:"id"`
	}
	if err := p.verb(ctx, &claim, "join", link.Link, "--name", p.name, "--yes", "--no-wait"); err != nil {
		return err
	}
	return by.verb(ctx, nil, "approve", claim.ID, "--yes")
}

func decode(data []byte, into any) error {
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
