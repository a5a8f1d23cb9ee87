//go:build linux

package x11

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// inheritTime bounds how long an heir takes once the node is gone.
const inheritTime = 5 * time.Second

// Inherit is main for a program that New's desk has started as an heir: it
// waits for the node's end, lets go of what the node held on a display, and
// gives the exit code. Otherwise ours is false, and it has done nothing.
func Inherit(args []string) (code int, ours bool) {
	if len(args) != 2 || args[1] != heirWord {
		return 0, false
	}
	// Whoever ends all processes of a node asks the node to let go.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	if err := inherit(os.Stdin, os.NewFile(3, "display"), os.NewFile(4, "holding")); err != nil {
		fmt.Fprintf(os.Stderr, "warren: %s is for the node alone: %v\n", heirWord, err)
		return 1, true
	}
	return 0, true
}

// inherit waits until node ends, or the display does.
func inherit(node, display, held *os.File) error {
	h, err := inherited(held)
	if err != nil {
		return fmt.Errorf("what is held: %w", err)
	}
	raw, err := net.FileConn(display)
	if err != nil {
		return fmt.Errorf("the display: %w", err)
	}
	cookie, err := greeted(node)
	if err != nil {
		return err
	}
	l, err := greet(raw, cookie, func(*link, event) {})
	if err != nil {
		return err
	}
	defer l.Close()
	k := keyboard{l}
	if err := k.open(); err != nil {
		return err
	}
	died := make(chan struct{})
	go func() { // ends with the process
		_, _ = node.Read(make([]byte, 1))
		close(died)
	}()
	select {
	case <-died:
		defer time.AfterFunc(inheritTime, func() { raw.Close() }).Stop()
		return l.ask(func() error { return k.letGoOf(h) })
	case <-l.done:
		return nil
	}
}

// greeted reads the display's key, nil where it needs none.
func greeted(node io.Reader) ([]byte, error) {
	size := make([]byte, 1)
	if _, err := io.ReadFull(node, size); err != nil {
		return nil, fmt.Errorf("no greeting: %w", err)
	}
	if size[0] == 0 {
		return nil, nil
	}
	cookie := make([]byte, size[0])
	_, err := io.ReadFull(node, cookie)
	return cookie, err
}

// letGoOf lets go of all that is held: first what types, then what may wait.
func (k keyboard) letGoOf(h *holding) error {
	for _, c := range h.down(holdingKeys, 32) {
		k.press(c, false)
	}
	for _, b := range h.down(holdingButtons, 2) {
		k.click(b, false)
	}
	given := h.given()
	if len(given) == 0 {
		return k.sync()
	}
	l, err := k.layout()
	if err != nil {
		return err
	}
	for c, both := range given {
		if l.Gives(c, both[0], both[1]) { // else another has mapped it since
			if err := k.give(c, 0, 0); err != nil {
				return err
			}
		}
	}
	return k.sync()
}
