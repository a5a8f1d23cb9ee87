package rescue

import (
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"warren/consensus/store"
	"warren/consensus/trust"
	"warren/mesh/identity"
	"warren/node/fault"
	"warren/node/home"
	"warren/node/view"
)

// Recovery is a survivor that is to go on alone.
type Recovery struct {
	Mesh, Name string

	self   identity.NodeID
	others []trust.Device
	home   home.Home
	mesh   identity.MeshID
	cache  *view.Cache
}

// Survivor looks at the folder of a controller; nothing is changed. The folder
// must be locked.
func Survivor(h home.Home) (*Recovery, error) {
	m, err := h.Member()
	if missing(err) || err == nil && m.Pending != nil {
		return nil, fault.New(fault.NotFound, "this machine is in no mesh").Because("no-mesh").Try("--state DIR, the folder of a controller")
	}
	if err != nil {
		return nil, err
	}
	r := &Recovery{Mesh: m.MeshName, home: h}
	if r.mesh, err = m.MeshID(); err != nil {
		return nil, fault.New(fault.Invalid, "%w", err)
	}
	key, err := h.NodeKey()
	if err != nil {
		return nil, err
	}
	if r.cache, err = view.Open(r.mesh, h.View()); err != nil {
		return nil, fault.New(fault.Invalid, "%w", err).Try("restore it from a backup")
	}
	log := r.cache.Now().Log
	if log == nil || !log.IsController(key.ID()) {
		return nil, fault.New(fault.Conflict, "this machine is no controller of the mesh %q", m.MeshName).Try("it on a controller")
	}
	d, _ := log.Device(key.ID())
	r.self, r.Name, r.others = d.ID, d.Name, others(log, d.ID)
	return r, nil
}

// Removed are the controllers that lose their right to order.
func (r *Recovery) Removed() []string { return names(r.others) }

// Run makes the survivor the only controller. It may be repeated if it is
// interrupted.
func (r *Recovery) Run(recovery ed25519.PrivateKey, log *slog.Logger) error {
	technician, err := r.home.Technician()
	if err != nil && !missing(err) {
		return err
	}
	revocations, err := fence(r.cache.Now().Log, r.others, "lost; "+r.Name+" was recovered alone", technician.Seed, recovery, time.Now())
	if err != nil {
		return err
	}
	for _, s := range revocations { // first: from now on this machine refuses them
		if _, err := r.cache.Revoke(s); err != nil {
			return err
		}
	}
	_, err = store.Recover(store.Config{Dir: r.home.Dir().Raft(), Self: r.self, Mesh: r.mesh, Log: log})
	switch {
	case errors.Is(err, store.ErrNothing):
		return fault.New(fault.Conflict, "%w", err).Try("warren restore FILE, or this on a controller that voted")
	case errors.Is(err, store.ErrInUse), errors.Is(err, store.ErrForeign):
		return fault.New(fault.Conflict, "%w", err)
	case err != nil:
		return fault.New(fault.Invalid, "%w", err).Try("warren restore FILE")
	}
	return nil
}
