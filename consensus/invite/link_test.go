package invite_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"warren/consensus/invite"
	"warren/mesh/identity"
)

func link(endpoints ...string) invite.Link {
	l := invite.Link{ID: invite.ID{1, 2, 3, 4, 5, 6, 7, 8}}
	for i := range l.Mesh {
		l.Mesh[i] = byte(i)
	}
	for i := range l.Secret {
		l.Secret[i] = byte(0x80 + i)
	}
	for i, a := range endpoints {
		l.Controllers = append(l.Controllers, invite.Endpoint{Node: identity.NodeID{byte(i + 1)}, Address: a})
	}
	return l
}

func TestLink(t *testing.T) {
	longest := strings.Repeat("h", invite.MaxAddress-6) + ":65535"
	for _, l := range []invite.Link{
		link(), link("192.0.2.1:41820"), link("[2001:db8::1]:41820", "warren.example:443", "127.0.0.1:9"), link(longest, longest, longest),
	} {
		for _, public := range []string{"", "warren.example:443", "192.0.2.1:8443", "[2001:db8::1]:443"} {
			s := l.String(public)
			for _, seen := range []string{s, "  " + s + "\n", "\t" + s + "\r\n"} {
				got, err := invite.ParseLink(seen)
				if err != nil {
					t.Fatalf("ParseLink(%q): %v", seen, err)
				}
				if diff := cmp.Diff(l, got); diff != "" {
					t.Errorf("%q (-want +got):\n%s", seen, diff)
				}
			}
		}
	}
}

func TestLinkForms(t *testing.T) {
	l := link("192.0.2.1:41820")
	bare := strings.TrimPrefix(l.String(""), "warren://join#")
	if !strings.HasPrefix(bare, "w1.") {
		t.Fatalf("link is %q", l.String(""))
	}
	if want := "https://h.example:443/j#" + bare; l.String("h.example:443") != want {
		t.Errorf("got %q, want %q", l.String("h.example:443"), want)
	}
	for _, s := range []string{
		bare, "https://elsewhere/j#" + bare, "http://localhost:1/j#" + bare, "WARREN://JOIN#" + bare, "warren://join/#" + bare, "#" + bare,
	} {
		if got, err := invite.ParseLink(s); err != nil || !cmp.Equal(got, l) {
			t.Errorf("ParseLink(%q) = %v, %v", s, got, err)
		}
	}
}

// With its endpoints left out a link has to stay short enough for a message.
func TestLinkIsShort(t *testing.T) {
	if n := len(link().String("")); n > 130 {
		t.Errorf("%d characters", n)
	}
	if n := len(link("192.168.100.100:41820").String("")); n > 180 {
		t.Errorf("%d characters with one endpoint", n)
	}
}

func TestLinkLeavesOutWhatItCannotHold(t *testing.T) {
	l := link("a:1", "nonsense", strings.Repeat("h", invite.MaxAddress)+":1", "b:2", "c:3", "d:4")
	got, err := invite.ParseLink(l.String(""))
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, e := range got.Controllers {
		addresses = append(addresses, e.Address)
	}
	if fmt.Sprint(addresses) != "[a:1 b:2 c:3]" {
		t.Errorf("got %q", addresses)
	}
}

func TestNotLink(t *testing.T) {
	for _, s := range []string{
		"", " ", "hello", "https://example.com/", "https://example.com/join#x", "ssh://host", "warren", "w2.abc", "W1.abc", "warren:/join",
		strings.Repeat("x", 5000), link().String("") + strings.Repeat("x", 5000),
	} {
		if _, err := invite.ParseLink(s); !errors.Is(err, invite.ErrNotLink) || errors.Is(err, invite.ErrAltered) {
			t.Errorf("ParseLink(%.60q) = %v", s, err)
		}
	}
}

