package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
	"time"
)

// What goes over the pipes is little-endian, in the layouts of sandbox/main.c.
const (
	magic      = 0x31764377
	startSize  = 20
	answerSize = 16
	maxReason  = 256
)

// What an answer is.
const (
	isReady  = 'R'
	isPacket = 'P'
	isFailed = 'F'
)

// held are the bits of a ready helper: what confines it.
type held uint8

const (
	heldSeccomp held = 1 << iota
	heldLandlock
	heldUser
)

// errGarbage is an answer that no helper of ours gives.
var errGarbage = errors.New("the codec helper answered what makes no sense")

type answer struct {
	kind            byte
	flags           byte
	quarters        int
	convert, encode time.Duration
	body            []byte
}

func startMessage(o Options) []byte {
	size := o.coded()
	b := make([]byte, 0, startSize)
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = append(b, byte(o.Codec), byte(o.Threads), 0, 0)
	for _, v := range []int{size.X, size.Y, o.Kbit} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

func encodeMessage(at time.Duration, key bool, changed []image.Rectangle) []byte {
	b := make([]byte, 0, 8+8*len(changed))
	b = append(b, 'E', 0)
	if key {
		b[1] = 1
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(len(changed)))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.Milliseconds()))
	for _, r := range changed {
		for _, v := range []int{r.Min.X, r.Min.Y, r.Dx(), r.Dy()} {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
	}
	return b
}

func rateMessage(kbit int) []byte {
	return binary.LittleEndian.AppendUint32([]byte{'B', 0, 0, 0}, uint32(kbit))
}

// readAnswer reads one answer of at most limit bytes. Its memory grows with
// what comes, not with what is announced.
func readAnswer(from io.Reader, limit int) (answer, error) {
	var head [answerSize]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return answer{}, err
	}
	a := answer{
		kind: head[0], flags: head[1], quarters: int(binary.LittleEndian.Uint16(head[2:])),
		convert: time.Duration(binary.LittleEndian.Uint32(head[8:])) * time.Microsecond,
		encode:  time.Duration(binary.LittleEndian.Uint32(head[12:])) * time.Microsecond,
	}
	size := int64(binary.LittleEndian.Uint32(head[4:]))
	most := int64(limit)
	switch a.kind {
	case isReady:
		most = 0
	case isPacket:
	case isFailed:
		most = maxReason
	default:
		return answer{}, errGarbage
	}
	if size > most || a.quarters > 4 || a.kind != isPacket && a.quarters > 0 || a.kind == isPacket && a.flags > 1 {
		return answer{}, errGarbage
	}
	var body bytes.Buffer
	if n, err := io.CopyN(&body, from, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return answer{}, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	a.body = body.Bytes()
	return a, nil
}

// reason is what a failed helper says, made fit to be shown.
func (a answer) reason() string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(a.body))
}
