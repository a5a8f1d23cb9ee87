package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
)

// raft-wal checks the newest batch when it opens a log, and no more: a bit that
// flips in an older entry, or a segment that is cut where a batch ends, looks
// whole to it. So each entry carries a checksum, and a mark beside the log says
// how far it went.

// markName is the file with the index that the log reached at least.
const markName = "mark"

func castagnoli(parts ...[]byte) []byte {
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	for _, p := range parts {
		sum.Write(p)
	}
	return sum.Sum(nil)
}

// sumOf is over what Raft goes by.
func sumOf(entry *raft.Log) []byte {
	head := binary.BigEndian.AppendUint64(nil, entry.Index)
	head = binary.BigEndian.AppendUint64(head, entry.Term)
	return castagnoli(append(head, byte(entry.Type)), entry.Data)
}

// StoreLog implements raft.LogStore.
func (d *disk) StoreLog(entry *raft.Log) error { return d.StoreLogs([]*raft.Log{entry}) }

// StoreLogs implements raft.LogStore. Extensions are of whoever stores.
func (d *disk) StoreLogs(entries []*raft.Log) error {
	sealed := make([]*raft.Log, len(entries))
	for i, e := range entries {
		own := *e
		own.Extensions = sumOf(e)
		sealed[i] = &own
	}
	if err := d.WAL.StoreLogs(sealed); err != nil || len(entries) == 0 {
		return err
	}
	return d.reached(entries[len(entries)-1].Index)
}

// GetLog implements raft.LogStore.
func (d *disk) GetLog(index uint64, entry *raft.Log) error {
	if err := d.WAL.GetLog(index, entry); err != nil {
		return err
	}
	if entry.Index != index || string(entry.Extensions) != string(sumOf(entry)) {
		return fmt.Errorf("entry %d of the log in %s is %w", index, d.folder, ErrDamaged)
	}
	entry.Extensions = nil
	return nil
}

// DeleteRange implements raft.LogStore. The mark goes back first: it must
// never be ahead of the log, and an empty log ends at 0.
func (d *disk) DeleteRange(first, last uint64) error {
	begin, err := d.FirstIndex()
	if err != nil {
		return err
	}
	end, err := d.LastIndex()
	if err != nil {
		return err
	}
	if last >= end {
		left := uint64(0)
		if first > begin {
			left = first - 1
		}
		if err := d.reached(left); err != nil {
			return err
		}
	}
	return d.WAL.DeleteRange(first, last)
}

// reached moves the mark. It is not flushed: after a power cut it may be an
// older one, which still is none the log has not reached.
func (d *disk) reached(index uint64) error {
	b := binary.BigEndian.AppendUint64(nil, index)
	if _, err := d.mark.WriteAt(append(b, castagnoli(b)...), 0); err != nil {
		return fmt.Errorf("mark the end of the log in %s: %w", d.folder, err)
	}
	return nil
}

// marked reads the mark; 0 where it says nothing.
func (d *disk) marked() uint64 {
	var b [12]byte
	if _, err := d.mark.ReadAt(b[:], 0); err != nil || string(castagnoli(b[:8])) != string(b[8:]) {
		return 0
	}
	return binary.BigEndian.Uint64(b[:8])
}

// whole reads the log once and fails where it lacks something: an entry, its
// end, or what came before its first and is in no snapshot. covered is the
// index of the newest whole snapshot, 0 without one.
func (d *disk) whole(covered uint64) error {
	first, err := d.FirstIndex()
	if err != nil {
		return err
	}
	last, err := d.LastIndex()
	if err != nil {
		return err
	}
	if mark := d.marked(); last < mark {
		return fmt.Errorf("the log in %s is %w: it ends at %d and had reached %d", d.folder, ErrDamaged, last, mark)
	}
	if first > covered+1 {
		return fmt.Errorf("the log in %s is %w: it begins at %d, and no whole snapshot holds what came before", d.folder, ErrDamaged, first)
	}
	var entry raft.Log
	for i := first; i != 0 && i <= last; i++ {
		if err := d.GetLog(i, &entry); err != nil {
			if errors.Is(err, ErrDamaged) {
				return err
			}
			return fmt.Errorf("entry %d of the log in %s is %w: %w", i, d.folder, ErrDamaged, err)
		}
	}
	return nil
}

func openMark(folder string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(folder, markName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log's mark: %w", err)
	}
	return f, nil
}
