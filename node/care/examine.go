package care

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"

	"warren/node/fault"
	"warren/node/home"
	"warren/node/platform"
)

// Finding is the answer of one check.
type Finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	// Hint is what to do; empty where there is nothing.
	Hint string `json:"hint"`
}

func good(check, format string, args ...any) Finding {
	return Finding{Check: check, OK: true, Detail: fmt.Sprintf(format, args...)}
}

func wrong(check, hint, format string, args ...any) Finding {
	return Finding{Check: check, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// failure is an error as a finding.
func failure(check string, err error) Finding {
	f := fault.Of(err)
	return Finding{Check: check, Detail: f.Message, Hint: f.Hint}
}

// Examine looks at machine and state folder. running are the options of the
// node that has the folder, and its ports; nil where none runs.
func Examine(ctx context.Context, dir platform.Dir, running *platform.Config) []Finding {
	out := []Finding{system(), folder(dir)}
	if _, err := os.Stat(string(dir)); err != nil {
		return append(out, tunnel(platform.Config{}), terminals(), screens(ctx), mtu())
	}
	up, err := platform.ReadConfig(dir.Config())
	out = append(out, space(dir), files(dir))
	if err != nil {
		out = append(out, failure("options", err))
	} else {
		out = append(out, good("options", "%s", options(dir)))
	}
	if running != nil {
		up = *running
	}
	out = append(out, tunnel(up), terminals(), screens(ctx), mtu())
	if running == nil && err == nil {
		out = append(out, ports(up))
	}
	return append(out, names(ctx, dir, up))
}

func system() Finding {
	name := platform.SystemName()
	if name == "" {
		name = runtime.GOOS
	}
	if k := platform.Kernel(); k != "" {
		name += ", kernel " + k
	}
	return good("system", "%s, %s", name, runtime.GOARCH)
}

func folder(dir platform.Dir) Finding {
	info, err := os.Stat(string(dir))
	if err == nil && !platform.Owns(info) {
		return good("folder", "%s belongs to another user; as that user, doctor looks inside", dir)
	}
	if err := dir.Check(); err != nil {
		return failure("folder", err)
	}
	return good("folder", "%s is this user's own, mode %04o, and takes writes", dir, info.Mode().Perm())
}

// enough is the space below which a node may soon be unable to write.
const enough = 64 << 20

func space(dir platform.Dir) Finding {
	free, inodes, err := platform.Space(dir)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return good("space", "this system does not tell")
	case err != nil:
		return failure("space", err)
	case free < enough:
		return wrong("space", "free some space", "%d MB are left where %s is; a node needs %d", free>>20, dir, enough>>20)
	case inodes == 0:
		return wrong("space", "remove some files", "no file can be made any more where %s is", dir)
	}
	return good("space", "%.1f GB are free", float64(free)/(1<<30))
}

// files reads every state file, so that damage is found before it matters.
func files(dir platform.Dir) Finding {
	if info, err := os.Stat(string(dir)); err != nil || !platform.Owns(info) {
		return good("files", "not looked at: they are for their owner's eyes")
	}
	whole, recovered := 0, []string(nil)
	for _, path := range home.At(dir).Files() {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(path + platform.PreviousSuffix); err != nil {
				continue
			}
		} else if err == nil && platform.Exposed(info) {
			return wrong("files", "chmod 600 "+path, "others can read %s (mode %04o)", path, info.Mode().Perm())
		}
		_, older, err := platform.ReadFile(path)
		switch {
		case err != nil:
			return failure("files", err)
		case older:
			recovered = append(recovered, path)
		}
		whole++
	}
	switch {
	case len(recovered) > 0:
		return wrong("files", "look at the disk (dmesg); the node writes it anew at the next change",
			"%s was damaged; the generation before is in use", strings.Join(recovered, ", "))
	case whole == 0:
		return wrong("files", "warren init --name MESH, or warren join LINK", "this machine is in no mesh")
	}
	f := good("files", "%d state files, whole by their checksums", whole)
	if _, err := os.Stat(dir.Recovery()); err == nil {
		f.Detail += "; " + dir.Recovery() + " lies here still"
		f.Hint = "move the recovery key off this machine"
	}
	return f
}

