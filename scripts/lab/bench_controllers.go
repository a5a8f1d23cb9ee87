//go:build linux

package main

import (
	"os"
	"syscall"
	"time"
)

// benchControllers measures what a person waits for when three controllers
// have to agree, with their logs on a disk. How many writes go through is
// measured below the node, where nobody is held to 60 invites an hour.
func benchControllers() story {
	return story{
		id: "bench-controllers", about: "a person's change is agreed on by three controllers", limit: 2 * time.Minute, bench: true,
		tell: func(t *teller) {
			t.onDisk()
			all := t.council()
			t.agree(all)
			c1 := all[0]
			c := c1.socket()
			defer c.Close()
			var took []float64
			for n := range 45 {
				began := time.Now()
				if err := write(t.ctx, c); err != nil {
					t.fail("write: %w", err)
				}
				if n >= 5 { // the first ones open things
					took = append(took, milliseconds(time.Since(began)))
				}
			}
			t.sample("invite", took)
		},
	}
}

// onDisk puts the state folders where fsync has something to do: the story's
// own /run is in memory.
func (t *teller) onDisk() {
	const tmpfs = 0x01021994
	dir, err := os.MkdirTemp(t.tools, "state-") // goes with the tools
	if err != nil {
		t.fail("%w", err)
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Type == tmpfs {
		t.fail("%s is in memory, where fsync costs nothing; set TMPDIR to a folder on a disk", dir)
	}
	if err := syscall.Mount(dir, t.dir, "", syscall.MS_BIND, ""); err != nil {
		t.fail("%w", err)
	}
}
