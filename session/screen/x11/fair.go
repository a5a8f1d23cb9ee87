//go:build linux

package x11

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Anybody may put sockets where displays are looked for, and start programs that
// name files of keys. Where that is more than there is room for, each user's
// first counts before anybody's second.

// unknownUser stands for whose it is where nobody says.
const unknownUser = ^uint32(0)

// fair cuts a list to so many.
func fair[T any](all []T, owner func(T) uint32, most int) []T {
	if len(all) <= most {
		return all
	}
	type ranked struct {
		one  T
		rank int
	}
	seen := map[uint32]int{}
	order := make([]ranked, 0, len(all))
	for _, one := range all {
		u := owner(one)
		order = append(order, ranked{one, seen[u]})
		seen[u]++
	}
	slices.SortStableFunc(order, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	out := make([]T, 0, most)
	for _, r := range order[:most] {
		out = append(out, r.one)
	}
	return out
}

// startedBy is the user who started a process, by its status: one that has become
// another by its program's file is still theirs.
func startedBy(status []byte) uint32 {
	for line := range strings.Lines(string(status)) {
		rest, is := strings.CutPrefix(line, "Uid:")
		if fields := strings.Fields(rest); is && len(fields) > 0 {
			if uid, err := strconv.ParseUint(fields[0], 10, 32); err == nil {
				return uint32(uid)
			}
		}
	}
	return unknownUser
}

// ownerOf is whose a file is.
func ownerOf(path string) uint32 {
	var i unix.Stat_t
	if unix.Lstat(path, &i) != nil {
		return unknownUser
	}
	return i.Uid
}

// numbered are the displays that have a socket in a folder, the lowest first.
func numbered(folder string) (out []int) {
	f, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(maxNames)
	for _, name := range names {
		rest, is := strings.CutPrefix(filepath.Base(name), "X")
		if n, ok := number(rest); is && ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}
