package peer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// SSH is an OpenSSH server of our own, and how to reach it.
type SSH struct {
	Server []string // the daemon, in the foreground
	Client []string // ssh up to the host; the command follows
}

// NewSSH prepares one in a folder, for a user of this machine: login by an
// Ed25519 key, no PAM, no start-up files.
func NewSSH(ctx context.Context, dir string, listen netip.AddrPort, user string) (SSH, error) {
	daemon, err := exec.LookPath("sshd")
	if err != nil {
		if daemon, err = exec.LookPath("/usr/sbin/sshd"); err != nil {
			return SSH{}, errors.New("no sshd; try: scripts/setup.sh bench")
		}
	}
	if os.Getuid() == 0 {
		// Where the package's service never ran, the folder sshd insists on is missing.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return SSH{}, err
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "client"} {
		make := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)) //nolint:gosec // a folder of ours
		if out, err := make.CombinedOutput(); err != nil {
			return SSH{}, fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	// An empty home: bash under sshd reads ~/.bashrc even for one command, and
	// what stands there is not OpenSSH's doing.
	if err := os.Mkdir(file("home"), 0o755); err != nil {
		return SSH{}, err
	}
	config := fmt.Sprintf(`ListenAddress %s
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
PermitUserRC no
SetEnv HOME=%s
`, listen, file("host"), file("client.pub"), file("home"))
	if err := os.WriteFile(file("sshd_config"), []byte(config), 0o600); err != nil {
		return SSH{}, err
	}
	return SSH{
		Server: []string{daemon, "-D", "-e", "-f", file("sshd_config")},
		Client: []string{
			"ssh", "-F", "none", "-i", file("client"), "-p", fmt.Sprint(listen.Port()),
			"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
			// Newer releases send keystrokes at intervals of 20 ms.
			"-o", "IgnoreUnknown=ObscureKeystrokeTiming", "-o", "ObscureKeystrokeTiming=no",
			"-o", "UserKnownHostsFile=" + file("known_hosts"), user + "@" + listen.Addr().String(),
		},
	}, nil
}

// SSHVersion is what ssh calls itself.
func SSHVersion(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput()
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), ",")
	return name, err
}
