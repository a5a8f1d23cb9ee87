package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// sshd is an OpenSSH server of our own on loopback, and how to reach it.
type sshd struct {
	server *exec.Cmd
	args   []string // of ssh, up to the host
}

func startSSH(ctx context.Context, dir string) (*sshd, error) {
	exe, err := exec.LookPath("sshd")
	if err != nil {
		if exe, err = exec.LookPath("/usr/sbin/sshd"); err != nil {
			return nil, errors.New("no sshd; try: scripts/setup.sh bench")
		}
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	if me.Uid == "0" {
		// Where the package's service never ran, the folder sshd insists on is missing.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, err
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "client"} {
		if err := run(exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)), nil); err != nil {
			return nil, err
		}
	}
	port, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(file("home"), 0o755); err != nil {
		return nil, err
	}
	// An empty home: bash under sshd reads ~/.bashrc even for one command, and
	// what stands there is not OpenSSH's doing.
	config := fmt.Sprintf(`ListenAddress 127.0.0.1:%d
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
SetEnv HOME=%s
`, port, file("host"), file("client.pub"), file("home"))
	if err := os.WriteFile(file("sshd_config"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	s := &sshd{args: []string{
		"-F", "none", "-i", file("client"), "-p", fmt.Sprint(port),
		"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
		"-o", "UserKnownHostsFile=" + file("known_hosts"), me.Username + "@127.0.0.1",
	}}
	s.server = exec.CommandContext(ctx, exe, "-D", "-e", "-f", file("sshd_config"))
	var said bytes.Buffer
	s.server.Stderr = &said
	if err := s.server.Start(); err != nil {
		return nil, err
	}
	err = within(ctx, 10*time.Second, func() error { return run(s.command(ctx, "true"), nil) })
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("sshd does not let us in: %w\n%s", err, said.String())
	}
	return s, nil
}

func (s *sshd) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", append(append([]string{}, s.args...), args...)...)
}

func (s *sshd) stop() {
	_ = s.server.Process.Kill()
	_ = s.server.Wait()
}

// version is what ssh calls itself.
func (s *sshd) version(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput()
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), ",")
	return name, err
}
