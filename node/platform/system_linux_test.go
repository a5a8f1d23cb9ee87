package platform

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRoutes(t *testing.T) {
	t.Parallel()
	const file = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
wg0	0100640A	00000000	0001	0	0	0	FFFFFFFF	0	0	0
cut	0000
bad	zz0011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
`
	want := []netip.Prefix{netip.MustParsePrefix("172.17.0.0/16"), netip.MustParsePrefix("10.100.0.1/32")}
	got := parseRoutes(strings.NewReader(file))
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPrettyName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n": "Debian GNU/Linux 12 (bookworm)",
		"PRETTY_NAME='Alpine Linux'\n":                                        "Alpine Linux",
		"NAME=x\n":                                                            "",
	} {
		if got := prettyName(strings.NewReader(text)); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
