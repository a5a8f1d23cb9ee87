//go:build unix

package node_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestLandingPage opens what is behind an invite link, as a browser does: it
// names none of our protocols, takes no Ed25519, and sends no fragment.
func TestLandingPage(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	hq := m.found()
	kiosk := m.join(hq, "kiosk")
	address := fmt.Sprintf("127.0.0.1:%d", hq.port)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	ask := func(path string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	status := read[struct {
		Mesh string
		ID   string `json:"mesh_id"`
	}](hq, "status")
	code, page := ask("/j#w1.secret")
	if code != http.StatusOK || !strings.Contains(page, status.Mesh) || !strings.Contains(page, status.ID[:8]) {
		t.Errorf("%d, without mesh %s (%s): %s", code, status.Mesh, status.ID, page)
	}
	for _, word := range []string{status.ID, "owner", "kiosk", address} {
		if strings.Contains(page, word) {
			t.Errorf("the page tells %q", word)
		}
	}
	for path, want := range map[string]int{"/j/": 404, "/": 404, "/derp/probe": 200, "/derp": 426, "/warren.v1.DeviceService/List": 404} {
		if got, _ := ask(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	// A machine that is no controller shows nothing.
	if c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", kiosk.port), transport.TLSClientConfig); err == nil {
		if _, err := io.WriteString(c, "GET /j HTTP/1.0\r\n\r\n"); err == nil {
			if answer, _ := io.ReadAll(c); len(answer) > 0 {
				t.Errorf("a device answers %q", answer)
			}
		}
		c.Close()
	}
	browsersCertificate(t, address)
}

// browsersCertificate shakes hands with what signatures Chromium and Firefox
// offer. Go's client cannot leave Ed25519 out.
func browsersCertificate(t *testing.T, address string) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl")
	}
	for signatures, want := range map[string]string{
		"ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256": "Peer signature type: ECDSA",
		"ed25519:ECDSA+SHA256":                   "Peer signature type: ed25519",
	} {
		cmd := exec.CommandContext(t.Context(), openssl, "s_client", "-connect", address, "-sigalgs", signatures, "-alpn", "h2,http/1.1", "-tls1_3")
		cmd.Stdin = strings.NewReader("")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("with %s: %v, not %q in\n%s", signatures, err, want, out)
		}
	}
}
