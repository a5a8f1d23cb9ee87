package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// tunnel compares the overlay with wireguard-go.
func tunnel(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-tunnel")
	ours, theirs := rates(f.list("warren_mbit")), rates(f.list("wireguard_mbit"))
	if len(ours) > 0 && len(theirs) > 0 {
		var mtu string
		_ = json.Unmarshal(f["mtu"], &mtu)
		out.add(rowTCP, ours.String(), "wireguard-go: "+theirs.String(), "at least 1.0 of wireguard-go, goal 1.1",
			atLeast(ratio(ours.median(), theirs.median()), 1, "%.2f")+", MTU "+mtu)
	}
	near, far := milliseconds(f.list("warren_rtt")), milliseconds(f.list("wireguard_rtt"))
	if len(near) > 0 && len(far) > 0 {
		out.add(rowPing, near.String(), "wireguard-go: "+far.String(), "", fmt.Sprintf("reported: %.2f", ratio(near.median(), far.median())))
	}
	return err
}

// modes compares the two ways packets meet IP.
func modes(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-modes")
	user, kernel := rates(f.list("userspace_mbit")), rates(f.list("kernel_mbit"))
	if len(user) > 0 && len(kernel) > 0 {
		out.add(rowUserspace, user.String(), "kernel mode: "+kernel.String(), "at least 0.8 of kernel mode",
			atLeast(ratio(user.median(), kernel.median()), 0.8, "%.2f"))
	}
	return err
}

// keys compares a terminal with one by ssh through wireguard-go.
func keys(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-keys")
	ours, theirs := milliseconds(f.list("warren_echo")), milliseconds(f.list("ssh_echo"))
	if len(ours) == 0 || len(theirs) == 0 {
		return err
	}
	for _, one := range []struct {
		what string
		p    float64
	}{{rowKeyMedian, 0.5}, {rowKeyWorst, 0.99}} {
		a, b := ours.at(one.p), theirs.at(one.p)
		out.add(one.what, fmt.Sprintf("%s (%d keys)", short(a), len(ours)), "OpenSSH: "+short(b), "goal 1.2 of OpenSSH", goal(ratio(a, b), 1.2))
	}
	return err
}

// invites measures a change by a person, with three whole controllers.
func invites(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-controllers")
	if took := milliseconds(f.list("invite")); len(took) > 0 {
		out.add(rowInvite, took.String(), "", "", "reported")
	}
	return err
}

// orphans compares shells without controllers with shells with them.
func orphans(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-orphans")
	without, with := milliseconds(f.list("without_controllers")), milliseconds(f.list("with_controllers"))
	if len(without) > 0 && len(with) > 0 {
		out.add(rowOrphans, without.String(), "with controllers: "+with.String(), "at most 1.2 of with them",
			atMost(ratio(without.median(), with.median()), 1.2, "%.2f"))
	}
	return err
}

func revocation(ctx context.Context, r *run, out *report) error {
	f, err := r.measures(ctx, "bench-revocation")
	if took := milliseconds(f.list("with_controllers")); len(took) > 0 {
		out.add(rowRevoked, fmt.Sprintf("%s (median %s, %d runs)", short(took.worst()), short(took.median()), len(took)), "",
			"at most 5 s", atMost(took.worst().Seconds(), 5, "%.2f s"))
	}
	if took := milliseconds(f.list("without_controllers")); len(took) > 0 {
		out.add(rowRevokedGossip, fmt.Sprintf("%s (median %s, %d runs)", short(took.worst()), short(took.median()), len(took)), "",
			"at most 10 s", atMost(took.worst().Seconds(), 10, "%.2f s"))
	}
	return err
}

// direct is the lab's own story of two homes.
func direct(ctx context.Context, r *run, out *report) error {
	f, err := r.story(ctx, "direct-behind-nat")
	median, ok := f.number("start_to_direct_path_median_ms")
	if worst, too := f.number("start_to_direct_path_worst_ms"); ok && too {
		s := milliseconds([]float64{median, worst})
		out.add(rowDirect, fmt.Sprintf("%s (worst %s, 5 runs)", short(s[0]), short(s[1])), "", "under 1 s", atMost(s[0].Seconds(), 1, "%.2f s"))
	}
	return err
}

// controllers runs three of them as processes.
func controllers(ctx context.Context, r *run, out *report) error {
	text, err := goTest(ctx, r, "./consensus/store", "-v", "-run", "^TestBenchThreeControllers$")
	if err != nil {
		return err
	}
	var line struct{ Figures figures }
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Figures != nil {
			break
		}
	}
	if commit := milliseconds(line.Figures.list("commit")); len(commit) > 0 {
		out.add(rowCommit, fmt.Sprintf("%s (p99 %s, %d writes)", short(commit.median()), short(commit.at(0.99)), len(commit)), "",
			"at most 3 ms", atMost(float64(commit.median())/float64(time.Millisecond), 3, "%.2f ms"))
	}
	if perSecond, ok := line.Figures.number("writes_per_second"); ok {
		out.add(rowWrites, fmt.Sprintf("%.0f a second", perSecond), "", "at least 1,000 a second", atLeast(perSecond, 1000, "%.0f"))
	}
	if gaps := milliseconds(line.Figures.list("leaderless")); len(gaps) > 0 {
		out.add(rowLeaderless, fmt.Sprintf("%s (%d kills)", short(gaps.median()), len(gaps)), "", "at most 1.5 s", atMost(gaps.median().Seconds(), 1.5, "%.2f s"))
		out.add(rowLeaderlessWorst, short(gaps.worst()), "", "at most 5 s", atMost(gaps.worst().Seconds(), 5, "%.2f s"))
	}
	return nil
}

// planFor runs the plan's own benchmark.
func planFor(ctx context.Context, r *run, out *report) error {
	text, err := goTest(ctx, r, "./node/plan", "-run", "^$", "-bench", "^BenchmarkFor5000$", "-benchtime", "2s")
	if err != nil {
		return err
	}
	kind, slowest := slowestOf(text)
	if slowest == 0 {
		return errors.New("the benchmark told nothing")
	}
	out.add(rowPlan, fmt.Sprintf("%s (a %s)", short(slowest), kind), "", "under 50 ms",
		atMost(float64(slowest)/float64(time.Millisecond), 50, "%.1f ms"))
	return nil
}

// slowestOf reads lines such as "BenchmarkFor5000/admin-2  100  1234 ns/op".
func slowestOf(text []byte) (kind string, slowest time.Duration) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		var ns float64
		if len(words) < 4 || words[3] != "ns/op" || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		if _, err := fmt.Sscan(words[2], &ns); err != nil || time.Duration(ns) <= slowest {
			continue
		}
		slowest = time.Duration(ns)
		_, kind, _ = strings.Cut(words[0], "/")
		kind, _, _ = strings.Cut(kind, "-")
	}
	return kind, slowest
}

func goTest(ctx context.Context, r *run, pkg string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", pkg, "-count=1"}, args...)...) //nolint:gosec // ours
	cmd.Env = append(cmd.Environ(), "WARREN_BENCH=1", "TMPDIR="+r.dir)
	cmd.WaitDelay = stopTime
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test %s: %w: %s", pkg, err, last(out))
	}
	return out, nil
}

// last is the last line that tells something.
func last(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if !strings.HasPrefix(lines[i], "FAIL") && !strings.HasPrefix(lines[i], "exit status") && lines[i] != "" {
			return lines[i]
		}
	}
	return ""
}
