package platform

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"warren/node/fault"
)

func TestReadConfig(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want Config
	}{
		"empty":         {"", Config{}},
		"comments":      {"# nothing\n---\n# yet\n", Config{}},
		"null document": {"~\n", Config{}},
		"all": {
			"listen: 192.0.2.7:5000\nlisten-tls: 443\npublic:\n  - vpn.example.org:41820\n  - '[2001:db8::1]:41820'\n" +
				"loopback: false # no\ntun: kernel\nconsole: 127.0.0.1:7780\n",
			Config{
				Listen: "192.0.2.7:5000", ListenTLS: 443, Tun: "kernel", Console: "127.0.0.1:7780",
				Public: []string{"vpn.example.org:41820", "[2001:db8::1]:41820"},
			},
		},
		"flow style, Windows ends": {"{listen: ':41900', loopback: true,\r\n public: [a:1]}\r\n", Config{Listen: ":41900", Loopback: true, Public: []string{"a:1"}}},
		"bare listen port":         {"listen: :41820\nconsole: '[::1]:1'\n", Config{Listen: ":41820", Console: "[::1]:1"}},
		"no public address":        {"public: []\ntun: userspace\nconsole: localhost:7780\n", Config{Tun: "userspace", Console: "localhost:7780"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "warren.yaml")
			put(t, path, tt.text, 0o644)
			got, err := ReadConfig(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, err := ReadConfig(filepath.Join(t.TempDir(), "none")); err != nil || !cmp.Equal(got, Config{}) {
		t.Errorf("no file: %+v, %v; want an empty configuration", got, err)
	}
}

func TestConfigErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"unknown key":     {"tun: auto\n\nlisen: :41820\n", `warren.yaml:3: unknown key "lisen"; try: one of listen, listen-tls, public, loopback, tun, console`},
		"key of a kind":   {"1: 2\n", `warren.yaml:1: unknown key "1"`},
		"key twice":       {"tun: auto\ntun: kernel\n", "warren.yaml:2: tun stands on line 1 already"},
		"no value":        {"\nlisten:\n", "warren.yaml:2: listen: want a text"},
		"number as text":  {"listen-tls: '443'\n", "warren.yaml:1: listen-tls: want a whole number above 0"},
		"number too big":  {"listen-tls: 99999\n", "warren.yaml:1: listen-tls: 99999 is no port"},
		"negative":        {"listen-tls: -1\n", "warren.yaml:1: listen-tls: -1 is no port"},
		"float":           {"listen-tls: 4.43\n", "warren.yaml:1: listen-tls: want a whole number above 0"},
		"yes":             {"loopback: yes\n", "warren.yaml:1: loopback: want true or false"},
		"text as list":    {"tun: auto\npublic: a:1\n", "warren.yaml:2: public: want a list of texts"},
		"list in a list":  {"public: [[a:1]]\n", "warren.yaml:1: public: want a text"},
		"anchor":          {"tun: &x auto\nconsole: *x\n", "warren.yaml:2: console: want a text"},
		"merge key":       {"<<: {tun: auto}\n", `warren.yaml:1: unknown key "<<"`},
		"tag":             {"listen: !!binary OjQx\n", "warren.yaml:1: listen: want a text"},
		"a list":          {"- listen\n", "warren.yaml:1: want keys and values"},
		"a text":          {"listen\n", "warren.yaml:1: want keys and values"},
		"two documents":   {"tun: auto\n---\ntun: kernel\n", "warren.yaml: more than one document"},
		"broken":          {"tun: auto\n public: [\n", "warren.yaml: line 2"},
		"tabs":            {"\tlisten: x\n", "warren.yaml: "},
		"control":         {"listen: \x01\n", "warren.yaml: "},
		"not UTF-8":       {"listen: \xff\n", "warren.yaml: "},
		"no port":         {"listen: 127.0.0.1\n", `warren.yaml:1: listen: "127.0.0.1": want HOST:PORT`},
		"port 0":          {"listen: :0\n", `want a port from 1 to 65535`},
		"last port":       {"listen: :65533\n", "leaves no room"},
		"listen on name":  {"listen: example.org:41820\n", "is no IP address"},
		"same port":       {"listen: :5000\nlisten-tls: 5000\n", "warren.yaml:2: listen-tls: port 5000 is the listen port already"},
		"default port":    {"listen-tls: 41820\n", "port 41820 is the listen port already"},
		"public any":      {"public: ['0.0.0.0:1']\n", "nobody can reach"},
		"public URL":      {"public: ['https://x:1']\n", "want HOST:PORT"},
		"public empty":    {"public: [':1']\n", "want HOST:PORT"},
		"nine publics":    {"public: [a:1, a:1, a:1, a:1, a:1, a:1, a:1, a:1, a:1]\n", "want at most 8"},
		"tun":             {"tun: wireguard\n", "want auto, kernel or userspace"},
		"loopback kernel": {"tun: kernel\nloopback: true\n", "warren.yaml:1: tun: kernel does not go with loopback"},
		"console outside": {"console: 192.0.2.1:7780\n", "served on loopback only"},
		"too long":        {strings.Repeat("# no end\n", maxConfigFile), "over 65536 bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseConfig("warren.yaml", []byte(tt.text))
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Format(err), tt.want) {
				t.Errorf("got %v %q, want invalid with %q", fault.KindOf(err), fault.Format(err), tt.want)
			}
		})
	}
}

func TestCheckNamesTheFlag(t *testing.T) {
	t.Parallel()
	if err := (Config{}).Check(); err != nil {
		t.Errorf("nothing given: %v", err)
	}
	err := Config{Listen: ":41820", Tun: "magic"}.Check()
	if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "--tun: ") {
		t.Errorf("got %v, want invalid and --tun", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("listen: :41820\nlisten-tls: 443\npublic: [a:1]\nloopback: true\ntun: auto\nconsole: localhost:1\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("<<: *x\n---\n...\n"))
	f.Add([]byte("? {listen: 1}\n: !!binary |\n  x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig("f", text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("%v (%v), want invalid with the file's name", err, fault.KindOf(err))
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Fatalf("accepted from the file, refused as flags: %v", err)
		}
	})
}
