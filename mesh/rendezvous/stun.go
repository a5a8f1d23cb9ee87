package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"tailscale.com/net/stun"
)

const (
	// perSource bounds the answers to one address in a second: a branch
	// behind one NAT asks a few times a minute for each machine.
	perSource = 200
	// sources bounds how many addresses are counted in a second; beyond it
	// nobody new is answered until the next.
	sources = 8192
)

// stunServer tells callers what address and port they come from (RFC 8489).
// The answer is shorter than the question, so that it is of no use to somebody
// who writes another's address into it.
type stunServer struct {
	conn *net.UDPConn

	second int64 // that asked counts
	asked  map[netip.Addr]int
}

func listenSTUN(at netip.AddrPort) (*stunServer, error) {
	network := "udp"
	if at.Addr().Is4() {
		network = "udp4"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on udp port %d: %w", at.Port(), ErrPortTaken)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on udp port %d: %w", at.Port(), err)
	}
	return &stunServer{conn: conn}, nil
}

func (s *stunServer) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = s.conn.Close() })()
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("stun: %w", err)
			}
			continue // an ICMP error of an earlier answer
		}
		if answer := s.answer(buf[:n], from, time.Now()); answer != nil {
			_, _ = s.conn.WriteToUDPAddrPort(answer, from)
		}
	}
}

// answer is nil where there is none.
func (s *stunServer) answer(question []byte, from netip.AddrPort, now time.Time) []byte {
	if !stun.Is(question) {
		return nil
	}
	id, err := stun.ParseBindingRequest(question)
	if err != nil {
		return nil
	}
	if second := now.Unix(); second != s.second {
		s.second = second
		s.asked = make(map[netip.Addr]int)
	}
	addr := from.Addr().Unmap()
	count, known := s.asked[addr]
	if count >= perSource || (!known && len(s.asked) >= sources) {
		return nil
	}
	s.asked[addr] = count + 1
	return stun.Response(id, netip.AddrPortFrom(addr, from.Port()))
}
