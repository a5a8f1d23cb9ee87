package care_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"warren/node/care"
)

// TestBundleHasNoSecrets is S-21 for bundles: whatever canary got into a log or
// a status, the bundle does not have it.
func TestBundleHasNoSecrets(t *testing.T) {
	h, keys := kept(t)
	dir := h.Dir()
	if err := os.WriteFile(dir.Config(), []byte("# CANARY in a comment\ntun: userspace\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var canaries []string
	for _, secret := range keys {
		canaries = append(canaries, string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
			base64.StdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret))
	}
	canaries = append(canaries,
		"https://hq.example.org:41820/j#w1.CANARYabcdefghijklmnop", "warren://join#w1.CANARYabcdefghijklmnop", "w1.CANARYabcdefghijklmnopqr",
		"AGE-SECRET-KEY-1CANARY", "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----\nCANARY",
		"passphrase=CANARY", `passphrase="CANARY with blanks"`, `"Password": "CANARY"`, "WARREN_PASSPHRASE: CANARY", "api_key='CANARY'", "one-time-token=CANARY",
		strings.Repeat("CANA-", 12)+"RYYY",
	)
	var log strings.Builder
	journal := care.NewJournal(slog.DiscardHandler)
	for i, c := range canaries {
		fmt.Fprintf(&log, "line %d before %s after\n", i, c)
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "canary "+c, 0)
		record.Add("err", errors.New(c))
		if err := journal.Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	status, err := care.JSON("status.json", map[string]any{"warnings": canaries, "mesh_id": strings.Repeat("ab", 32)})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	items := []care.Item{status, care.Options(dir), {Name: "log.txt", Text: []byte(log.String())}, {Name: "journal.txt", Text: []byte(journal.Text())}}
	if err := care.Bundle(&packed, "warren-x", time.Now(), care.Of(h), items); err != nil {
		t.Fatal(err)
	}
	text := unpack(t, packed.Bytes())
	for _, c := range append(canaries, "CANARY") {
		if at := strings.Index(text, c); at >= 0 {
			t.Errorf("%q got through: %q", c, text[max(0, at-80):min(len(text), at+80)])
		}
	}
	for _, want := range []string{"line 0 before [removed", strings.Repeat("ab", 32), "tun: userspace", "canary [removed"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func unpack(t *testing.T, packed []byte) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for in := tar.NewReader(zip); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(head.Name, "warren-x/") || head.Mode != 0o600 {
			t.Errorf("entry %s, mode %o", head.Name, head.Mode)
		}
		if _, err := io.Copy(&out, in); err != nil { //nolint:gosec // our own
			t.Fatal(err)
		}
	}
}

func TestJournalKeepsTheNewest(t *testing.T) {
	var passed bytes.Buffer
	log := slog.New(care.NewJournal(slog.NewTextHandler(&passed, nil)))
	j, ok := log.Handler().(*care.Journal)
	if !ok {
		t.Fatal("no journal")
	}
	log.Debug("not asked for")
	part := log.With("part", "test").WithGroup("g")
	for i := range 2500 {
		part.Info("line", "n", i)
	}
	part.Info("line", "n", strings.Repeat("long ", 1000))
	text := j.Text()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 1000 || !strings.Contains(lines[0], "part=test g.n=1501") || !strings.HasSuffix(lines[999], "...") {
		t.Errorf("%d lines, from %q to %.80q", len(lines), lines[0], lines[len(lines)-1])
	}
	if len(text) > 1000*1100 || strings.Contains(text, "not asked for") {
		t.Errorf("%d bytes are kept", len(text))
	}
	if !strings.Contains(passed.String(), "g.n=0") {
		t.Error("nothing is handed on")
	}
}
