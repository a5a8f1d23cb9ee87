package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/netip"

	warren "warren/mesh"
	"warren/mesh/identity"
	"warren/mesh/rendezvous"
)

// certificate of a name's node key.
func certificate(name string) (tls.Certificate, error) {
	seed := sha256.Sum256([]byte("node " + name))
	key, err := identity.NodeKeyFromSeed(ed25519.NewKeyFromSeed(seed[:]).Seed())
	if err != nil {
		return tls.Certificate{}, err
	}
	return identity.Certificate(key)
}

// serve makes this engine's machine a rendezvous until ctx ends.
func (l *lab) serve(ctx context.Context, name string, loopback bool) error {
	cert, err := certificate(name)
	if err != nil {
		return err
	}
	s, err := rendezvous.New(rendezvous.Config{
		Port: l.e.Port(), Self: l.e.WireGuardPublic(), Disco: l.e.DiscoPublic(), Loopback: loopback,
		Addresses: func() (out []netip.Addr) {
			eps, _ := l.e.Endpoints()
			for _, ep := range eps {
				out = append(out, ep.Addr())
			}
			return out
		},
	})
	if err != nil {
		return err
	}
	s.Apply(l.cfg)
	host := ""
	if loopback {
		host = "127.0.0.1"
	}
	door, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, l.e.Port()))
	if err != nil {
		return err
	}
	doors := tls.NewListener(door, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	go func() {
		if err := s.Run(ctx, doors); err != nil {
			log.Fatal(err)
		}
	}()
	go func() {
		if err := l.e.ServeRelay(ctx, s.Allocate); err != nil {
			log.Fatal(err)
		}
	}()
	return nil
}

// waitAt makes a member at those hosts the rendezvous, and everybody's home.
func (l *lab) waitAt(name string, hosts []string) {
	cert, err := certificate(name)
	if err != nil {
		log.Fatal(err)
	}
	port := l.port // the same everywhere
	id := named(name).id
	r := warren.Rendezvous{
		ID: id, Name: name, Certificate: sha256.Sum256(cert.Certificate[0]), STUN: []uint16{port + 1, port + 2},
	}
	for _, host := range hosts {
		r.Doors = append(r.Doors, net.JoinHostPort(host, fmt.Sprint(port)))
		r.Relay = append(r.Relay, netip.AddrPortFrom(netip.MustParseAddr(host), port+3))
	}
	l.cfg.Rendezvous = []warren.Rendezvous{r}
	for i := range l.cfg.Peers {
		l.cfg.Peers[i].Home = id
	}
}
