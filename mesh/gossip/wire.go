package gossip

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// The library's messages (memberlist v0.7.0, net.go): a type byte, then a map
// in MessagePack. Only these types are ever let through.
const (
	kindPing         = 0
	kindIndirectPing = 1
	kindAck          = 2
	kindSuspect      = 3
	kindAlive        = 4
	kindDead         = 5
	kindPushPull     = 6
	kindCompound     = 7
	kindUser         = 8
	kindNack         = 11
	kindCRC          = 12
	kindError        = 13
	kindLabel        = 244
)

// Bounds of the fields.
const (
	maxFields = 16
	maxKey    = 32
	maxText   = 1024
)

var errMalformed = errors.New("malformed")

// wireSource is what MessagePack is read from.
type wireSource interface {
	io.Reader
	io.ByteReader
}

// message holds the fields of every type; which of them count, the type says.
type message struct {
	seq, incarnation          uint32
	node, from, sourceNode    string
	addr, target, sourceAddr  []byte
	meta, versions, payload   []byte
	port, sourcePort          uint16
	state                     uint8
	nack, join                bool
	nodes, userState, userLen uint32
	failure                   string
}

// value is one MessagePack scalar.
type value struct {
	kind   byte // 'n' number, 't' text or bytes, 'f' flag, '0' nil
	number uint64
	text   []byte
}

// readMessage reads one map of scalars. A field it does not know is passed
// over, so that a later library can add one; arrays, maps, floats, negative
// numbers and extensions are refused, for no message has them.
func readMessage(r wireSource) (message, error) {
	var m message
	n, err := readMapLen(r)
	if err != nil {
		return m, err
	}
	for range n {
		key, err := readValue(r)
		if err != nil {
			return m, err
		}
		if key.kind != 't' || len(key.text) > maxKey {
			return m, fmt.Errorf("a key that is no text: %w", errMalformed)
		}
		v, err := readValue(r)
		if err != nil {
			return m, err
		}
		if !m.set(string(key.text), v) {
			return m, fmt.Errorf("field %q: %w", key.text, errMalformed)
		}
	}
	return m, nil
}

func (m *message) set(key string, v value) bool {
	switch key {
	case "SeqNo":
		return v.to32(&m.seq)
	case "Incarnation":
		return v.to32(&m.incarnation)
	case "Node", "Name":
		return v.toText(&m.node)
	case "From":
		return v.toText(&m.from)
	case "SourceNode":
		return v.toText(&m.sourceNode)
	case "Addr":
		return v.toBytes(&m.addr)
	case "Target":
		return v.toBytes(&m.target)
	case "SourceAddr":
		return v.toBytes(&m.sourceAddr)
	case "Meta":
		return v.toBytes(&m.meta)
	case "Vsn":
		return v.toBytes(&m.versions)
	case "Payload":
		return v.toBytes(&m.payload)
	case "Port":
		return v.to16(&m.port)
	case "SourcePort":
		return v.to16(&m.sourcePort)
	case "State":
		var n uint32
		ok := v.to32(&n) && n <= math.MaxUint8
		m.state = uint8(n) //nolint:gosec // compared in the line above
		return ok
	case "Nack":
		return v.toFlag(&m.nack)
	case "Join":
		return v.toFlag(&m.join)
	case "Nodes":
		return v.to32(&m.nodes)
	case "UserStateLen":
		return v.to32(&m.userState)
	case "UserMsgLen":
		return v.to32(&m.userLen)
	case "Error":
		return v.toText(&m.failure)
	}
	return true
}

func (v value) to32(to *uint32) bool {
	*to = uint32(v.number) //nolint:gosec // compared in the line below
	return v.kind == '0' || v.kind == 'n' && v.number <= math.MaxUint32
}

func (v value) to16(to *uint16) bool {
	*to = uint16(v.number) //nolint:gosec // compared in the line below
	return v.kind == '0' || v.kind == 'n' && v.number <= math.MaxUint16
}

func (v value) toBytes(to *[]byte) bool {
	*to = v.text
	return v.kind == '0' || v.kind == 't'
}

