//go:build linux

package x11

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
)

// guard stands between xgb and the server. It puts our own greeting in place
// of xgb's, which would take a key from this process's environment, and ends
// the connection where xgb would come to harm: at a reply that is longer than
// any we ask for, which xgb would make room for, and at an answer to what was
// not asked, for which xgb would wait for ever.
type guard struct {
	net.Conn
	buffered *bufio.Reader
	hello    []byte // sent in place of the first Write

	mu        sync.Mutex    // guards the following
	sent      uint16        // the last request's number
	answered  uint16        // up to here xgb looks for no answer any more
	owed      [1 << 13]byte // by number, a bit: the request has a reply
	extension map[byte]string

	head         [32]byte
	filled, body int
	begun        bool // the setup's head, of 8 bytes, has come
}

// Write sends the greeting, and then one request each time.
func (g *guard) Write(b []byte) (int, error) {
	if g.hello == nil {
		g.count(b)
		return g.Conn.Write(b)
	}
	own := g.hello
	g.hello = nil
	if _, err := g.Conn.Write(own); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.buffered.Read(b)
	if bad := g.check(b[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// check follows the stream's messages.
func (g *guard) check(b []byte) error {
	for len(b) > 0 {
		if g.body > 0 {
			n := min(g.body, len(b))
			g.body -= n
			b = b[n:]
			continue
		}
		want := len(g.head)
		if !g.begun {
			want = 8
		}
		n := copy(g.head[g.filled:want], b)
		g.filled += n
		b = b[n:]
		if g.filled < want {
			return nil
		}
		g.filled = 0
		if !g.begun {
			g.begun = true
			g.body = 4 * int(binary.LittleEndian.Uint16(g.head[6:]))
			continue
		}
		if g.head[0] < 2 {
			if err := g.expected(binary.LittleEndian.Uint16(g.head[2:]), g.head[0] == 1); err != nil {
				return err
			}
		}
		switch length := uint64(binary.LittleEndian.Uint32(g.head[4:])) * 4; {
		case g.head[0] > 0x80 && g.head[0] < 0x87: // key, button or motion that some client made up
			return fmt.Errorf("made-up input: %w", errServer)
		case g.head[0]&0x7f == 35: // a generic event is longer than xgb believes, and nobody asked for one
			return fmt.Errorf("a generic event: %w", errServer)
		case g.head[0] == 1 && length > maxReply:
			return fmt.Errorf("a reply of %d bytes: %w", length, errServer)
		case g.head[0] == 1:
			g.body = int(length) //nolint:gosec // bounded above
		}
	}
	return nil
}

// learn notes an open extension's number.
func (g *guard) learn(major byte, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.extension == nil {
		g.extension = map[byte]string{}
	}
	g.extension[major] = name
}

// count notes a request.
func (g *guard) count(request []byte) {
	if len(request) < 2 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent++
	if hasReply(g.extension[request[0]], request[0], request[1]) {
		g.owed[g.sent>>3] |= 1 << (g.sent & 7)
	} else {
		g.owed[g.sent>>3] &^= 1 << (g.sent & 7)
	}
}

// expected tells whether a reply or an error may come for a request: servers
// answer in order, and leave out no reply.
func (g *guard) expected(number uint16, reply bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ahead := number - g.answered; ahead == 0 || ahead > g.sent-g.answered {
		return fmt.Errorf("an answer to request %d of %d: %w", number, g.sent, errServer)
	}
	for g.answered++; ; g.answered++ {
		owed := g.owed[g.answered>>3]&(1<<(g.answered&7)) != 0
		switch {
		case g.answered != number && owed:
			return fmt.Errorf("no reply to request %d: %w", g.answered, errServer)
		case g.answered == number && reply && !owed:
			return fmt.Errorf("a reply to request %d, which has none: %w", number, errServer)
		case g.answered == number:
			return nil
		}
	}
}

// hasReply tells whether a request has one: by the protocol for those of the
// core, and of extensions for those that are used here.
func hasReply(extension string, major, minor byte) bool {
	if major < 128 {
		switch major {
		case 3, 14, 15, 16, 17, 20, 21, 23, 26, 31, 38, 39, 40, 43, 44, 47, 48, 49, 50, 52, 73, 83, 84, 85, 86, 87, 91, 92, 97, 98, 99,
			101, 103, 106, 108, 110, 116, 117, 118, 119:
			return true
		}
		return false
	}
	switch extension {
	case extDamage, extTest:
		return minor == 0 // QueryVersion
	case extFixes:
		return minor == 0 || minor == fixesCursorImage || minor == 19 // FetchRegion
	case extShm:
		return minor == 0 || minor == 4 // GetImage
	case extRandR:
		switch minor {
		case 0, 5, 6, 8, 9, 10, 11, 15, 16, 20, 21, 22, 23, 25, 27, 28, 29, 31, randrGetMonitors:
			return true
		}
	case extKeyboard:
		return minor == xkbUseExtension || minor == xkbGetState || minor == xkbGetMap
	}
	return false
}
