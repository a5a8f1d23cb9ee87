package port

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"warren/mesh/identity"
)

// DialTimeout bounds one attempt to reach one address.
const DialTimeout = 5 * time.Second

// Dial connects to address, proves key, and accepts only the node want at the
// other end, speaking protocol.
func Dial(ctx context.Context, key identity.NodeKey, want identity.NodeID, protocol, address string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, DialTimeout)
	defer cancel()
	conf, err := identity.ClientConfig(key, []string{protocol}, want)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &dialError{address, err}
	}
	t := tls.Client(raw, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, &dialError{address, err}
	}
	c, err := newConn(t)
	if err != nil {
		_ = t.Close()
		return nil, err
	}
	if c.protocol != protocol {
		_ = t.Close()
		return nil, fmt.Errorf("%s at %s does not speak %s", want.Short(), address, protocol)
	}
	return c, nil
}

// dialError says in plain words why nobody was reached at an address.
type dialError struct {
	address string
	err     error
}

func (e *dialError) Unwrap() error { return e.err }

func (e *dialError) Error() string {
	cause := e.err
	var op *net.OpError
	if errors.As(cause, &op) {
		cause = op.Err
	}
	var call *os.SyscallError
	if errors.As(cause, &call) {
		cause = call.Err
	}
	var late net.Error
	if errors.Is(cause, context.DeadlineExceeded) || errors.As(cause, &late) && late.Timeout() {
		return fmt.Sprintf("no answer from %s within %s", e.address, DialTimeout)
	}
	return fmt.Sprintf("%s: %v", e.address, cause)
}

// DialAny tries the addresses in order, the next one starting when the one
// before has failed or has been quiet for a short while; the first that
// answers wins.
func DialAny(ctx context.Context, key identity.NodeKey, want identity.NodeID, protocol string, addresses []string) (*Conn, error) {
	const headStart = 250 * time.Millisecond
	if len(addresses) == 0 {
		return nil, fmt.Errorf("no address of %s is known", want.Short())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		conn *Conn
		err  error
	}
	results := make(chan result, len(addresses))
	next, open := 0, 0
	start := func() {
		address := addresses[next]
		next++
		open++
		go func() { // ends with ctx; the buffer takes its result
			c, err := Dial(ctx, key, want, protocol, address)
			results <- result{c, err}
		}()
	}
	start()
	var last error
	for open > 0 {
		var timer <-chan time.Time
		if next < len(addresses) {
			timer = time.After(headStart)
		}
		select {
		case r := <-results:
			open--
			if r.err == nil {
				go drain(results, open, func(r result) {
					if r.conn != nil {
						_ = r.conn.Close()
					}
				})
				return r.conn, nil
			}
			last = r.err
			if next < len(addresses) {
				start()
			}
		case <-timer:
			start()
		}
	}
	return nil, last
}

func drain[T any](results <-chan T, n int, drop func(T)) {
	for range n {
		drop(<-results)
	}
}
