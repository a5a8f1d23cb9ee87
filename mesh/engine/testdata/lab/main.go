// Command lab runs one engine for the tests that need a process of their own:
// in a network namespace, or to be measured. All keys follow from the names,
// so that the engines know each other without talking.
//
//	lab -name a -peer b@127.0.0.1:4002 -loopback -port 4001
//
// It echoes TCP and UDP on port 2200 of its overlay addresses, and answers
// commands, one a line, on standard output; after "soon" they have one second
// rather than five. With -serve HOST it is a rendezvous at that address; with
// -member NAME@HOST+HOST[:PORT] another is, and everybody's home:
//
//	ping NAME | tcp NAME | udp NAME | tcp4 NAME | udp4 NAME | plain NAME
//	knock ADDRESS:PORT | rate NAME SECONDS | stream NAME SECONDS | memory
//	own|other|forge tcp|udp NAME [AS] | heard | address NAME
//	peers | endpoints | changed | apply NAME@ENDPOINT,... | deny | allow
package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"warren/mesh/engine"
	"warren/mesh/filter"
	"warren/mesh/identity"

	"golang.org/x/crypto/curve25519"
)

const port = 2200

type node struct {
	id              identity.NodeID
	wg, disco       [32]byte
	wgPub, discoPub [32]byte
	addr, addr4     netip.Addr
}

var mesh = identity.MeshID{9, 9, 9}

func named(name string) (n node) {
	seed := sha256.Sum256([]byte("node " + name))
	n.id = identity.NodeIDOf(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	n.wg = sha256.Sum256([]byte("wg " + name))
	n.disco = sha256.Sum256([]byte("disco " + name))
	curve25519.ScalarBaseMult(&n.wgPub, &n.wg)
	curve25519.ScalarBaseMult(&n.discoPub, &n.disco)
	n.addr = mesh.Address(n.id)
	n.addr4 = netip.AddrFrom4([4]byte{10, 77, 0, name[0]})
	return n
}

type lab struct {
	e    *engine.Engine
	self node
	cfg  engine.Config
	port uint16 // of the member

	changed <-chan struct{} // since the last "endpoints"
	own     own
}

func (l *lab) peers(list string) []engine.Peer {
	var out []engine.Peer
	for _, s := range strings.Split(list, ",") {
		name, eps, _ := strings.Cut(s, "@")
		if name == "" {
			continue
		}
		n := named(name)
		p := engine.Peer{ID: n.id, WireGuard: n.wgPub, Disco: n.discoPub, Addresses: []netip.Addr{n.addr, n.addr4}}
		for _, ep := range strings.Split(eps, "+") {
			if ep != "" {
				p.Endpoints = append(p.Endpoints, netip.MustParseAddrPort(ep))
			}
		}
		out = append(out, p)
	}
	return out
}

func main() {
	name := flag.String("name", "a", "")
	peerList := flag.String("peers", "", "NAME@ENDPOINT+ENDPOINT,...")
	listen := flag.Uint("port", 0, "")
	loopback := flag.Bool("loopback", false, "")
	user := flag.Bool("userspace", false, "")
	device := flag.String("device", "", "")
	debug := flag.Bool("debug", false, "")
	serve := flag.String("serve", "", "HOST")
	at := flag.String("member", "", "NAME@HOST+HOST[:PORT]")
	ghosts := flag.Int("ghosts", 0, "peers that do not exist")
	flag.Parse()

	opts := engine.Options{Port: uint16(*listen), Loopback: *loopback, Device: *device}
	if *user {
		opts.Mode = engine.ModeUserspace
	}
	if *debug {
		opts.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	l := &lab{self: named(*name)}
	opts.WireGuard, opts.Disco = l.self.wg, l.self.disco
	e, err := engine.New(opts)
	if err != nil {
		log.Fatal(err)
	}
	l.e = e
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()

	l.cfg = engine.Config{
		Self: l.self.id, Mesh: mesh,
		Addresses: []netip.Prefix{netip.PrefixFrom(l.self.addr, 128), netip.PrefixFrom(l.self.addr4, 32)},
		Routes:    []netip.Prefix{mesh.Prefix(), netip.MustParsePrefix("10.77.0.0/24")},
		Peers:     l.peers(*peerList),
		Filter:    allow(),
	}
	for i := range *ghosts {
		p := l.peers("ghost" + strconv.Itoa(i) + "@192.0.2.1:" + strconv.Itoa(1000+i))[0]
		p.Addresses = p.Addresses[:1]
		l.cfg.Peers = append(l.cfg.Peers, p)
	}
	if *serve != "" {
		*at = *name + "@" + *serve
		if err := l.serve(ctx, *name, *loopback); err != nil {
			log.Fatal(err)
		}
	}
	l.port = e.Port()
	if member, host, ok := strings.Cut(*at, "@"); ok {
		if h, p, ok := strings.Cut(host, ":"); ok {
			n, err := strconv.ParseUint(p, 10, 16)
			if err != nil {
				log.Fatal(err)
			}
			host, l.port = h, uint16(n)
		}
		l.waitAt(member, strings.Split(host, "+"))
	}
	if err := e.Apply(l.cfg); err != nil {
		log.Fatal(err)
	}
	for _, a := range []netip.Addr{l.self.addr, l.self.addr4} {
		if err := l.echo(ctx, netip.AddrPortFrom(a, port)); err != nil {
			log.Fatal(err)
		}
	}
	if err := l.own.open(ctx, l); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready", e.Port())
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			words := strings.Fields(in.Text())
			if len(words) == 0 {
				continue
			}
			out, err := l.do(ctx, words)
			if err != nil {
				out = "error: " + err.Error()
			}
			fmt.Println(strings.ReplaceAll(out, "\n", " | "))
		}
		stop()
	}()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
}

