package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// Layout of a raft-wal segment file, version 0 (segment/format.go of v0.4.1).
const (
	fileHeaderSize  = 32
	frameHeaderSize = 8
	// fileMagic is the header's first eight bytes, version included.
	fileMagic = 0x58eb6b0d
)

// mendTail finishes the rotation of a log segment that a crash interrupted.
//
// raft-wal fills a segment, ends it with an index frame in the same write as
// the last batch, and enters the rotation into its meta store afterwards. Cut
// off in between, it reopens the segment as its tail and refuses every append
// to it for ever ("segment is sealed"). mendTail enters the rotation if the
// index reached the disk whole, and else removes the unacknowledged batch that
// the index came with. dir is the log's folder; meta is not open elsewhere.
func mendTail(dir string, meta types.MetaStore, now time.Time) error {
	state, err := meta.Load(dir)
	if err != nil {
		return fmt.Errorf("read log's meta store: %w", err)
	}
	if len(state.Segments) == 0 {
		return nil
	}
	tail := &state.Segments[len(state.Segments)-1]
	if !tail.SealTime.IsZero() {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, segment.FileName(*tail)), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open log segment: %w", err)
	}
	defer f.Close()
	scan, err := scanSegment(f)
	if err != nil {
		return fmt.Errorf("scan log segment: %w", err)
	}
	switch {
	case scan.indexStart == 0:
		return nil
	case !scan.sealed:
		if err := f.Truncate(scan.committed); err != nil {
			return fmt.Errorf("remove half-written batch: %w", err)
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("remove half-written batch: %w", err)
		}
		return nil
	case scan.entries == 0:
		return fmt.Errorf("log segment %s is sealed and empty: %w", f.Name(), types.ErrCorrupt)
	}
	tail.SealTime = now
	tail.MaxIndex = tail.BaseIndex + scan.entries - 1
	tail.IndexStart = uint64(scan.indexStart)
	state.Segments = append(state.Segments, types.SegmentInfo{
		ID:         state.NextSegmentID,
		BaseIndex:  tail.MaxIndex + 1,
		MinIndex:   tail.MaxIndex + 1,
		SizeLimit:  tail.SizeLimit,
		Codec:      tail.Codec,
		CreateTime: now,
	})
	state.NextSegmentID++
	if err := meta.CommitState(state); err != nil {
		return fmt.Errorf("enter rotation: %w", err)
	}
	return nil
}

// scanned is what a segment file holds.
type scanned struct {
	entries    uint64 // committed ones
	committed  int64  // where the last whole batch ends
	indexStart int64  // where the index begins; 0 without one
	sealed     bool   // the index is part of a whole batch
}

// scanSegment walks the frames of a segment until they end. A batch counts
// when its commit frame is there and, for the last one, its checksum holds:
// earlier ones were acknowledged before the next began. A file of another
// version is left alone.
func scanSegment(f io.ReaderAt) (scanned, error) {
	var s scanned
	var before scanned // as of the batch before the last
	var entries uint64
	var crc uint32
	offset := int64(fileHeaderSize)
	var header [frameHeaderSize]byte
	if _, err := f.ReadAt(header[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return s, err
	}
	// A header that never reached the disk is zero.
	if magic := binary.LittleEndian.Uint64(header[:]); magic != fileMagic && magic != 0 {
		return s, nil
	}
	for {
		if _, err := f.ReadAt(header[:], offset); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return s, err
		}
		value := binary.LittleEndian.Uint32(header[4:])
		size := int64(frameHeaderSize)
		switch header[0] {
		case segment.FrameEntry, segment.FrameIndex:
			if value > segment.MaxEntrySize {
				return finish(f, s, before, crc)
			}
			size += (int64(value) + frameHeaderSize - 1) / frameHeaderSize * frameHeaderSize
			if header[0] == segment.FrameEntry {
				entries++
			} else {
				s.indexStart = offset + frameHeaderSize
			}
		case segment.FrameCommit:
			before = scanned{entries: s.entries, committed: s.committed, indexStart: s.indexStart}
			crc = value
			s.entries, s.committed, s.sealed = entries, offset+frameHeaderSize, s.indexStart != 0
		default:
			return finish(f, s, before, crc)
		}
		offset += size
	}
	return finish(f, s, before, crc)
}

// finish checks the last batch against the checksum in its commit frame and
// falls back to the batch before it.
func finish(f io.ReaderAt, s, before scanned, crc uint32) (scanned, error) {
	if !s.sealed {
		return s, nil
	}
	end := s.committed - frameHeaderSize
	batch := make([]byte, end-before.committed)
	if _, err := f.ReadAt(batch, before.committed); err != nil {
		return s, err
	}
	if crc32.Checksum(batch, crc32.MakeTable(crc32.Castagnoli)) == crc {
		return s, nil
	}
	before.indexStart = s.indexStart
	return before, nil
}
