//go:build linux

package engine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lab builds the program that runs one engine in a process of its own. It is
// not a test program, and that matters: magicsock takes the network to be up
// whenever it runs inside a test.
func lab(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the ip command (iproute2)")
	}
	bin, err := buildLab()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

var labDir = ""

var buildLab = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "warren-lab-")
	if err != nil {
		return "", err
	}
	labDir = dir
	bin := filepath.Join(dir, "lab")
	out, err := exec.Command("go", "build", "-o", bin, "./testdata/lab").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build lab: %w: %s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if labDir != "" {
		os.RemoveAll(labDir)
	}
	os.Exit(code)
}

var namespaces atomic.Int32

// namespace makes one with loopback up and removes it in the end.
func namespace(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("warren-%d-%d", os.Getpid(), namespaces.Add(1))
	ip(t, "netns", "add", name)
	t.Cleanup(func() {
		out, err := exec.Command("ip", "netns", "del", name).CombinedOutput()
		if err != nil {
			t.Errorf("remove %s: %v: %s", name, err, out)
		}
	})
	ip(t, "-n", name, "link", "set", "lo", "up")
	return name
}

// wire joins two namespaces: .1 and .2 of 192.0.2.0/24, ::1 and ::2 of
// 2001:db8::/64.
func wire(t *testing.T, a, b string) {
	t.Helper()
	ip(t, "link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "eth0", "netns", b)
	for i, ns := range []string{a, b} {
		ip(t, "-n", ns, "addr", "add", fmt.Sprintf("192.0.2.%d/24", i+1), "dev", "eth0")
		ip(t, "-n", ns, "addr", "add", fmt.Sprintf("2001:db8::%d/64", i+1), "dev", "eth0", "nodad")
		ip(t, "-n", ns, "link", "set", "eth0", "up")
	}
}

func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// process is a running lab.
type process struct {
	t    *testing.T
	name string
	in   io.WriteCloser
	out  *bufio.Scanner
	cmd  *exec.Cmd
}

func launch(t *testing.T, bin, ns, name string, args ...string) *process {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, bin, "-name", name}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: name, in: in, out: bufio.NewScanner(out), cmd: cmd}
	t.Cleanup(p.end)
	p.wantLine("ready")
	return p
}

// end closes standard input, at which the lab stops.
func (p *process) end() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.in.Close()
	kill := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
	}
}

func (p *process) wantLine(prefix string) string {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("%s ended, waiting for %q", p.name, prefix)
	}
	if line := p.out.Text(); strings.HasPrefix(line, prefix) {
		return line
	}
	p.t.Fatalf("%s said %q, want %q", p.name, p.out.Text(), prefix)
	return ""
}

// do gives a command and wants an answer with that beginning.
func (p *process) do(command, want string) string {
	p.t.Helper()
	fmt.Fprintln(p.in, command)
	line := p.wantLine(want)
	p.t.Logf("%s: %s -> %s", p.name, command, line)
	return line
}

func TestKernelMode(t *testing.T) {
	bin := lab(t)
	for _, c := range []struct{ name, a, b string }{
		{"kernel to kernel", "-device=warren0", "-device=warren0"},
		{"kernel to userspace", "-device=warren0", "-userspace"},
		{"userspace to userspace", "-userspace", "-userspace"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nsA, nsB := namespace(t), namespace(t)
			wire(t, nsA, nsB)
			before := routes(t, nsA)
			a := launch(t, bin, nsA, "a", "-port=4001", c.a, "-peers=b@192.0.2.2:4001+[2001:db8::2]:4001")
			b := launch(t, bin, nsB, "b", "-port=4001", c.b, "-peers=a@192.0.2.1:4001")
			a.do("endpoints", "[192.0.2.1:4001 [2001:db8::1]:4001]")
			if c.a != "-userspace" {
				// A program that knows nothing of warren comes first.
				a.do("plain b", "plain hello")
			}
			a.do("tcp b", "tcp hello")
			a.do("tcp4 b", "tcp hello")
			a.do("udp b", "udp hello")
			b.do("tcp a", "tcp hello")
			b.do("udp4 a", "udp hello")
			a.do("ping b", "pong lan")
			b.do("deny", "ok")
			a.do("soon tcp b", "error: ")
			b.do("allow", "ok")
			a.do("tcp b", "tcp hello")
			a.end()
			after := routes(t, nsA)
			if after != before {
				t.Errorf("left behind:\n%s\nwas:\n%s", after, before)
			}
			if links := ip(t, "-n", nsA, "link"); strings.Contains(links, "warren0") {
				t.Errorf("left a device behind:\n%s", links)
			}
		})
	}
}

// routes are a namespace's, whether its link is up already or not.
func routes(t *testing.T, ns string) string {
	t.Helper()
	all := ip(t, "-n", ns, "route") + ip(t, "-n", ns, "-6", "route") + ip(t, "-n", ns, "rule")
	return strings.ReplaceAll(all, "linkdown ", "")
}

func TestEndpointsFollowTheNetwork(t *testing.T) {
	bin := lab(t)
	here, elsewhere := namespace(t), namespace(t)
	wire(t, here, elsewhere)
	a := launch(t, bin, here, "a", "-port=4001", "-userspace")
	a.do("endpoints", "[192.0.2.1:4001 [2001:db8::1]:4001]")
	ip(t, "-n", here, "addr", "add", "192.0.2.7/24", "dev", "eth0")
	a.do("changed", "[192.0.2.1:4001 192.0.2.7:4001 [2001:db8::1]:4001]")
}

