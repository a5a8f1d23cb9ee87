package peer

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
)

// wireguardModule is pinned in wireguard-go/go.mod.
const wireguardModule = "golang.zx2c4.com/wireguard"

// BuildWireGuard builds wireguard-go into a file, from the root of the
// repository, and tells its version.
func BuildWireGuard(ctx context.Context, into string) (string, error) {
	if _, err := inModule(ctx, "build", "-trimpath", "-ldflags=-s -w", "-o", into, wireguardModule); err != nil {
		return "", err
	}
	version, err := inModule(ctx, "list", "-m", "-f", "{{.Version}}", wireguardModule)
	return "wireguard-go " + version, err
}

func inModule(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = "scripts/peer/wireguard-go"
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// WireGuardKeys draws a pair by wg(8).
func WireGuardKeys(ctx context.Context) (private, public string, err error) {
	out, err := exec.CommandContext(ctx, "wg", "genkey").Output()
	if err != nil {
		return "", "", fmt.Errorf("wg genkey: %w", err)
	}
	pub := exec.CommandContext(ctx, "wg", "pubkey")
	pub.Stdin = bytes.NewReader(out)
	answer, err := pub.Output()
	return strings.TrimSpace(string(out)), strings.TrimSpace(string(answer)), err
}

// WireGuardConfig is one end of a tunnel, for "wg setconf".
func WireGuardConfig(private, public string, other netip.Addr, endpoint netip.AddrPort) string {
	return fmt.Sprintf("[Interface]\nPrivateKey = %s\nListenPort = %d\n[Peer]\nPublicKey = %s\nAllowedIPs = %s/32\nEndpoint = %s\n",
		private, endpoint.Port(), public, other, endpoint)
}
