//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// link is what a wire does to packets, each way.
type link struct {
	delay time.Duration
	loss  float64
	rate  float64 // bits a second
	queue time.Duration
}

// thin is 30 ms there and back, 1 % lost each way, 5 Mbit/s, and a router that
// keeps a tenth of a second.
var thin = link{delay: 15 * time.Millisecond, loss: 0.01, rate: 5e6, queue: 100 * time.Millisecond} //nolint:gochecknoglobals // what is measured

const (
	viewerSpace, deviceSpace = "warren-bench-a", "warren-bench-b"
	viewerIP, deviceIP       = "10.219.7.1", "10.219.7.2"
	wireMTU                  = 1500
)

// openWire makes two network namespaces and a wire between them: whatever one
// sends into its tunnel interface comes out of the other's, as link has it.
// The kernel here has no netem.
func openWire(ctx context.Context, l link) (place, func(), error) {
	if os.Geteuid() != 0 {
		return place{}, nil, fmt.Errorf("network namespaces need root")
	}
	ctx, cancel := context.WithCancel(ctx)
	var ends []*os.File
	var carrying sync.WaitGroup
	end := func() {
		cancel()
		for _, f := range ends {
			_ = f.Close()
		}
		carrying.Wait()
		for _, ns := range []string{viewerSpace, deviceSpace} {
			_ = exec.Command("ip", "netns", "del", ns).Run() //nolint:noctx // the run may have ended
		}
	}
	for ns, ip := range map[string]string{viewerSpace: viewerIP, deviceSpace: deviceIP} {
		if err := ipDo(ctx, "netns add "+ns); err != nil {
			end()
			return place{}, nil, err
		}
		f, err := openTunnel(ns)
		if err != nil {
			end()
			return place{}, nil, err
		}
		ends = append(ends, f)
		for _, words := range []string{"link set lo up", "addr add " + ip + "/24 dev wire", fmt.Sprintf("link set wire mtu %d up", wireMTU)} {
			if err := ipDo(ctx, "-n "+ns+" "+words); err != nil {
				end()
				return place{}, nil, err
			}
		}
	}
	carrying.Go(func() { l.carry(ctx, ends[0], ends[1]) })
	carrying.Go(func() { l.carry(ctx, ends[1], ends[0]) })
	in := func(ns string) []string { return []string{"ip", "netns", "exec", ns} }
	return place{viewer: in(viewerSpace), device: in(deviceSpace), address: deviceIP}, end, nil
}

func ipDo(ctx context.Context, words string) error {
	out, err := exec.CommandContext(ctx, "ip", strings.Fields(words)...).CombinedOutput() //nolint:gosec // ours
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", words, err, out)
	}
	return nil
}

// openTunnel makes the interface "wire" in a namespace.
func openTunnel(ns string) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	got := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		f, err := tunnelIn(ns)
		got <- result{f, err}
	}()
	r := <-got
	return r.f, r.err
}

func tunnelIn(ns string) (*os.File, error) {
	space, err := os.Open("/run/netns/" + ns)
	if err != nil {
		return nil, err
	}
	defer space.Close()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("enter %s: %w", ns, err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open tun: %w", err)
	}
	req, err := unix.NewIfreq("wire")
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, fmt.Errorf("make the tunnel: %w", err)
	}
	return os.NewFile(uintptr(fd), "wire"), nil //nolint:gosec // a descriptor
}

type late struct {
	at   time.Time
	data []byte
}

// carry takes packets from one end to the other until ctx ends.
func (l link) carry(ctx context.Context, from, to *os.File) {
	way := make(chan late, 4096)
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for p := range way {
			rest(ctx, time.Until(p.at))
			_, _ = to.Write(p.data)
		}
	})
	var free time.Time // when the wire has sent what waits
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			break
		}
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		if free.Sub(now) > l.queue || rand.Float64() < l.loss {
			continue
		}
		free = free.Add(time.Duration(float64(n*8) / l.rate * float64(time.Second)))
		select {
		case way <- late{free.Add(l.delay), append([]byte{}, buffer[:n]...)}:
		default:
		}
	}
	close(way)
	carrying.Wait()
}
