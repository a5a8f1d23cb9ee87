package gossip

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"warren/mesh/identity"
)

// Bounds of a stream.
const (
	// MaxStream is how much one side may send, in bytes.
	MaxStream = 1 << 20
	// MaxMembers is how many members one side may list.
	MaxMembers = 2048
	// maxSummary and maxBatch bound what we ourselves put into a stream.
	maxSummary = 128 << 10
	maxBatch   = 64 << 10
)

// bounded reads at most MaxStream bytes of r.
func bounded(r io.Reader) *bufio.Reader {
	return bufio.NewReader(io.LimitReader(r, MaxStream))
}

// inbound reads all that a peer may send on a stream it opened, and returns
// what the library shall read instead.
func (g *guard) inbound(source identity.NodeID, r *bufio.Reader) ([]byte, error) {
	head := make([]byte, 2+len(g.label)+1)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	rest, err := g.unlabel(head)
	if err != nil {
		return nil, err
	}
	var body []byte
	switch kind := rest[0]; kind {
	case kindPing:
		body, err = g.streamPing(source, r)
	case kindPushPull:
		body, err = g.pushPull(source, r)
	case kindUser:
		body, err = g.userMessage(source, r)
	default:
		err = fmt.Errorf("stream of type %d: %w", kind, errMalformed)
	}
	if err != nil {
		return nil, err
	}
	return append(g.labelled(), body...), nil
}

// response reads what a peer answers on a stream we opened. Answers carry no
// label.
func (g *guard) response(source identity.NodeID, r *bufio.Reader) ([]byte, error) {
	kind, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	var p packer
	switch kind {
	case kindPushPull:
		return g.pushPull(source, r)
	case kindAck:
		m, err := readMessage(r)
		if err != nil {
			return nil, err
		}
		p.begin(kindAck, 2)
		p.number("SeqNo", uint64(m.seq))
		p.text("Payload", nil)
	case kindError:
		m, err := readMessage(r)
		if err != nil {
			return nil, err
		}
		p.begin(kindError, 1)
		p.text("Error", fmt.Appendf(nil, "%.100q", m.failure))
	default:
		return nil, fmt.Errorf("answer of type %d: %w", kind, errMalformed)
	}
	return p, nil
}

func (g *guard) streamPing(source identity.NodeID, r *bufio.Reader) ([]byte, error) {
	m, err := readMessage(r)
	if err != nil {
		return nil, err
	}
	return g.ping(source, m)
}

// userMessage is a batch of statements.
func (g *guard) userMessage(source identity.NodeID, r *bufio.Reader) ([]byte, error) {
	m, err := readMessage(r)
	if err != nil {
		return nil, err
	}
	if m.userLen > maxBatch {
		return nil, fmt.Errorf("batch of %d bytes: %w", m.userLen, errMalformed)
	}
	batch := make([]byte, m.userLen)
	if _, err := io.ReadFull(r, batch); err != nil {
		return nil, err
	}
	var p packer
	p.begin(kindUser, 1)
	p.number("UserMsgLen", uint64(len(source)+len(batch)))
	return append(append(p, source[:]...), batch...), nil
}

// pushPull is the list of members a peer knows and its summary of statements.
// Members that may not be listed are left out; a peer that does not list
// itself is not let in.
func (g *guard) pushPull(source identity.NodeID, r *bufio.Reader) ([]byte, error) {
	head, err := readMessage(r)
	if err != nil {
		return nil, err
	}
	if head.nodes > MaxMembers || head.userState > maxSummary {
		return nil, fmt.Errorf("%d members and %d bytes: %w", head.nodes, head.userState, errMalformed)
	}
	var kept packer
	listed, itself := 0, false
	for range head.nodes {
		m, err := readMessage(r)
		if err != nil {
			return nil, err
		}
		id, err := parseNode(m.node)
		if err != nil {
			return nil, err
		}
		itself = itself || id == source
		if err := g.listed(source, id, m); err != nil {
			g.stats.refuse(err)
			continue
		}
		if m.state == stateLeft && !g.roster.buried(source, id, m.incarnation) {
			m.state = stateSuspect
		}
		g.pack(&kept, id, m)
		listed++
	}
	if !itself {
		return nil, fmt.Errorf("the list of %s lacks itself: %w", source.Short(), errForged)
	}
	summary := make([]byte, head.userState)
	if _, err := io.ReadFull(r, summary); err != nil {
		return nil, err
	}
	var p packer
	p.begin(kindPushPull, 3)
	p.number("Nodes", uint64(listed)) //nolint:gosec // at most MaxMembers
	p.number("UserStateLen", uint64(len(source)+len(summary)))
	p.flag("Join", head.join)
	return bytes.Join([][]byte{p, kept, source[:], summary}, nil), nil
}

func (g *guard) listed(source, id identity.NodeID, m message) error {
	if !goodVersions(m.versions) {
		return fmt.Errorf("protocol versions %v: %w", m.versions, errForged)
	}
	switch m.state {
	case stateAlive:
		return g.roster.vouch(source, id, m.meta, m.incarnation)
	case stateSuspect, stateDead, stateLeft:
		return g.roster.accuse(id, source, m.incarnation, m.meta)
	}
	return fmt.Errorf("state %d: %w", m.state, errForged)
}

func (g *guard) pack(p *packer, id identity.NodeID, m message) {
	p.fields(7)
	p.text("Name", []byte(m.node))
	p.text("Addr", g.address(id))
	p.number("Port", uint64(g.port))
	p.text("Meta", m.meta)
	p.number("Incarnation", uint64(m.incarnation))
	p.number("State", uint64(m.state))
	p.text("Vsn", m.versions)
}