// Wherever a link is cut or changed, it is told from no link at all, as long
// as its beginning is there.
func TestAlteredLink(t *testing.T) {
	l := link("192.0.2.1:41820", "warren.example:443")
	for _, s := range []string{l.String(""), l.String("warren.example:443")} {
		marker := strings.Index(s, "#") + 1
		for n := marker; n < len(s); n++ {
			if _, err := invite.ParseLink(s[:n]); !errors.Is(err, invite.ErrAltered) {
				t.Errorf("cut after %d of %d: %v", n, len(s), err)
			}
		}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ .#\x00%é"
		for i := marker + 3; i < len(s); i++ {
			for _, c := range alphabet {
				changed := s[:i] + string(c) + s[i+1:]
				if string(c) == s[i:i+1] || i == len(s)-1 && c == ' ' {
					continue
				}
				if _, err := invite.ParseLink(changed); !errors.Is(err, invite.ErrAltered) {
					t.Errorf("%q at %d: %v", c, i, err)
				}
			}
		}
		for i := marker; i < len(s)-1; i++ { // two neighbours swapped
			changed := s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]
			if _, err := invite.ParseLink(changed); changed != s && !errors.Is(err, invite.ErrAltered) {
				t.Errorf("swapped at %d: %v", i, err)
			}
		}
		if _, err := invite.ParseLink(s + "A"); !errors.Is(err, invite.ErrAltered) {
			t.Errorf("one character more: %v", err)
		}
	}
	for _, s := range []string{"warren://join", "https://h/j#", "https://h/j#w1", "HTTPS://h/j#", "w1.", "https://h/x#w1.", "#w1.!"} {
		if _, err := invite.ParseLink(s); !errors.Is(err, invite.ErrAltered) {
			t.Errorf("ParseLink(%q) = %v", s, err)
		}
	}
}

// Bodies that are wrong though their checksum is right: made, not altered.
func TestMadeUpLink(t *testing.T) {
	good := link("192.0.2.1:41820")
	text := strings.TrimPrefix(good.String(""), "warren://join#w1.")
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	body = body[:len(body)-4]
	for name, spoil := range map[string]func([]byte) []byte{
		"version 2":           func(b []byte) []byte { b[0] = 2; return b },
		"four endpoints":      func(b []byte) []byte { b[61] = 4; return b },
		"255 endpoints":       func(b []byte) []byte { b[61] = 255; return b },
		"an endpoint missing": func(b []byte) []byte { b[61] = 2; return b },
		"a long address":      func(b []byte) []byte { b[78]++; return b },
		"a short address":     func(b []byte) []byte { b[78]--; return b },
		"no address":          func(b []byte) []byte { b[78] = 0; return b[:79] },
		"an endless address":  func(b []byte) []byte { b[78] = 255; return b },
		"a strange address":   func(b []byte) []byte { b[79] = 0x1b; return b },
		"a byte more":         func(b []byte) []byte { return append(b, 0) },
	} {
		made := spoil(bytes.Clone(body))
		if _, err := invite.ParseLink("w1." + base64.RawURLEncoding.EncodeToString(append(made, invite.Checksum(made)...))); !errors.Is(err, invite.ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := invite.ParseLink("w1." + base64.RawURLEncoding.EncodeToString(append(body, invite.Checksum(body)...))); err != nil {
		t.Errorf("the unspoilt one: %v", err)
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	l := link("192.0.2.1:41820")
	for i := range l.Secret {
		l.Secret[i] = 'z'
	}
	var out bytes.Buffer
	jsonLog, textLog := slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))
	for _, log := range []*slog.Logger{jsonLog, textLog} {
		log.Info("made", "link", l, "secret", l.Secret, "pointer", &l, "both", []any{l, &l.Secret})
		log.Info("made", slog.Group("g", "secret", &l.Secret), "in", struct {
			L invite.Link
			S invite.Secret
		}{l, l.Secret})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%o", "%b", "%U"} {
		fmt.Fprintf(&out, verb+" ", l)
		fmt.Fprintf(&out, verb+" ", l.Secret)
		fmt.Fprintf(&out, verb+" ", &l.Secret)
		fmt.Fprintf(&out, verb+" ", []invite.Link{l})
		fmt.Fprintf(&out, verb+" ", map[string]any{"s": l.Secret, "l": &l})
	}
	if err := json.NewEncoder(&out).Encode(l); err != nil {
		t.Fatal(err)
	}
	seen := strings.ToLower(out.String())
	for name, leak := range map[string]string{
		"text": "zzz", "hex": "7a7a", "spaced hex": "7a 7a", "decimal": "122 122", "list": "122,122", "Go": "0x7a, 0x7a", "octal": "172 172",
		"binary": "1111010 1111010", "Unicode": "u+007a", "base64": "enp6",
	} {
		if strings.Contains(seen, leak) {
			t.Errorf("%s shows in %s", name, seen)
		}
	}
	for _, want := range []string{"redacted", fmt.Sprintf("%x", l.ID[:])} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in %s", want, seen)
		}
	}
	if !strings.Contains(l.String(""), base64.RawURLEncoding.EncodeToString([]byte("zzzzzz"))) {
		t.Error("the link does not carry its secret")
	}
}