// TestNarrowInterfaces has another tunnel on the machine, which full packets
// do not fit through.
func TestNarrowInterfaces(t *testing.T) {
	bin := lab(t)
	here, elsewhere := namespace(t), namespace(t)
	wire(t, here, elsewhere)
	ip(t, "link", "add", "narrow", "mtu", "1359", "netns", here, "type", "veth", "peer", "name", "narrow", "netns", elsewhere)
	ip(t, "-n", elsewhere, "link", "set", "narrow", "up")
	ip(t, "-n", here, "addr", "add", "198.51.100.1/24", "dev", "narrow")
	ip(t, "-n", here, "link", "set", "narrow", "up")
	a := launch(t, bin, here, "a", "-port=4001", "-userspace")
	a.do("endpoints", "[192.0.2.1:4001 [2001:db8::1]:4001]")
	ip(t, "-n", here, "link", "set", "eth0", "down")
	a.do("changed", "[198.51.100.1:4001]")
}

func TestLoopbackInItsOwnProcess(t *testing.T) {
	bin := lab(t)
	ns := namespace(t) // with nothing but lo, which is no network to magicsock
	a := launch(t, bin, ns, "a", "-port=4001", "-loopback", "-peers=b@127.0.0.1:4002")
	b := launch(t, bin, ns, "b", "-port=4002", "-loopback", "-peers=a@127.0.0.1:4001")
	a.do("endpoints", "[127.0.0.1:4001 [::1]:4001]")
	a.do("tcp b", "tcp hello")
	b.do("udp a", "udp hello")
}

// TestLoopbackDropsWhatComesFromElsewhere runs the same twice, with and
// without Loopback, so that it can be seen to fail.
func TestLoopbackDropsWhatComesFromElsewhere(t *testing.T) {
	bin := lab(t)
	for _, mode := range []string{"-userspace", "-loopback"} {
		t.Run(mode, func(t *testing.T) {
			here, elsewhere := namespace(t), namespace(t)
			wire(t, here, elsewhere)
			launch(t, bin, here, "a", "-port=4001", mode, "-peers=b@192.0.2.2:4001")
			b := launch(t, bin, elsewhere, "b", "-port=4001", "-userspace", "-peers=a@192.0.2.1:4001+[2001:db8::1]:4001")
			refused := noPorts(t, here)
			b.do("knock 192.0.2.1:4001", "ok")
			b.do("knock [2001:db8::1]:4001", "ok")
			want := 0
			if mode == "-loopback" {
				want = 2
				b.do("soon ping a", "error: ")
			} else {
				b.do("ping a", "pong")
			}
			if got := noPorts(t, here) - refused; got < want || (want == 0 && got != 0) {
				t.Errorf("the kernel refused %d datagrams, want %d", got, want)
			}
		})
	}
}

// noPorts counts the datagrams that came to a port where nobody listens, as
// the kernel sees it.
func noPorts(t *testing.T, ns string) int {
	t.Helper()
	sum := 0
	for _, name := range []string{"UdpNoPorts", "Udp6NoPorts"} {
		out := ip(t, "netns", "exec", ns, "nstat", "-asz", name)
		var n int
		for line := range strings.Lines(out) {
			if rest, ok := strings.CutPrefix(line, name); ok {
				_, _ = fmt.Sscan(rest, &n)
			}
		}
		sum += n
	}
	return sum
}

// TestLoopbackSendsNothingElsewhere counts what leaves a machine that has a
// default route to tempt it; with a rendezvous on it, whose STUN and DERP are
// asked, and when that has gone.
func TestLoopbackSendsNothingElsewhere(t *testing.T) {
	bin := lab(t)
	for _, mode := range []string{"-userspace", "-loopback"} {
		t.Run(mode, func(t *testing.T) {
			here, elsewhere := namespace(t), namespace(t)
			wire(t, here, elsewhere)
			// The kernel's own neighbour discovery would count as well.
			ip(t, "netns", "exec", here, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
			ip(t, "-n", here, "route", "add", "default", "via", "192.0.2.2")
			time.Sleep(time.Second)
			before := ip(t, "netns", "exec", here, "cat", "/sys/class/net/eth0/statistics/tx_packets")
			args := []string{"-port=4001", mode, "-peers=b@192.0.2.2:4001,c@198.51.100.1:1"}
			if mode == "-loopback" {
				m := launch(t, bin, here, "m", "-port=4011", mode, "-serve=127.0.0.1", "-peers=a")
				a := launch(t, bin, here, "a", append(args, "-member=m@127.0.0.1:4011")...)
				a.do("home", "home ")
				a.do("endpoints", "[127.0.0.1:4001 ")
				m.do("endpoints", "[127.0.0.1:4011 ")
				m.end()
				a.do("soon ping b", "error: ") // meanwhile it looks for its home
				a.end()
			}
			a := launch(t, bin, here, "a", args...)
			a.do("soon ping b", "error: ")
			a.do("soon tcp c", "error: ")
			a.end()
			after := ip(t, "netns", "exec", here, "cat", "/sys/class/net/eth0/statistics/tx_packets")
			if sent := after != before; sent != (mode != "-loopback") {
				t.Errorf("sent %s packets before, %s after", strings.TrimSpace(before), strings.TrimSpace(after))
			}
		})
	}
}
