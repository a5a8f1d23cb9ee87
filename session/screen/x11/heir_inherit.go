//go:build linux

package x11

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// inheritTime bounds how long an heir takes once the node is gone.
const inheritTime = 5 * time.Second

// letGoWord is the first argument of the program where it is to let go of what a
// node held that is no more: as its heir, or with a folder of holdings.
const letGoWord = "let-go-of-keys"

// Inherit is main for this program where it lets go of what a node held, and
// gives the exit code: as an heir that New's desk has started, which waits for
// the node's end; or, with a second argument, for a service manager after that
// end: of all that is noted in that folder. Otherwise ours is false, and it has
// done nothing.
func Inherit(args []string) (code int, ours bool) {
	if len(args) != 2 && len(args) != 3 || args[1] != letGoWord {
		return 0, false
	}
	// Whoever ends all processes of a node asks the node to let go.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	var err error
	if len(args) == 3 {
		err = letGoIn(args[2])
	} else if err = inherit(os.Stdin, os.NewFile(3, "display"), os.NewFile(4, "holding")); err != nil {
		err = fmt.Errorf("%s is for the node alone: %w", letGoWord, err)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "warren: %v\n", err)
		return 1, true
	}
	return 0, true
}

// letGoIn lets go of what is noted in a folder, and forgets it.
func letGoIn(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		return err
	}
	places := newProbe().look().places
	ctx, cancel := context.WithTimeout(context.Background(), inheritTime)
	defer cancel()
	for _, path := range files {
		display := ":" + filepath.Base(path)
		if at := slices.IndexFunc(places, func(p place) bool { return p.name == display }); at >= 0 {
			h := openHolding(folder, display)
			if failed := letGoAt(ctx, places[at], h); failed != nil {
				err = errors.Join(err, fmt.Errorf("let go of keys on display %s: %w", display, failed))
			}
			h.remove()
			continue
		}
		err = errors.Join(err, os.Remove(path)) // with the display, or never one
	}
	return err
}

func letGoAt(ctx context.Context, p place, h *holding) error {
	if h.empty() {
		return nil
	}
	l, err := connect(ctx, p, func(*link, event) {})
	if err != nil {
		return err
	}
	defer l.Close()
	k := keyboard{l}
	if err := k.open(); err != nil {
		return err
	}
	return l.ask(func() error { return k.letGoOf(h) })
}

// inherit waits until node ends, or the display does.
func inherit(node, display, held *os.File) error {
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
		h := &holding{}
		h.read(held)
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