func options(dir platform.Dir) string {
	if _, err := os.Stat(dir.Config()); err != nil {
		return "no warren.yaml: defaults, or the flags of up"
	}
	return dir.Config() + " reads well"
}

func tunnel(up platform.Config) Finding {
	can := platform.CanTun()
	switch {
	case up.Loopback:
		return good("tunnel", "in userspace, as loopback wants it")
	case up.Tun == "userspace":
		return good("tunnel", "in userspace, as tun: userspace wants it")
	case can:
		return good("tunnel", "through the kernel: /dev/net/tun opens")
	case up.Tun == "kernel":
		return wrong("tunnel", "run as root, and load the module tun; or tun: userspace", "tun: kernel is wanted, and /dev/net/tun does not open here")
	}
	return good("tunnel", "in userspace: this user may not open /dev/net/tun, or there is none")
}

func terminals() Finding {
	if runtime.GOOS == "windows" {
		return good("terminals", "not served on this system yet")
	}
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return wrong("terminals", "mount devpts on /dev/pts", "no terminal can be opened: %v", err)
	}
	_ = f.Close()
	return good("terminals", "/dev/ptmx opens")
}

// leastMTU carries the least packet of IPv6, which the overlay must take, in
// WireGuard over UDP over IPv6 (RFC 8200 section 5; 80 bytes around it).
const leastMTU = 1280 + 80

func mtu() Finding {
	list, err := net.Interfaces()
	if err != nil {
		return failure("mtu", fmt.Errorf("list interfaces: %w", err))
	}
	var seen []string
	for _, i := range list {
		if i.Flags&net.FlagUp == 0 || i.Flags&(net.FlagLoopback|net.FlagPointToPoint) != 0 {
			continue
		}
		if i.MTU < leastMTU {
			return wrong("mtu", fmt.Sprintf("ip link set %s mtu %d, or more", i.Name, leastMTU),
				"%s takes packets of %d bytes; the tunnel needs %d", i.Name, i.MTU, leastMTU)
		}
		seen = append(seen, fmt.Sprintf("%s %d", i.Name, i.MTU))
	}
	const most = 4
	switch {
	case len(seen) == 0:
		return good("mtu", "no network interface is up but loopback")
	case len(seen) > most:
		seen = append(seen[:most], fmt.Sprintf("and %d more", len(seen)-most))
	}
	return good("mtu", "%s: large enough for the tunnel's %d", strings.Join(seen, ", "), leastMTU)
}

// ports tries the ports that up would take, while no node has them.
func ports(up platform.Config) Finding {
	list, err := up.Ports()
	if err != nil {
		return failure("ports", err)
	}
	for _, p := range list {
		if err := p.Try(); err != nil {
			if platform.AddrInUse(err) {
				return wrong("ports", fmt.Sprintf("ss -lnp 'sport = :%d' names it; or another listen: :PORT", p.Number), "%s is taken by another program", p)
			}
			return wrong("ports", "another listen: address, or run as root for ports under 1024", "%s cannot be taken: %v", p, errors.Unwrap(err))
		}
	}
	return good("ports", "%s: free", portList(list))
}

func portList(list []platform.Port) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}

// names looks whether finding a controller depends on DNS.
func names(ctx context.Context, dir platform.Dir, up platform.Config) Finding {
	for _, p := range up.Public {
		host, _, _ := net.SplitHostPort(p)
		if net.ParseIP(host) != nil {
			continue
		}
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return wrong("dns", "mend the name, or write the address into public", "%s, this machine's own public name, cannot be looked up", host)
		}
	}
	m, err := home.At(dir).Member()
	if err != nil {
		return good("dns", "nothing of the node itself needs it")
	}
	var named []string
	for _, c := range m.Controllers {
		host, _, _ := net.SplitHostPort(c.Address)
		if net.ParseIP(host) != nil {
			return good("dns", "not needed: controllers are known by address")
		}
		named = append(named, host)
	}
	for _, host := range named {
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return wrong("dns", "mend DNS; the node comes back by addresses it has seen, others cannot join",
				"the invite named the controller %s, which cannot be looked up", host)
		}
	}
	return good("dns", "nothing of the node itself needs it")
}
