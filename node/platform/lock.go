package platform

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"warren/node/fault"
)

// errHeld is what tryLock returns where another process has the lock.
var errHeld = errors.New("held by another process")

// Lock makes this process the one daemon of d until release is called or the
// process ends, however it ends. Where another has it, the error is a conflict
// that names it. What interrupted writes left behind is removed.
func Lock(d Dir) (release func(), err error) {
	f, err := os.OpenFile(d.lock(), os.O_RDWR|os.O_CREATE, KeyMode)
	if err != nil {
		return nil, explain(err, "lock state folder", string(d))
	}
	if err := tryLock(f); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		_ = f.Close()
		if !errors.Is(err, errHeld) {
			return nil, explain(err, "lock state folder", string(d))
		}
		by := ""
		if pid := strings.TrimSpace(string(holder)); pid != "" {
			by = " as process " + pid
		}
		return nil, fault.New(fault.Conflict, "a warren node runs on state folder %s already%s", d, by).
			Try("warren --state %s down", d).Because("running")
	}
	// The number only serves the sentence above.
	err = errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid())), sweep(string(d)))
	if err != nil {
		_ = f.Close()
		return nil, explain(err, "lock state folder", string(d))
	}
	return func() { unlock(f) }, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
