//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// browser is page.mjs with its Chromium.
type browser struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// seen is a number and when the page first saw it, in ms since 1970.
type seen [2]float64

type answer struct {
	Error string    `json:"error"`
	Seen  []seen    `json:"seen"`
	RTT   []float64 `json:"rtt"`
	MS    float64   `json:"ms"`
	Mode  string    `json:"mode"`
}

func openBrowser(ctx context.Context, in []string) (*browser, error) {
	argv := append(append([]string{}, in...), "node", "scripts/bench-desktop/page.mjs")
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // ours
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out := bufio.NewScanner(stdout)
	out.Buffer(nil, 16<<20)
	return &browser{cmd: cmd, in: stdin, out: out}, nil
}

// do has one command carried out.
func (b *browser) do(name string, more map[string]any) (answer, error) {
	command := map[string]any{"do": name}
	for k, v := range more {
		command[k] = v
	}
	line, err := json.Marshal(command)
	if err != nil {
		return answer{}, err
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		return answer{}, err
	}
	if !b.out.Scan() {
		return answer{}, errors.Join(errors.New("the browser is gone"), b.out.Err())
	}
	var got answer
	if err := json.Unmarshal(b.out.Bytes(), &got); err != nil {
		return got, err
	}
	if got.Error != "" {
		return got, fmt.Errorf("%s: %s", name, got.Error)
	}
	return got, nil
}

func (b *browser) close() {
	_ = b.in.Close()
	end := time.AfterFunc(10*time.Second, func() { _ = b.cmd.Process.Kill() })
	defer end.Stop()
	_ = b.cmd.Wait()
}

// stamp is a time of the page.
func stamp(ms float64) time.Time {
	return time.UnixMicro(int64(ms * 1000))
}
