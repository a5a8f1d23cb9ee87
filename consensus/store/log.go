package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	wal "github.com/hashicorp/raft-wal"

	"warren/mesh/identity"
)

// segmentSize is what one log file holds before the next begins. Files are
// allocated whole, so a small mesh pays one of them.
const segmentSize = 8 << 20

// Keys in the stable store, beside raft's own.
const (
	keySelf = "warren/self"
	keyMesh = "warren/mesh"
)

// disk is the folder's log and stable store.
type disk struct {
	*wal.WAL
	folder string
	meta   *metaFile
	mark   *os.File
}

// openDisk opens or makes the log in dir.
func openDisk(dir string, segment int, log hclog.Logger) (*disk, error) {
	if err := writable(dir); err != nil {
		return nil, err
	}
	folder := filepath.Join(dir, "wal")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	meta, err := openMeta(folder)
	if err != nil {
		return nil, err
	}
	if err := mendTail(folder, meta, time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("the log in %s is %w: %w", folder, ErrDamaged, err), meta.Close())
	}
	mark, err := openMark(folder)
	if err != nil {
		return nil, errors.Join(err, meta.Close())
	}
	w, err := wal.Open(folder, wal.WithMetaStore(meta), wal.WithSegmentSize(segment), wal.WithLogger(log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the log in %s is %w: %w", folder, ErrDamaged, err), mark.Close(), meta.Close())
	}
	return &disk{WAL: w, folder: folder, meta: meta, mark: mark}, nil
}

// Close releases the files. The folder's lock is released even where the log's
// own Close fails.
func (d *disk) Close() error {
	return errors.Join(d.WAL.Close(), d.mark.Close(), d.meta.Close())
}

// writable gives the one clear reason where raft's stores would give several.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	f, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return fmt.Errorf("state folder %s is not writable: %w", dir, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// own binds the folder to one node and one mesh, and refuses it to others. A
// zero mesh asks for none and binds none.
func (d *disk) own(self identity.NodeID, mesh identity.MeshID) error {
	if err := d.bind(keySelf, self[:], "node "+self.Short()); err != nil {
		return err
	}
	if mesh.IsZero() {
		return nil
	}
	return d.bind(keyMesh, mesh[:], "mesh "+mesh.String()[:8])
}

func (d *disk) bind(key string, want []byte, name string) error {
	have, err := d.Get([]byte(key))
	if err != nil {
		return fmt.Errorf("read owner of state folder: %w", err)
	}
	if have == nil {
		if err := d.Set([]byte(key), want); err != nil {
			return fmt.Errorf("write owner of state folder: %w", err)
		}
		return nil
	}
	if string(have) != string(want) {
		return fmt.Errorf("not of %s: %w", name, ErrForeign)
	}
	return nil
}
