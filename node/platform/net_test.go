package platform

import (
	"errors"
	"net"
	"testing"
)

func TestAddrInUse(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	second, err := lc.Listen(t.Context(), "tcp", l.Addr().String())
	if err == nil {
		second.Close()
		t.Fatal("two listeners on one port")
	}
	if !AddrInUse(err) {
		t.Errorf("%v is not seen as a taken port", err)
	}
	if AddrInUse(nil) || AddrInUse(errors.New("address already in use")) {
		t.Error("anything is seen as a taken port")
	}
}
