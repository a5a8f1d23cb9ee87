package broker_test

import (
	"context"
	"os/user"
	"runtime"
	"slices"
	"testing"
	"time"

	warrenv1 "warren/api/warren/v1"
	"warren/session/broker"
	"warren/session/sessiontest"
	"warren/session/shell"
)

func self(t testing.TB) string {
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func payload(t testing.TB, r *warrenv1.ShellRequest) []byte {
	p, err := shell.Payload(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// BenchmarkCommand is hello, offer, answer, connection, "true" and its exit
// code, on a warm node.
func BenchmarkCommand(b *testing.B) {
	p := sessiontest.NewPair(b, shell.New())
	request, me := payload(b, &warrenv1.ShellRequest{Argv: []string{"true"}}), self(b)
	var all []time.Duration
	phases := map[string][]time.Duration{}
	for b.Loop() {
		start := time.Now()
		c, err := p.Dial(b.Context(), shell.Verb, me, request)
		if err != nil {
			b.Fatal(err)
		}
		exit, err := shell.NewClient(c.Stream(), shell.Output{}).Run(b.Context())
		if err != nil || exit.Code != 0 {
			b.Fatal(exit, err)
		}
		all = append(all, time.Since(start))
		t := c.Timing()
		for name, d := range map[string]time.Duration{
			"hello": t.Hello, "offer": t.Offer, "ice": t.ICE, "dtls": t.DTLS, "sctp": t.SCTP, "channel": t.Channel,
		} {
			phases[name] = append(phases[name], d)
		}
		c.Close()
	}
	for name, took := range phases {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, name+"-ms")
	}
	report(b, all)
}

// BenchmarkIdle is what a session costs that does nothing, on both sides.
func BenchmarkIdle(b *testing.B) {
	p := sessiontest.NewPair(b, echo{})
	measure := func() (heap uint64, goroutines int) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()
	}
	const sessions = 50
	for b.Loop() {
		heap, goroutines := measure()
		var open []*broker.Conn
		for range sessions {
			open = append(open, dial(b, p, "echo"))
		}
		now, running := measure()
		b.ReportMetric((float64(now)-float64(heap))/sessions/1024, "KiB/session")
		b.ReportMetric(float64(running-goroutines)/sessions, "goroutines/session")
		for _, c := range open {
			c.Close()
		}
	}
}

// BenchmarkKeystroke is one byte to a terminal and its echo.
func BenchmarkKeystroke(b *testing.B) {
	p := sessiontest.NewPair(b, shell.New())
	c, err := p.Dial(b.Context(), shell.Verb, self(b), payload(b, &warrenv1.ShellRequest{Argv: []string{"cat"}, Terminal: true}))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	echoed := make(chan struct{}, 64)
	client := shell.NewClient(c.Stream(), shell.Output{Stdout: func([]byte) { echoed <- struct{}{} }})
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _, _ = client.Run(ctx) }()
	var all []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := client.Write(ctx, []byte("x")); err != nil {
			b.Fatal(err)
		}
		<-echoed
		all = append(all, time.Since(start))
		if len(all)%1000 == 0 { // keep clear of the line discipline's 4096 characters
			_ = client.Write(ctx, []byte("\n"))
			time.Sleep(10 * time.Millisecond)
			for len(echoed) > 0 {
				<-echoed
			}
		}
	}
	report(b, all)
}

// BenchmarkBulk is the output of one command.
func BenchmarkBulk(b *testing.B) {
	const size = 64 << 20
	for name, terminal := range map[string]bool{"pipe": false, "terminal": true} {
		b.Run(name, func(b *testing.B) {
			p := sessiontest.NewPair(b, shell.New())
			b.SetBytes(size)
			for b.Loop() {
				c, err := p.Dial(b.Context(), shell.Verb, self(b), payload(b, &warrenv1.ShellRequest{
					Argv: []string{"head", "-c", "67108864", "/dev/zero"}, Terminal: terminal,
				}))
				if err != nil {
					b.Fatal(err)
				}
				total := 0
				var client *shell.Client
				client = shell.NewClient(c.Stream(), shell.Output{Stdout: func(p []byte) {
					total += len(p)
					_ = client.Acked(b.Context(), shell.Stdout, len(p))
				}})
				if exit, err := client.Run(b.Context()); err != nil || exit.Code != 0 || total != size {
					b.Fatal(exit, err, total)
				}
				c.Close()
			}
		})
	}
}

func report(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
}
