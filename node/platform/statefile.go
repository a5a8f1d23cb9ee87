package platform

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"warren/node/fault"
)

// PreviousSuffix names the generation before a state file.
const PreviousSuffix = ".prev"

// MaxStateFile bounds the contents of a state file, in bytes.
const MaxStateFile = 256 << 20

// ErrCorrupt is what ReadFile wraps where neither generation is whole.
var ErrCorrupt = errors.New("damaged")

// A state file is its data and this trailer:
//
//	magic "warrenS1" | length of data, 8 bytes big-endian | SHA-256 of all before
const (
	magic       = "warrenS1"
	trailerSize = len(magic) + 8 + sha256.Size

	tempPattern = ".warren-*.tmp"
)

func seal(data []byte) []byte {
	out := make([]byte, 0, len(data)+trailerSize)
	out = append(out, data...)
	out = append(out, magic...)
	out = binary.BigEndian.AppendUint64(out, uint64(len(data)))
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func unseal(file []byte) ([]byte, error) {
	n := len(file) - trailerSize
	if n < 0 {
		return nil, fmt.Errorf("%d bytes are too few: %w", len(file), ErrCorrupt)
	}
	trailer := file[n:]
	if string(trailer[:len(magic)]) != magic || binary.BigEndian.Uint64(trailer[len(magic):]) != uint64(n) {
		return nil, fmt.Errorf("cut or overwritten: %w", ErrCorrupt)
	}
	sum := sha256.Sum256(file[:len(file)-sha256.Size])
	if !bytes.Equal(sum[:], trailer[len(trailer)-sha256.Size:]) {
		return nil, fmt.Errorf("checksum differs: %w", ErrCorrupt)
	}
	return file[:n:n], nil
}

// WriteFile replaces the state file at path by data, with mode perm. When it
// returns nil the data is on disk and the generation before is kept beside it;
// when it returns an error, or the machine stops in between, ReadFile gives
// the old contents or the new. One writer at a time per path.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	if len(data) > MaxStateFile {
		return fmt.Errorf("state file %s of %d bytes is over %d", path, len(data), MaxStateFile)
	}
	r := &replacement{path: path, data: data, perm: perm}
	for _, step := range r.steps() {
		if err := step(); err != nil {
			if r.temp != "" {
				_ = os.Remove(r.temp)
			}
			return explain(err, "write state file", path)
		}
	}
	return nil
}

// replacement is one WriteFile under way. Each step leaves the folder in a
// state from which ReadFile gives the old contents or the new.
type replacement struct {
	path string
	data []byte
	perm fs.FileMode
	temp string // the new contents until they have their name
}

func (r *replacement) steps() []func() error {
	return []func() error{r.writeNew, r.keepOld, r.swap, r.settle}
}

func (r *replacement) writeNew() (err error) {
	r.temp, err = writeTemp(filepath.Dir(r.path), seal(r.data), r.perm)
	return err
}

// writeTemp writes contents to a new file in dir and flushes it. The name is
// set as soon as the file is there.
func writeTemp(dir string, contents []byte, perm fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return "", err
	}
	_, err = f.Write(contents)
	return f.Name(), errors.Join(err, f.Chmod(perm), f.Sync(), f.Close())
}

// keepOld gives the present contents the name path.prev. A damaged file is
// left to be replaced: it would push out the last whole generation.
func (r *replacement) keepOld() error {
	_, err := readSealed(r.path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Rename(r.path, r.path+PreviousSuffix)
}

func (r *replacement) swap() error {
	if err := os.Rename(r.temp, r.path); err != nil {
		return err
	}
	r.temp = ""
	return nil
}

func (r *replacement) settle() error { return syncDir(filepath.Dir(r.path)) }

// ReadFile gives the contents of the state file at path. Where that file is
// damaged or gone and the generation before is whole, it gives that one and
// recovered is true: counters in it may have to be raised. Errors wrap
// fs.ErrNotExist where neither is there and ErrCorrupt, with the file's name,
// where neither is whole.
func ReadFile(path string) (data []byte, recovered bool, err error) {
	data, err = readSealed(path)
	if err == nil {
		return data, false, nil
	}
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, explain(err, "read state file", path)
	}
	previous, perr := readSealed(path + PreviousSuffix)
	if perr == nil {
		return previous, true, nil
	}
	if errors.Is(err, fs.ErrNotExist) && errors.Is(perr, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("state file %s: %w", path, fs.ErrNotExist)
	}
	return nil, false, fault.New(fault.Internal, "state file %s is %w", path, ErrCorrupt).
		Try("restore it from a backup, or revoke this node and join again").Because("corrupt")
}

func readSealed(path string) ([]byte, error) {
	file, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	return unseal(file)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > int64(MaxStateFile+trailerSize) {
		return nil, fmt.Errorf("%s is no regular file of a fitting size: %w", path, ErrCorrupt)
	}
	return io.ReadAll(io.LimitReader(f, int64(MaxStateFile+trailerSize)+1))
}

// Remove deletes the state file at path and the generation before. The older
// goes first, so that what is removed half-way never comes back. A file that
// is not there is no error.
func Remove(path string) error {
	for _, p := range []string{path + PreviousSuffix, path} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(err, "remove state file", path)
		}
		if err := syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(err, "remove state file", path)
		}
	}
	return nil
}

// sweep removes what interrupted writes left in the folder.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	prefix, suffix, _ := strings.Cut(tempPattern, "*")
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
