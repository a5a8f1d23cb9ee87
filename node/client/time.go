package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"warren/mesh/identity"
	"warren/node/port"
)

// Time is how far another machine's clock is from this one's.
type Time struct {
	// Offset is how much later it is there, give or take Within.
	Offset, Within time.Duration
}

// ControllerTime asks a controller at the addresses what time it is.
func ControllerTime(ctx context.Context, key identity.NodeKey, id identity.NodeID, addresses []string) (Time, error) {
	hc, t := over(key, id, port.Node, addresses)
	defer t.CloseIdleConnections()
	return timeOf(ctx, hc)
}

// PeerTime asks a peer inside the overlay what time it is.
func PeerTime(ctx context.Context, dial func(context.Context) (net.Conn, error)) (Time, error) {
	t := port.Transport(dial)
	defer t.CloseIdleConnections()
	return timeOf(ctx, &http.Client{Transport: t})
}

// timeOf reads the Date that every answer carries (RFC 9110, 6.6.1), in whole
// seconds. That there is no such page is no matter.
func timeOf(ctx context.Context, hc *http.Client) (Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://time/", nil)
	if err != nil {
		return Time{}, fmt.Errorf("ask for the time: %w", err)
	}
	began := time.Now()
	answer, err := hc.Do(req)
	if err != nil {
		var cause interface{ Unwrap() error }
		if errors.As(err, &cause) { // the URL says nothing to people
			err = cause.Unwrap()
		}
		return Time{}, err
	}
	_ = answer.Body.Close()
	took := time.Since(began)
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return Time{}, fmt.Errorf("the answer tells no time: %w", err)
	}
	const half = time.Second / 2 // the fraction is cut off
	return Time{Offset: there.Add(half).Sub(began.Add(took / 2)), Within: half + took/2}, nil
}
