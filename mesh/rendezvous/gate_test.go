package rendezvous

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"tailscale.com/derp"
)

// FuzzGreeting reads foreign bytes as the first frame of a DERP client. What
// passes is passed on unaltered; nothing may be read ahead beyond the bound
// before it is admitted.
func FuzzGreeting(f *testing.F) {
	frame := func(kind derp.FrameType, n int) []byte {
		return append([]byte{byte(kind), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, bytes.Repeat([]byte{7}, min(n, 2*maxInfo))...)
	}
	f.Add(append(frame(derp.FrameClientInfo, 150), "and more"...))
	f.Add(frame(derp.FrameClientInfo, derp.KeyLen))
	f.Add(frame(derp.FrameClientInfo, maxInfo+1))
	f.Add(frame(derp.FrameClientInfo, 1<<31))
	f.Add(frame(derp.FrameSendPacket, 150))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var greeting []byte
		in := &counting{Reader: bytes.NewReader(b)}
		g := &gate{from: in, admit: func(box []byte) error {
			greeting = bytes.Clone(box)
			return nil
		}}
		out, err := io.ReadAll(g)
		if greeting == nil {
			if (err == nil && len(b) > 0) || len(out) > 0 || in.n > derp.FrameHeaderLen+maxInfo {
				t.Fatalf("%d bytes passed and %d were read without a greeting: %v", len(out), in.n, err)
			}
			return
		}
		if err != nil || !bytes.Equal(out, b) || len(greeting) < derp.KeyLen+derp.NonceLen || len(greeting) > maxInfo {
			t.Fatalf("altered, or a greeting of %d bytes: %v", len(greeting), err)
		}
		refused := &gate{from: bytes.NewReader(b), admit: func([]byte) error { return errors.New("no member") }}
		if out, err := io.ReadAll(refused); err == nil || len(out) > 0 {
			t.Fatalf("%d bytes passed of who was refused: %v", len(out), err)
		}
	})
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}
