package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const smallSegment = 4096

func entry(index uint64) *raft.Log {
	return &raft.Log{Index: index, Term: 1, Data: bytes.Repeat([]byte{byte(index)}, 1000)}
}

func open(t *testing.T, dir string) *disk {
	t.Helper()
	d, err := openDisk(dir, smallSegment, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// interrupted is a log whose first segment is full and ends with its index,
// while the meta store knows nothing of that: where kill -9 hits between the
// write and the rotation. It gives the folder and the last index.
func interrupted(t *testing.T) (dir, segment string, last uint64) {
	t.Helper()
	whole := t.TempDir()
	d := open(t, whole)
	if err := d.StoreLog(entry(1)); err != nil {
		t.Fatal(err)
	}
	wal := filepath.Join(whole, "wal")
	meta, err := os.ReadFile(filepath.Join(wal, metaName))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(wal, "*.wal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for last = 2; ; last++ {
		if err := d.StoreLog(entry(last)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(files[0])
		if err != nil {
			t.Fatal(err)
		}
		s, err := scanSegment(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if s.entries != last {
			t.Fatalf("scan finds %d entries, want %d", s.entries, last)
		}
		if s.sealed {
			break
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "wal"), 0o700); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	segment = filepath.Join(dir, "wal", filepath.Base(files[0]))
	for path, b := range map[string][]byte{segment: content, filepath.Join(dir, "wal", metaName): meta} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, segment, last
}

// readable asks for every entry from 1 to last, and that the log takes more,
// over another rotation and a restart.
func readable(t *testing.T, dir string, last uint64) {
	t.Helper()
	d := open(t, dir)
	if got, err := d.LastIndex(); err != nil || got != last {
		t.Fatalf("last index is %d (%v), want %d", got, err, last)
	}
	for i := last + 1; i < last+10; i++ {
		if err := d.StoreLog(entry(i)); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir)
	for i := uint64(1); i < last+10; i++ {
		var got raft.Log
		if err := d.GetLog(i, &got); err != nil || !bytes.Equal(got.Data, entry(i).Data) {
			t.Fatalf("entry %d of %d: %v", i, last+9, err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMendFullSegment(t *testing.T) {
	dir, _, last := interrupted(t)
	readable(t, dir, last)
}

// The last batch and its index are torn: they were never acknowledged.
func TestMendTornIndex(t *testing.T) {
	for name, tear := range map[string]func(content []byte, s scanned) []byte{
		"byte of the last entry": func(b []byte, s scanned) []byte { b[s.indexStart-100] ^= 1; return b },
		"byte of the index":      func(b []byte, s scanned) []byte { b[s.indexStart+2] ^= 1; return b },
		"commit frame zero":      func(b []byte, s scanned) []byte { clear(b[s.committed-frameHeaderSize:]); return b },
		"commit frame missing":   func(b []byte, s scanned) []byte { return b[:s.committed-frameHeaderSize] },
		"cut inside the index":   func(b []byte, s scanned) []byte { return b[:s.indexStart+4] },
	} {
		t.Run(name, func(t *testing.T) {
			dir, segment, last := interrupted(t)
			content, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			s, err := scanSegment(bytes.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(segment, tear(content, s), 0o600); err != nil {
				t.Fatal(err)
			}
			readable(t, dir, last-1)
		})
	}
}

// A tail that is not full is the log's own business.
func TestMendLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	for i := uint64(1); i < 20; i++ {
		if err := d.StoreLog(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d segments: %v", len(files), err)
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("half a frame")
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	readable(t, dir, 19)
}

func TestScanLeavesOtherVersions(t *testing.T) {
	_, segment, _ := interrupted(t)
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	content[7] = 1
	if s, err := scanSegment(bytes.NewReader(content)); err != nil || s != (scanned{}) {
		t.Errorf("scan of version 1: %+v, %v", s, err)
	}
}

func TestMendMissingSegment(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	readable(t, dir, 0)
}

func FuzzScanSegment(f *testing.F) {
	dir := f.TempDir()
	d, err := openDisk(dir, smallSegment, hclog.NewNullLogger())
	if err != nil {
		f.Fatal(err)
	}
	for i := uint64(1); i < 6; i++ {
		if err := d.StoreLog(entry(i)); err != nil {
			f.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := scanSegment(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if s.committed < 0 || s.committed > int64(len(content)) || s.sealed && s.indexStart == 0 {
			t.Fatalf("%+v in %d bytes", s, len(content))
		}
	})
}
