package care_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"warren/mesh/identity"
	"warren/node/care"
	"warren/node/home"
	"warren/node/platform"
)

// kept are the secrets that a state folder holds.
func kept(t *testing.T) (home.Home, map[string][]byte) {
	t.Helper()
	dir := platform.Dir(t.TempDir())
	h := home.At(dir)
	node, err := h.EnsureNodeKey()
	if err != nil {
		t.Fatal(err)
	}
	tunnel, err := h.EnsureTunnel()
	if err != nil {
		t.Fatal(err)
	}
	console, err := h.EnsureConsoleKey()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{"node.key": node.Seed(), "wireguard": tunnel.WireGuard, "disco": tunnel.Disco, "console.key": console}
	for _, name := range []string{"technician.key", "recovery.txt"} {
		k, err := identity.NewNodeKey()
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = k.Seed()
	}
	// One with everything in it that encodings treat in ways of their own.
	copy(keys["technician.key"], " +/\"\\<&>%\x00\n\té~\xff\xfe")
	if err := h.SaveTechnician(home.Technician{Seed: keys["technician.key"]}); err != nil {
		t.Fatal(err)
	}
	code := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(keys["recovery.txt"])
	if err := os.WriteFile(dir.Recovery(), []byte("Recovery key\n\n"+grouped(code, "-")+"\n\nkeep it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return h, keys
}

func grouped(code, between string) string {
	var groups []string
	for len(code) > 4 {
		groups, code = append(groups, code[:4]), code[4:]
	}
	return strings.Join(append(groups, code), between)
}

// inText are writings of a secret.
func inText(t *testing.T, s []byte) map[string]string {
	t.Helper()
	quoted, err := json.Marshal(string(s))
	if err != nil {
		t.Fatal(err)
	}
	list, _ := json.Marshal([32]byte(s))
	b32 := base32.StdEncoding.WithPadding(base32.NoPadding)
	return map[string]string{
		"raw": string(s), "hex": hex.EncodeToString(s), "HEX": strings.ToUpper(hex.EncodeToString(s)),
		"Hex": mixed(hex.EncodeToString(s)), "hex with blanks": fmt.Sprintf("% x", s), "hex with colons": strings.ReplaceAll(fmt.Sprintf("% X", s), " ", ":"),
		"base64": base64.StdEncoding.EncodeToString(s), "base64 raw": base64.RawStdEncoding.EncodeToString(s),
		"base64url": base64.URLEncoding.EncodeToString(s), "base64url raw": base64.RawURLEncoding.EncodeToString(s),
		"base32": base32.StdEncoding.EncodeToString(s), "base32 raw": b32.EncodeToString(s), "base32 lower": strings.ToLower(b32.EncodeToString(s)),
		"base32 in groups": grouped(b32.EncodeToString(s), "-"), "base32 in lower groups": grouped(strings.ToLower(b32.EncodeToString(s)), " "),
		"base32hex": base32.HexEncoding.EncodeToString(s),
		"query":     url.QueryEscape(string(s)), "path": url.PathEscape(string(s)), "percent": "%" + strings.ReplaceAll(fmt.Sprintf("% x", s), " ", "%"),
		"JSON": string(quoted), "JSON list": string(list), "go": strconv.Quote(string(s)), "go ascii": strconv.QuoteToASCII(string(s)),
		"%v": fmt.Sprint(s), "%#v": fmt.Sprintf("%#v", s), "%q of %q": strconv.Quote(strconv.Quote(string(s))), "html": html.EscapeString(string(s)),
		"base64 in a query": url.QueryEscape(base64.StdEncoding.EncodeToString(s)),
		"base64 in JSON":    strings.ReplaceAll(base64.StdEncoding.EncodeToString(s), "/", `\/`),
		"base64 in lines":   wrapped(base64.StdEncoding.EncodeToString(s), 24, `\n`),
		"hex in lines":      wrapped(hex.EncodeToString(s), 22, "\n    "),
	}
}

func mixed(s string) string {
	b := []byte(s)
	for i := range b {
		if i%3 == 0 {
			b[i] = strings.ToUpper(s[i : i+1])[0]
		}
	}
	return string(b)
}

func wrapped(s string, width int, between string) string {
	var lines []string
	for len(s) > width {
		lines, s = append(lines, s[:width]), s[width:]
	}
	return strings.Join(append(lines, s), between)
}

// TestNoWritingOfASecret plants every secret of a state folder in every writing
// in a log and in what the node tells of itself.
func TestNoWritingOfASecret(t *testing.T) {
	h, keys := kept(t)
	hide := care.Of(h)
	for name, s := range keys {
		for how, w := range inText(t, s) {
			t.Run(name+"/"+how, func(t *testing.T) {
				journal := care.NewJournal(slog.DiscardHandler)
				var inJSON bytes.Buffer
				for _, handler := range []slog.Handler{journal, slog.NewJSONHandler(&inJSON, nil)} {
					r := slog.NewRecord(time.Now(), slog.LevelInfo, "before "+w+" after", 0)
					r.Add("err", fmt.Errorf("dial %q: %s", w, w), "key", s)
					if err := handler.Handle(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
				state, err := care.JSON("status.json", map[string]any{"warnings": []string{"before " + w + " after"}, "raw": s})
				if err != nil {
					t.Fatal(err)
				}
				for where, text := range map[string]string{
					"text": "before " + w + " after", "journal": journal.Text(), "json log": inJSON.String(), "state": string(state.Text),
				} {
					leaks(t, where, hide.Text(text), s)
					if where == "text" && hide.Text(text) != "before [removed] after" && how != "JSON list" {
						// The words' own e, a and f may be taken for a digit of the key.
						if out := hide.Text(text); !strings.HasPrefix(out, "bef") || !strings.HasSuffix(out, "ter") {
							t.Errorf("%s: too much went: %q", where, out)
						}
					}
				}
			})
		}
	}
}

// leaks wants no piece of a writing of s in text.
func leaks(t *testing.T, where, text string, s []byte) {
	t.Helper()
	// A piece in which almost all is what JSON writes for no UTF-8 tells nothing.
	const piece, own = 24, 8
	escaped := regexp.MustCompile(`\\u[0-9a-f]{4}`)
	for how, w := range inText(t, s) {
		if how == "raw" || how == "html" {
			continue // below
		}
		nothing := escaped.ReplaceAllString(w, strings.Repeat("\x00", 6))
		for i := 0; i+piece <= len(w); i++ {
			if piece-strings.Count(nothing[i:i+piece], "\x00") < own {
				continue
			}
			if strings.Contains(text, w[i:i+piece]) {
				t.Fatalf("%s: %q stands there, %s: %q", where, w[i:i+piece], how, text)
			}
		}
	}
	for i := 0; i+8 <= len(s); i++ {
		if strings.Contains(text, string(s[i:i+8])) {
			t.Fatalf("%s: the bytes %q stand there: %q", where, s[i:i+8], text)
		}
	}
}

// TestSecretsInsideOtherThings has them in what is encoded as a whole.
func TestSecretsInsideOtherThings(t *testing.T) {
	h, keys := kept(t)
	hide := care.Of(h)
	for name, s := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(s))
		if err != nil {
			t.Fatal(err)
		}
		file := append(bytes.Clone(s), "WARREN and a checksum"...)
		for how, whole := range map[string][]byte{
			"with its public half": ed25519.NewKeyFromSeed(s), "pkcs8": der, "state file": file,
			"one byte later": append([]byte{1}, file...), "two bytes later": append([]byte{1, 2}, file...),
			"three": append([]byte{1, 2, 3}, file...), "four": append([]byte{1, 2, 3, 4}, file...),
		} {
			for _, w := range []string{
				base64.StdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole), hex.EncodeToString(whole),
				base32.StdEncoding.EncodeToString(whole), fmt.Sprint(whole), strconv.Quote(string(whole)),
				string(pem.EncodeToMemory(&pem.Block{Type: "SOMETHING", Bytes: whole})), url.QueryEscape(base64.StdEncoding.EncodeToString(whole)),
			} {
				out := hide.Text("before " + w + " after")
				if !strings.Contains(out, "[removed]") || !strings.HasPrefix(out, "bef") {
					t.Errorf("%s, %s: %q", name, how, out)
				}
				leaks(t, how, out, s)
				leaks(t, how, hide.Text("cut "+w[:len(w)*2/3]), s)
			}
		}
	}
}

// TestLinksHowever has what looks secret to whom it is new, quoted.
func TestLinksHowever(t *testing.T) {
	hide := care.NewRedactor()
	for _, link := range []string{"https://hq.example.org:41820/j#w1.CANARYabcdefghijklmnop", "warren://join#w1.CANARYabcdefghijklmnop"} {
		quoted, _ := json.Marshal(link)
		for _, w := range []string{
			link, url.QueryEscape(link), url.PathEscape(link), strings.ToLower(url.QueryEscape(link)), string(quoted), strconv.Quote(strconv.Quote(link)),
			strings.ReplaceAll(link, "#", `\u0023`), strings.ReplaceAll(link, "/", `\/`), url.QueryEscape(url.QueryEscape(link)), html.EscapeString("<" + link + ">"),
		} {
			if out := hide.Text("before " + w + " after"); strings.Contains(strings.ToLower(out), "canary") || !strings.HasPrefix(out, "before ") || !strings.HasSuffix(out, " after") {
				t.Errorf("%s: %s", w, out)
			}
		}
	}
	code := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(bytes.Repeat([]byte{0xca, 0x4a, 0x21}, 11)[:32])
	for _, w := range []string{code, grouped(code, "-"), strings.ToLower(grouped(code, "-")), strings.ToLower(code)} {
		if out := hide.Text("before " + w + " after"); out != "before [removed] after" {
			t.Errorf("%s: %s", w, out)
		}
	}
}

// TestOrdinaryTextStays has nothing taken away.
func TestOrdinaryTextStays(t *testing.T) {
	h, _ := kept(t)
	hide := care.Of(h)
	for _, text := range []string{
		"", "a", "%", `\`, "&", `100 % of \n lines &c; %zz \x \u12 \777 &#; &#x; &none;`,
		`time=2026-11-27T15:58:59Z level=INFO msg="session opened" part=broker node=ccuyqx2d path=10.77.0.3:41820 err="dial tcp [fdaf:f20d:52c9::1]:418: i/o timeout"`,
		"goroutine 12 [running]:\nwarren/node/follow.(*follower).announceWhatHasChangedMeanwhileToEveryController(0xc000, 0x1)\n\t/src/node/follow.go:250 +0x1f",
		strings.Repeat("0 ", 100), strings.Repeat("f", 64), strings.Repeat("\ufffd", 40),
	} {
		if got := hide.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	// A key of which nothing is UTF-8 is no reason to take away what was none.
	if text := strings.Repeat("\ufffd", 40); care.NewRedactor(bytes.Repeat([]byte{0xff}, 32)).Text(text) != text {
		t.Error("what was no UTF-8 is taken for a key")
	}
	random := rand.New(rand.NewChaCha8([32]byte{7}))
	for range 200 {
		b := make([]byte, 40)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		for _, w := range []string{hex.EncodeToString(b), base64.StdEncoding.EncodeToString(b), fmt.Sprint(b), strconv.Quote(string(b))} {
			if got := hide.Text(w); got != w {
				t.Errorf("%q became %q", w, got)
			}
		}
	}
}

func BenchmarkText(b *testing.B) {
	hide := care.NewRedactor(bytes.Repeat([]byte("0123456789abcdef"), 2), bytes.Repeat([]byte("fedcba9876543210"), 2))
	line := `time=2026-11-27T15:58:59Z level=INFO msg="session opened" part=broker err="dial tcp \"x\": i/o timeout"` + "\n"
	text := strings.Repeat(line, 1<<20/len(line))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		hide.Text(text)
	}
}