func TestSecret(t *testing.T) {
	s, err := invite.NewSecret(bytes.NewReader([]byte("01234567890123456789")))
	if err != nil || s != invite.Secret([]byte("01234567890123456789")) {
		t.Errorf("NewSecret = %x, %v", s[:], err)
	}
	if _, err := invite.NewSecret(bytes.NewReader([]byte("short"))); err == nil {
		t.Error("a short draw was taken")
	}
	if !invite.Key(s).Equal(invite.Key(s)) || invite.Key(s).Equal(invite.Key(invite.Secret{})) {
		t.Error("a key is not its secret's")
	}
}

// A link that was sent has to be read for ever, and its key to be the same.
func TestGoldenLink(t *testing.T) {
	text, err := os.ReadFile("testdata/link.txt")
	if err != nil {
		t.Fatal(err)
	}
	l := link("192.0.2.1:41820", "warren.example:443")
	got, err := invite.ParseLink(string(text))
	if err != nil || !cmp.Equal(got, l) {
		t.Errorf("got %v, %v", got, err)
	}
	if l.String("warren.example:443")+"\n" != string(text) {
		t.Errorf("today's link differs: %s", l.String("warren.example:443"))
	}
	if pub := fmt.Sprintf("%x", invite.Key(l.Secret).Public()); pub != "a576c715ab7b41f9b4e9bbb191af4a331b86ee3c5a14832821a0e0ee956b4a98" {
		t.Errorf("invite key %s", pub)
	}
}

func FuzzLink(f *testing.F) {
	for _, l := range []invite.Link{link(), link("192.0.2.1:41820", "warren.example:443")} {
		f.Add(l.String(""))
		f.Add(l.String("warren.example:443"))
	}
	f.Add("warren://join")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := invite.ParseLink(s)
		if err != nil {
			if errors.Is(err, invite.ErrNotLink) == errors.Is(err, invite.ErrAltered) {
				t.Fatalf("%q is neither or both: %v", s, err)
			}
			return
		}
		again, err := invite.ParseLink(l.String(""))
		if err != nil || !cmp.Equal(l, again) {
			t.Fatalf("%q reads as %v, written and read again as %v, %v", s, l, again, err)
		}
	})
}

// FuzzLinkBody gives the bytes inside a right checksum, which fuzzing cannot
// guess.
func FuzzLinkBody(f *testing.F) {
	for _, l := range []invite.Link{link(), link("192.0.2.1:41820", "warren.example:443")} {
		body, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(l.String(""), "warren://join#w1."))
		f.Add(body[:len(body)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := "w1." + base64.RawURLEncoding.EncodeToString(append(bytes.Clone(body), invite.Checksum(body)...))
		l, err := invite.ParseLink(s)
		if err != nil {
			return
		}
		if got := strings.TrimPrefix(l.String(""), "warren://join#"); got != s {
			t.Fatalf("two links for one meaning: %q and %q", s, got)
		}
	})
}
