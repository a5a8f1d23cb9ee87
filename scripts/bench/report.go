package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// What is measured, as the report words it.
const (
	rowCommand         = "a command on a warm node: `shell d -- true`, `ssh d true`"
	rowOutput          = "20 MB of output, compared byte by byte"
	rowJoin            = "join link to first pong, approved at once"
	rowMemory          = "idle device, resident memory"
	rowProcessor       = "idle device, processor"
	rowBinary          = "the binary"
	rowTCP             = "TCP through the overlay, one stream, equal MTU"
	rowPing            = "ping through the overlay, p50"
	rowUserspace       = "TCP in userspace mode"
	rowKeyMedian       = "a key's echo, p50: `shell -t d -- cat`, `ssh -t d cat` through wireguard-go"
	rowKeyWorst        = "a key's echo, p99"
	rowCommit          = "three controllers, a commit with 1 writer, p50"
	rowWrites          = "three controllers, acknowledged writes with 32 writers"
	rowLeaderless      = "leader killed to next acknowledged write, median"
	rowLeaderlessWorst = "the same, worst"
	rowInvite          = "three controllers, an invite by a person's node"
	rowOrphans         = "a new shell with all controllers dead"
	rowRevoked         = "revocation at all peers, by controllers, worst"
	rowRevokedGossip   = "revocation at all peers, all controllers dead, worst"
	rowDirect          = "start to a direct path between two port-restricted NATs"
	rowPlan            = "`plan.For` at 5,000 devices, the slowest kind of machine"
)

// row is one line of the table.
type row struct{ what, warren, peer, bar, verdict string }

// report is everything measured in one run.
type report struct{ rows []row }

func (r *report) add(what, warren, peer, bar, verdict string) {
	r.rows = append(r.rows, row{what, warren, peer, bar, verdict})
}

// missing says of the rows that a step did not add why they are not there.
func (r *report) missing(names []string, err error) {
	for _, name := range names {
		if slices.ContainsFunc(r.rows, func(got row) bool { return got.what == name }) {
			continue
		}
		r.add(name, "", "", "", "not measured: "+reason(err))
	}
	if err != nil {
		fmt.Println("        not measured:", err)
	}
}

// reason is an error as a cell of a table.
func reason(err error) string {
	if err == nil {
		return "no figure came of it"
	}
	text, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	text = strings.ReplaceAll(text, "|", "/")
	const longest = 200
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " ..."
	}
	return text
}

// text is the report as docs/benchmarks.md.
func (r *report) text(peers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

Written by `+"`make bench`"+`, %s: %s, %d cores, %s, %s. Peers: %s. All in one run on one machine; where two are compared their runs alternate, and medians are compared.

| what | warren | peer | bar | |
|---|---|---|---|---|
`, time.Now().UTC().Format(time.DateOnly), processor(), runtime.NumCPU(), kernel(), runtime.Version(), strings.Join(peers, ", "))
	for _, one := range r.rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", one.what, one.warren, one.peer, one.bar, one.verdict)
	}
	b.WriteString(`
How, on loopback: ` + "`scripts/bench`" + ` starts ` + "`warren demo`" + ` and an sshd of its own with an Ed25519 key, without PAM and with an empty home folder, so that no shell's start-up file counts. Every command is a new process on both sides; OpenSSH opens a connection each time, warren a session through the running nodes. Joining is timed from ` + "`warren join`" + ` to the first pong at the technician's node, with the node's start in between. Processor time is counted in ticks of 10 ms.

How, in network namespaces (` + "`scripts/lab -bench`" + `, root): whole nodes with a kernel interface, wireguard-go and sshd, each in a namespace of its own on one bridge. TCP is iperf3 for 4 s after 1 s of warming up. Userspace mode is compared with kernel mode by the engine's own test program in both, as no verb carries a plain TCP stream there, with the collector's limits of a node. Keys are typed one at a time, 5 ms apart, in turns. A revocation is over when the last machine knows it; that is asked of each all the time, by its socket, which with controllers dead takes a second.

How, the controllers: three processes of the store with files and TCP on this machine's disk; a write is a signed command, acknowledged after fsync on two of three; 10 leaders are killed with kill -9 under 8 writers. 100 kills are ` + "`make soak`" + `. The invite is the same through a whole node: its socket, signature, TLS between controllers.
`)
	return b.String()
}

// atMost tells whether a figure keeps its bar, and by how much.
func atMost(got, bar float64, format string) string {
	if got <= bar {
		return "met: " + fmt.Sprintf(format, got)
	}
	return fmt.Sprintf("**missed**: "+format+", %.1f times the bar", got, got/bar)
}

// atLeast is atMost for what should be large.
func atLeast(got, bar float64, format string) string {
	if got >= bar {
		return "met: " + fmt.Sprintf(format, got)
	}
	return fmt.Sprintf("**missed**: "+format+", %.2f of the bar", got, got/bar)
}

// goal tells whether a ratio that has no bar reaches what is wished for.
func goal(got, wished float64) string {
	if got <= wished {
		return fmt.Sprintf("goal reached: %.2f", got)
	}
	return fmt.Sprintf("reported: %.2f", got)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "Linux " + strings.TrimSpace(string(text))
}

// sections is what stands in a report from its first heading on: it is of other
// tools, and stays.
func sections(path string) (string, error) {
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	at := strings.Index(string(old), "\n## ")
	if at < 0 {
		return "", nil
	}
	return string(old)[at:], nil
}