func allow() *filter.Rules {
	all := []netip.Prefix{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("0.0.0.0/0")}
	return &filter.Rules{List: []filter.Rule{{Srcs: all, Dsts: all, Ports: filter.AllPorts()}}}
}

func (l *lab) echo(ctx context.Context, at netip.AddrPort) error {
	ln, err := l.e.Listen(ctx, at)
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
	sink, err := l.e.Listen(ctx, netip.AddrPortFrom(at.Addr(), port+1))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := sink.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				n, _ := io.Copy(io.Discard, c)
				fmt.Fprint(c, n)
			}()
		}
	}()
	pc, err := l.e.ListenPacket(at)
	if err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(buf[:n], from)
		}
	}()
	return nil
}

func (l *lab) do(ctx context.Context, words []string) (string, error) {
	patience := 5 * time.Second
	if words[0] == "soon" {
		patience, words = time.Second, words[1:]
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var n node
	if len(words) > 1 {
		n = named(words[1])
	}
	begin := time.Now()
	switch words[0] {
	case "ping":
		pong, err := l.e.Ping(ctx, n.id)
		if pong.Via != "" {
			return fmt.Sprintf("pong %s via %s %v", pong.Kind, pong.Via, pong.RTT), err
		}
		return fmt.Sprintf("pong %s %s %v", pong.Kind, pong.Endpoint, pong.RTT), err
	case "home":
		for l.e.Home().IsZero() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		return "home " + l.e.Home().Short(), ctx.Err()
	case "tcp", "udp":
		return l.talk(ctx, words[0], n.addr, begin)
	case "tcp4", "udp4":
		return l.talk(ctx, words[0][:3], n.addr4, begin)
	case "own", "other", "forge":
		n = named(words[2])
		return l.own.do(ctx, l, words[0], words[1], n.addr, named(words[len(words)-1]).addr)
	case "heard":
		return fmt.Sprint("heard ", l.own.heard.Load()), nil
	case "address":
		return n.addr.String(), nil
	case "plain":
		c, err := net.DialTimeout("tcp", netip.AddrPortFrom(n.addr, port).String(), 5*time.Second)
		if err != nil {
			return "", err
		}
		return hello(c, "plain", begin)
	case "knock":
		c, err := net.Dial("udp", words[1])
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, err = c.Write([]byte("knock"))
		return "ok", err
	case "stream":
		return l.stream(n.addr, words[2])
	case "rate":
		return l.rate(ctx, n.addr, words[2])
	case "peers":
		var b strings.Builder
		for _, p := range l.e.Peers() {
			fmt.Fprintf(&b, "%s rx=%d tx=%d ep=%s\n", p.ID.Short(), p.RxBytes, p.TxBytes, p.Endpoint)
		}
		return b.String(), nil
	case "endpoints":
		eps, changed := l.e.Endpoints()
		l.changed = changed
		return fmt.Sprint(eps), nil
	case "changed":
		select {
		case <-l.changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		return l.do(ctx, []string{"endpoints"})
	case "deny":
		l.cfg.Filter = nil
		return "ok", l.e.Apply(l.cfg)
	case "allow":
		l.cfg.Filter = allow()
		return "ok", l.e.Apply(l.cfg)
	case "apply":
		l.cfg.Peers = nil
		if len(words) > 1 {
			l.cfg.Peers = l.peers(words[1])
		}
		return "ok", l.e.Apply(l.cfg)
	case "memory":
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return fmt.Sprintf("heap=%d sys=%d goroutines=%d", m.HeapAlloc, m.Sys, runtime.NumGoroutine()), nil
	case "stacks":
		buf := make([]byte, 1<<20)
		os.Stderr.Write(buf[:runtime.Stack(buf, true)])
		return "ok", nil
	}
	return "", errors.New("no such command")
}

func (l *lab) talk(ctx context.Context, network string, to netip.Addr, begin time.Time) (string, error) {
	return l.talkTo(ctx, network, netip.AddrPortFrom(to, port), begin)
}

func (l *lab) talkTo(ctx context.Context, network string, to netip.AddrPort, begin time.Time) (string, error) {
	c, err := l.e.Dial(ctx, network, to)
	if err != nil {
		return "", err
	}
	return hello(c, network, begin)
}

func hello(c net.Conn, network string, begin time.Time) (string, error) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, "hello"); err != nil {
		return "", err
	}
	back := make([]byte, 5)
	if _, err := io.ReadFull(c, back); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %v", network, back, time.Since(begin)), nil
}

