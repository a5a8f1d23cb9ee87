package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/raft-wal/types"
)

const (
	// metaName is the file of a metaFile in the log's folder.
	metaName = "meta"
	lockName = "lock"
)

// metaFile is raft-wal's meta store and Raft's stable store: which segments
// there are, the term, the vote, whose folder it is. It is one small file,
// replaced whole, with a checksum, and has no generation before: a controller
// that forgot its newest vote could vote twice.
//
//	JSON, one line | SHA-256 of it, hex, one line
type metaFile struct {
	dir     string
	lock    *os.File
	closing func() error
	slow    time.Duration // see Config

	mu   sync.Mutex // guards the following
	held metaImage
	vote []byte // of firstOfVote, not written yet
}

type metaImage struct {
	Log    types.PersistentState `json:"log"`
	Stable map[string][]byte     `json:"stable"`
}

// openMeta takes hold of the folder and reads the file. Errors wrap ErrInUse
// and ErrDamaged.
func openMeta(dir string) (*metaFile, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := tryLock(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), lock.Close())
	}
	m := &metaFile{
		dir: dir, lock: lock, closing: sync.OnceValue(lock.Close), held: metaImage{Stable: map[string][]byte{}},
	}
	if err := m.read(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *metaFile) path() string { return filepath.Join(m.dir, metaName) }

func (m *metaFile) read() error {
	raw, err := os.ReadFile(m.path())
	if errors.Is(err, fs.ErrNotExist) {
		// It is there before the first segment is.
		segments, err := filepath.Glob(filepath.Join(m.dir, "*.wal"))
		if err == nil && len(segments) != 0 {
			err = fmt.Errorf("%s is missing: the log is %w", m.path(), ErrDamaged)
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", m.path(), err)
	}
	line, sum, _ := bytes.Cut(raw, []byte("\n"))
	if want := sha256.Sum256(line); string(sum) != hex.EncodeToString(want[:])+"\n" {
		return fmt.Errorf("%s is %w: checksum differs", m.path(), ErrDamaged)
	}
	if err := json.Unmarshal(line, &m.held); err != nil {
		return fmt.Errorf("%s is %w: %w", m.path(), ErrDamaged, err)
	}
	return nil
}

// write puts an image on disk, or leaves the one before.
func (m *metaFile) write(next metaImage) error {
	line, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.path(), err)
	}
	sum := sha256.Sum256(line)
	if m.slow > 0 {
		<-time.After(m.slow)
	}
	if err := replaceFile(m.path(), fmt.Appendf(nil, "%s\n%x\n", line, sum)); err != nil {
		return fmt.Errorf("write %s: %w", m.path(), err)
	}
	m.held = next
	return nil
}

// replaceFile gives a file new contents, all or none, on disk when it returns.
func replaceFile(path string, contents []byte) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(contents)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// Load implements types.MetaStore.
func (m *metaFile) Load(string) (types.PersistentState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held.Log, nil
}

// CommitState implements types.MetaStore.
func (m *metaFile) CommitState(state types.PersistentState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.write(metaImage{Log: state, Stable: m.held.Stable})
}

// GetStable implements types.MetaStore.
func (m *metaFile) GetStable(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.held.Stable[string(key)]), nil
}

// firstOfVote is the first of the two keys that Raft writes for a vote, of
// which it says nothing before the second is written. So they are written
// together: each write waits for the disk twice, within an election's time.
const firstOfVote = "LastVoteTerm"

// SetStable implements types.MetaStore.
func (m *metaFile) SetStable(key, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stable := maps.Clone(m.held.Stable)
	if stable == nil {
		stable = map[string][]byte{}
	}
	if value == nil {
		delete(stable, string(key))
	} else {
		stable[string(key)] = bytes.Clone(value)
	}
	if string(key) == firstOfVote {
		m.vote = bytes.Clone(value)
		return nil
	}
	if m.vote != nil {
		stable[firstOfVote], m.vote = m.vote, nil
	}
	return m.write(metaImage{Log: m.held.Log, Stable: stable})
}

// Close lets go of the folder. The log closes its meta store too.
func (m *metaFile) Close() error { return m.closing() }
