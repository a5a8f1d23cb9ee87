package shell

import (
	"encoding/binary"
	"errors"
	"fmt"

	"warren/session"
)

// errFrame is what every refusal of a frame wraps.
var errFrame = errors.New("frame not acceptable")

// frameKind is a frame's first byte.
type frameKind byte

// The closed list of frames. Numbers are big-endian.
const (
	frameStdout   frameKind = 1 // offset 8, data
	frameStderr   frameKind = 2 // offset 8, data
	frameStdin    frameKind = 3 // offset 8, data
	frameStdinEnd frameKind = 4 // offset 8: how much there was
	frameResize   frameKind = 5 // columns 2, rows 2
	frameSignal   frameKind = 6 // name
	frameAck      frameKind = 7 // channel 1, offset 8: all before it is consumed
	frameExit     frameKind = 8 // code 4, stdout 8, stderr 8, name of the signal
)

const (
	dataHeader = 1 + 8
	// maxData is the most a data frame carries.
	maxData = session.MaxMessage - dataHeader
	maxName = 16
	// maxSide bounds a terminal's columns and rows.
	maxSide = 4096
)

// Channel is one direction of bytes.
type Channel byte

// The channels, numbered as their data frames.
const (
	Stdout = Channel(frameStdout)
	Stderr = Channel(frameStderr)
	Stdin  = Channel(frameStdin)
)

// String is for messages.
func (c Channel) String() string {
	switch c {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	case Stdin:
		return "stdin"
	default:
		return fmt.Sprintf("channel %d", byte(c))
	}
}

// frame is one decoded message; which fields count depends on kind.
type frame struct {
	kind    frameKind
	channel Channel // data and ack
	offset  uint64  // data, stdin end, ack
	data    []byte  // data; a part of the message it was read from
	columns uint16
	rows    uint16
	name    string // signal, exit
	code    int32  // exit
	stdout  uint64 // exit: how much there was
	stderr  uint64
}

// dataFrame writes a data frame into buffer, which it returns.
func dataFrame(buffer []byte, c Channel, offset uint64, data []byte) []byte {
	buffer = append(buffer[:0], byte(c))
	buffer = binary.BigEndian.AppendUint64(buffer, offset)
	return append(buffer, data...)
}

// encode writes any frame.
func (f frame) encode() []byte {
	b := []byte{byte(f.kind)}
	switch f.kind {
	case frameStdout, frameStderr, frameStdin:
		return dataFrame(nil, Channel(f.kind), f.offset, f.data)
	case frameStdinEnd:
		return binary.BigEndian.AppendUint64(b, f.offset)
	case frameResize:
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, f.columns), f.rows)
	case frameSignal:
		return append(b, f.name...)
	case frameAck:
		return binary.BigEndian.AppendUint64(append(b, byte(f.channel)), f.offset)
	case frameExit:
		b = binary.BigEndian.AppendUint32(b, uint32(f.code))
		b = binary.BigEndian.AppendUint64(b, f.stdout)
		b = binary.BigEndian.AppendUint64(b, f.stderr)
		return append(b, f.name...)
	}
	return b
}

// decode reads one message. Its data stays in b.
func decode(b []byte) (frame, error) {
	if len(b) == 0 || len(b) > session.MaxMessage {
		return frame{}, fmt.Errorf("%d bytes: %w", len(b), errFrame)
	}
	f := frame{kind: frameKind(b[0])}
	if !f.read(b[1:]) {
		return frame{}, fmt.Errorf("type %d with %d bytes: %w", b[0], len(b), errFrame)
	}
	return f, nil
}

// read takes the fields behind the type and tells whether they are in order.
func (f *frame) read(body []byte) (ok bool) {
	switch f.kind {
	case frameStdout, frameStderr, frameStdin:
		if ok = len(body) > 8; ok {
			f.channel, f.offset, f.data = Channel(f.kind), binary.BigEndian.Uint64(body), body[8:]
		}
	case frameStdinEnd:
		if ok = len(body) == 8; ok {
			f.offset = binary.BigEndian.Uint64(body)
		}
	case frameResize:
		if ok = len(body) == 4; ok {
			f.columns, f.rows = binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
			ok = f.columns <= maxSide && f.rows <= maxSide
		}
	case frameSignal:
		f.name, ok = signalName(body)
		ok = ok && f.name != ""
	case frameAck:
		if ok = len(body) == 9; ok {
			f.channel, f.offset = Channel(body[0]), binary.BigEndian.Uint64(body[1:])
			ok = f.channel >= Stdout && f.channel <= Stdin
		}
	case frameExit:
		if ok = len(body) >= 20; ok {
			f.code = int32(binary.BigEndian.Uint32(body))
			f.stdout, f.stderr = binary.BigEndian.Uint64(body[4:]), binary.BigEndian.Uint64(body[12:])
			f.name, ok = signalName(body[20:])
		}
	}
	return ok
}

// signalName reads a signal's name as SSH writes it: "TERM" (RFC 4254, 6.10).
func signalName(b []byte) (string, bool) {
	if len(b) > maxName {
		return "", false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "", false
		}
	}
	return string(b), true
}
