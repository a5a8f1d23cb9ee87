package node

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/docs"
	"warren/node/api"
	"warren/node/console"
	"warren/node/enrol"
	"warren/node/fault"
	"warren/node/platform"
	"warren/web"
)

// openConsole makes the local API and the console, and opens the latter's port
// where it is to be there from the start: where somebody asked for it, where a
// technician joined from here, and where the machine is in no mesh yet. A
// taken port is an error only to who named it.
func (m *machine) openConsole(ctx context.Context) (*api.Local, error) {
	key, err := m.home.EnsureConsoleKey()
	if err != nil {
		return nil, err
	}
	local := m.local()
	if m.cfg.Begin != nil {
		local.Found, local.Suggested = m.found, m.cfg.Name
	}
	m.console, err = console.New(console.Config{
		Address: m.cfg.Up.Console, Key: key, Local: local, Pages: web.Pages(), Manual: docs.Handler(), Log: m.log.With("part", "console"),
	})
	if err != nil {
		return nil, err
	}
	local.Console = m.console
	_, err = os.Stat(m.cfg.Dir.TechnicianKey())
	switch {
	case m.cfg.Up.Console != "" || m.member.Mesh == "":
		return local, m.console.Listen(ctx)
	case err == nil:
		m.offerConsole(ctx)
	}
	return local, nil
}

// offerConsole opens the console where nobody asked for it.
func (m *machine) offerConsole(ctx context.Context) {
	if err := m.console.Listen(ctx); err != nil {
		m.log.Warn("the console is not served", "err", err)
	}
}

// owned tells that this machine is a person's own, who sees on its console who
// may do what here.
func (l *life) owned() bool {
	d, ok := l.view.Now().Log.Device(l.key.ID())
	return ok && d.Ownership == warrenv1.Ownership_OWNERSHIP_BYOD
}

// begin waits until this machine is in a mesh.
func (m *machine) begin(ctx context.Context) error {
	select {
	case <-m.founded:
		return nil
	default:
	}
	url, _, err := m.console.Enter(platform.CallerUID())
	if err != nil {
		return err
	}
	m.log.Info("this machine is in no mesh; a page founds one")
	m.cfg.Begin(url)
	select {
	case <-m.founded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// found makes this machine the first of a mesh. What begin waits for comes
// last, and once.
func (m *machine) found(uid int, mesh, name string) (*warrenv1.FoundResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.member.Mesh != "" {
		return nil, fault.New(fault.Conflict, "this machine is in mesh %q already", m.member.MeshName)
	}
	member, err := enrol.Found(m.home, enrol.Founding{Mesh: mesh, Node: name, UID: uid, Now: time.Now()})
	if err != nil {
		return nil, err
	}
	recovery, err := os.ReadFile(m.cfg.Dir.Recovery())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Internal, "read the recovery key: %w", err).Try("%s", m.cfg.Dir.Recovery())
	}
	m.member = member
	if err := m.become(); err != nil {
		return nil, err
	}
	return &warrenv1.FoundResponse{
		Mesh: member.MeshName, MeshId: member.Mesh, Node: member.Name,
		Recovery: string(recovery), RecoveryFile: m.cfg.Dir.Recovery(),
	}, nil
}
