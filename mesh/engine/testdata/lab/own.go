package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	overlay "warren/mesh"
)

// own is the mesh's own ports, and who tries them.
type own struct {
	packets net.PacketConn
	heard   atomic.Int32
}

// open serves the peer port by TCP and the gossip port by UDP.
func (o *own) open(ctx context.Context, l *lab) error {
	ln, err := l.e.Listen(ctx, netip.AddrPortFrom(l.self.addr, overlay.PeerPort))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	if o.packets, err = l.e.ListenPacket(netip.AddrPortFrom(l.self.addr, overlay.GossipPort)); err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 2000)
		for {
			if _, _, err := o.packets.ReadFrom(buf); err != nil {
				return
			}
			o.heard.Add(1)
		}
	}()
	return nil
}

// do knocks at the mesh's own ports of to: as the engine's own sockets do, as
// any other program of the machine can, or in the name of another member.
func (o *own) do(ctx context.Context, l *lab, who, network string, to, as netip.Addr) (string, error) {
	peer, gossip := netip.AddrPortFrom(to, overlay.PeerPort), netip.AddrPortFrom(to, overlay.GossipPort)
	switch who + " " + network {
	case "own tcp":
		return l.talkTo(ctx, network, peer, time.Now())
	case "own udp":
		_, err := o.packets.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(gossip))
		return "sent", err
	case "other tcp":
		var d net.Dialer
		c, err := d.DialContext(ctx, network, peer.String())
		if err != nil {
			return "", err
		}
		return hello(c, network, time.Now())
	case "other udp":
		c, err := net.DialUDP(network, nil, net.UDPAddrFromAddrPort(gossip))
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, err = c.Write([]byte("hello"))
		return "sent", err
	case "forge udp":
		c, err := net.DialUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(as, overlay.GossipPort)), net.UDPAddrFromAddrPort(gossip))
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, err = c.Write([]byte("hello"))
		return "sent", err
	}
	return "", fmt.Errorf("who is %q?", who)
}