// stream sends a line every 100 ms and tells the longest wait for an answer.
func (l *lab) stream(to netip.Addr, seconds string) (string, error) {
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return "", err
	}
	c, err := l.e.Dial(context.Background(), "tcp", netip.AddrPortFrom(to, port))
	if err != nil {
		return "", err
	}
	defer c.Close()
	var longest time.Duration
	for begin := time.Now(); time.Since(begin).Seconds() < s; time.Sleep(100 * time.Millisecond) {
		sent := time.Now()
		c.SetDeadline(sent.Add(30 * time.Second))
		if _, err := c.Write([]byte("x")); err != nil {
			return "", err
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			return "", err
		}
		longest = max(longest, time.Since(sent))
	}
	return fmt.Sprint("longest ", longest), nil
}

func (l *lab) rate(ctx context.Context, to netip.Addr, seconds string) (string, error) {
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return "", err
	}
	c, err := l.e.Dial(ctx, "tcp", netip.AddrPortFrom(to, port+1))
	if err != nil {
		return "", err
	}
	defer c.Close()
	buf := make([]byte, 64<<10)
	begin, sent := time.Now(), 0
	for time.Since(begin).Seconds() < s {
		n, err := c.Write(buf)
		if err != nil {
			return "", err
		}
		sent += n
	}
	c.(interface{ CloseWrite() error }).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil {
		return "", err
	}
	took := time.Since(begin)
	return fmt.Sprintf("rate %.0f Mbit/s sent=%d got=%s", float64(sent)*8/1e6/took.Seconds(), sent, got), nil
}