func (v value) toText(to *string) bool {
	*to = string(v.text)
	return v.kind == '0' || v.kind == 't'
}

func (v value) toFlag(to *bool) bool {
	*to = v.number != 0
	return v.kind == '0' || v.kind == 'f'
}

func readMapLen(r wireSource) (uint64, error) {
	lead, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := uint64(lead & 0x0f)
	switch {
	case lead == 0xde:
		if n, err = readUint(r, 2); err != nil {
			return 0, err
		}
	case lead&0xf0 != 0x80:
		return 0, fmt.Errorf("no map: %w", errMalformed)
	}
	if n > maxFields {
		return 0, fmt.Errorf("%d fields: %w", n, errMalformed)
	}
	return n, nil
}

// readValue reads a scalar. The old forms of the specification count too: the
// library writes bytes as raw text.
func readValue(r wireSource) (value, error) {
	lead, err := r.ReadByte()
	if err != nil {
		return value{}, err
	}
	switch {
	case lead < 0x80:
		return value{kind: 'n', number: uint64(lead)}, nil
	case lead&0xe0 == 0xa0:
		return readText(r, uint64(lead&0x1f))
	}
	switch lead {
	case 0xc0:
		return value{kind: '0'}, nil
	case 0xc2, 0xc3:
		return value{kind: 'f', number: uint64(lead - 0xc2)}, nil
	case 0xc4, 0xc5, 0xc6:
		return readSized(r, 1<<(lead-0xc4))
	case 0xd9, 0xda, 0xdb:
		return readSized(r, 1<<(lead-0xd9))
	case 0xcc, 0xcd, 0xce, 0xcf:
		n, err := readUint(r, 1<<(lead-0xcc))
		return value{kind: 'n', number: n}, err
	case 0xd0, 0xd1, 0xd2, 0xd3:
		size := 1 << (lead - 0xd0)
		n, err := readUint(r, size)
		if err == nil && n>>(8*size-1) != 0 {
			err = fmt.Errorf("negative: %w", errMalformed)
		}
		return value{kind: 'n', number: n}, err
	}
	return value{}, fmt.Errorf("byte %#x where a scalar is due: %w", lead, errMalformed)
}

func readSized(r wireSource, size int) (value, error) {
	n, err := readUint(r, size)
	if err != nil {
		return value{}, err
	}
	return readText(r, n)
}

func readText(r wireSource, n uint64) (value, error) {
	if n > maxText {
		return value{}, fmt.Errorf("text of %d bytes: %w", n, errMalformed)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return value{}, err
	}
	return value{kind: 't', text: b}, nil
}

func readUint(r wireSource, size int) (uint64, error) {
	var n uint64
	for range size {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n = n<<8 | uint64(b)
	}
	return n, nil
}

// packer writes messages anew, always in the same form, so that the library
// never reads a byte that was not understood here.
type packer []byte

func (p *packer) begin(kind byte, fields int) {
	*p = append(*p, kind)
	p.fields(fields)
}

func (p *packer) fields(n int) { *p = append(*p, 0x80|byte(n)) } //nolint:gosec // a dozen at most

func (p *packer) number(key string, n uint64) {
	p.raw([]byte(key))
	switch {
	case n < 0x80:
		*p = append(*p, byte(n))
	case n <= math.MaxUint16:
		*p = append(*p, 0xcd, byte(n>>8), byte(n))
	default:
		*p = append(*p, 0xce, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

func (p *packer) text(key string, b []byte) {
	p.raw([]byte(key))
	p.raw(b)
}

func (p *packer) flag(key string, v bool) {
	p.raw([]byte(key))
	b := byte(0xc2)
	if v {
		b = 0xc3
	}
	*p = append(*p, b)
}

func (p *packer) raw(b []byte) {
	if len(b) < 32 {
		*p = append(*p, 0xa0|byte(len(b)))
	} else {
		*p = append(*p, 0xda, byte(len(b)>>8), byte(len(b)))
	}
	*p = append(*p, b...)
}
