//go:build linux || darwin

package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"os"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"

	"warren/node/home"
	"warren/node/platform"
)

// secretless looks for the private keys of this state folder in a file, in any
// writing, and for the last link there was.
func secretless(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "secretless FILE")
	text := []byte(ts.ReadFile(args[0]))
	dir := platform.Dir(ts.Getenv("WARREN_STATE"))
	h := home.At(dir)
	key, err := h.NodeKey()
	ts.Check(err)
	tunnel, err := h.Tunnel()
	ts.Check(err)
	secrets := map[string][]byte{"node.key": key.Seed(), "WireGuard": tunnel.WireGuard, "disco": tunnel.Disco}
	if t, err := h.Technician(); err == nil {
		secrets["technician.key"] = t.Seed
	}
	if k, err := h.ConsoleKey(); err == nil {
		secrets["console.key"] = k
	}
	for name, s := range secrets {
		for _, written := range [][]byte{
			s, []byte(hex.EncodeToString(s)), []byte(base64.RawStdEncoding.EncodeToString(s)),
			[]byte(base64.RawURLEncoding.EncodeToString(s)), []byte(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s)),
		} {
			if bytes.Contains(text, written) {
				ts.Fatalf("%s stands in %s", name, args[0])
			}
		}
	}
	if recovery, err := os.ReadFile(dir.Recovery()); err == nil {
		code := regexp.MustCompile(`[A-Z2-7]{4}-[A-Z2-7]{4}`).Find(recovery)
		if code == nil || bytes.Contains(text, code) {
			ts.Fatalf("the recovery key (%q) stands in %s", code, args[0])
		}
	}
	if link := ts.Getenv("LINK"); link != "" {
		if _, body, _ := bytes.Cut([]byte(link), []byte("#")); bytes.Contains(text, body) {
			ts.Fatalf("the link stands in %s", args[0])
		}
	}
}
